/** The statuses on which Retry-After is listened to (RFC 9110, sections 10.2.3 and 15.6.4; RFC 6585, section 4). */
const ASKS_TO_WAIT: ReadonlySet<number> = new Set([429, 503]);

/**
 * Until when a receiver wants to be left alone, in milliseconds since 1970; nothing where it does not say so, or not in a
 * way that makes sense. It is trusted for `maxDelaySeconds` at most. `answeredAt` in milliseconds since 1970.
 */
export function retryAfter(
  statusCode: number,
  value: string | undefined,
  answeredAt: number,
  maxDelaySeconds: number,
): number | undefined {
  if (value === undefined || !ASKS_TO_WAIT.has(statusCode)) return undefined;
  const until = /^\d+$/.test(value) ? answeredAt + Number(value) * 1000 : parseHttpDate(value);
  if (!(until > answeredAt)) return undefined;
  return Math.min(until, answeredAt + maxDelaySeconds * 1000);
}

/** An IMF-fixdate (RFC 9110, section 5.6.7); the two older forms are not sent any more. */
function parseHttpDate(value: string): number {
  return /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value) ? Date.parse(value) : NaN;
}
