import type { Delivery } from '../api/flagEvent.ts';

const SPREAD_MILLISECONDS = 5000;

/**
 * When the first attempt of an event that was taken up before the start may be made, in milliseconds since 1970. After a
 * long stop many are late at once, so they are spread over 5 s, but no one waits for longer than it is late already.
 *
 * @param random from 0 to under 1
 */
export function resumeAt(pending: readonly Delivery[], now: number, random: number): number {
  const lateBy = Math.max(0, ...pending.map((delivery) => now - dueSince(delivery)));
  return now + Math.round(random * Math.min(lateBy, SPREAD_MILLISECONDS));
}

function dueSince({ nextAttemptTime, startTime }: Delivery): number {
  return Date.parse(nextAttemptTime ?? startTime ?? '') || 0;
}
