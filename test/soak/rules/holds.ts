import { isGone, SLACK_MILLISECONDS, type Attempt } from '../attempts.ts';
import { nameOf, timeOf, type Rule } from '../facts.ts';

/** maxInFlight: requests at once to this endpoint (api.md, WebhookEndpoint). */
export const keepsToMaxInFlight: Rule = ({ endpoints }) =>
  endpoints.flatMap(({ endpoint, attempts }) =>
    attempts.flatMap((attempt, index) => {
      const open = attempts.slice(0, index).filter(({ endedFrom }) => endedFrom > attempt.arrivedAt);
      const lastToEnd = open.toSorted((a, b) => b.endedFrom - a.endedFrom).at(-1);
      return lastToEnd && open.length >= endpoint.maxInFlight
        ? [
            `${nameOf(attempt)} is one of ${open.length + 1} at once, and at most ${endpoint.maxInFlight} are allowed; ` +
              `first of the others ended ${nameOf(lastToEnd)}, with ${JSON.stringify(lastToEnd.answer)} at ${timeOf(lastToEnd.endedAt)}`,
          ]
        : [];
    }),
  );

/** Retry-After on 429 and 503 holds the whole endpoint until then, at most maxDelaySeconds (api.md, Retries). */
export const obeysRetryAfter: Rule = ({ endpoints }) =>
  endpoints.flatMap(({ attempts }) =>
    attempts.flatMap((asking) => {
      const until = heldUntil(asking);
      return attempts
        .filter(({ arrivedAt }) => arrivedAt > asking.endedAt + SLACK_MILLISECONDS && arrivedAt < until)
        .map((attempt) => `${nameOf(attempt)} came while Retry-After held it until ${timeOf(until)}`);
    }),
  );

function heldUntil({ answer, endedAt, endpoint }: Attempt): number {
  if (typeof answer === 'string' || ![429, 503].includes(answer.status)) return 0;
  const { retryAfter = '' } = answer;
  const until = /^\d+$/.test(retryAfter) ? endedAt + Number(retryAfter) * 1000 : Date.parse(retryAfter) || 0;
  return Math.min(until, endedAt + endpoint.retry.maxDelaySeconds * 1000);
}

/** Where the receiver answered 410, pending and new deliveries end without an attempt (api.md, Gone). */
export const leavesAloneWhatIsGone: Rule = ({ endpoints }) =>
  endpoints.flatMap(({ attempts, goneAt = Infinity }) =>
    attempts
      .filter((attempt) => attempt.arrivedAt > goneAt + SLACK_MILLISECONDS)
      .map((attempt) => `${nameOf(attempt)} came after the endpoint was gone at ${timeOf(goneAt)}`),
  );

/** No two deliveries of a gone endpoint end in another way than Gone, but those in flight then (api.md, Gone). */
export const endsWhatIsGone: Rule = ({ endpoints }) =>
  endpoints.flatMap(({ deliveries, goneAt }) => {
    if (goneAt === undefined) return [];
    return deliveries
      .filter(({ delivery, attempts }) => {
        const last = attempts.at(-1);
        if (last && isGone(last)) return delivery.reason !== 'Gone';
        const wasOver = Date.parse(delivery.completionTime ?? '') <= goneAt + SLACK_MILLISECONDS;
        const wasInFlight = last !== undefined && last.endedAt >= goneAt;
        return !wasOver && !wasInFlight && delivery.reason !== 'Gone';
      })
      .map(({ delivery }) => `${delivery.deliveryID} ended ${delivery.reason} after its endpoint was gone`);
  });
