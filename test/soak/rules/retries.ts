import { backoff, isGone, isSuccess, SLACK_MILLISECONDS, type Attempt } from '../attempts.ts';
import { nameOf, nameOfDelivery, type Facts, type Rule } from '../facts.ts';

const LEAST_SPREAD = 0.8;
const MOST_SPREAD = 1.2;
// Times are whole milliseconds.
const ROUNDING_MILLISECONDS = 1;

/** 2xx is success, 410 ends the delivery: what has ended is never sent again (api.md, The request). */
export const stopsAtItsEnd: Rule = (facts) =>
  successions(facts)
    .filter(({ attempt }) => isSuccess(attempt) || isGone(attempt))
    .map(({ next }) => `${nameOf(next)} follows one that ended the delivery`);

/** The next attempt of a delivery begins once the last has ended. */
export const isOnceInFlight: Rule = (facts) =>
  successions(facts)
    .filter(({ attempt, next }) => next.arrivedAt < attempt.endedFrom)
    .map(({ next }) => `${nameOf(next)} began before the one before it had ended`);

/** The delay doubles after each failure; times 0.8 to 1.2 after the cap (api.md, spec.retry). */
export const backsOff: Rule = (facts) =>
  successions(facts).flatMap(({ attempt, next }) => {
    const wanted = backoff(attempt.endpoint, attempt.number) * LEAST_SPREAD;
    const waited = next.arrivedAt - attempt.endedFrom;
    return waited < wanted - ROUNDING_MILLISECONDS
      ? [`${nameOf(next)} came ${waited} ms after a failure, with a backoff of at least ${wanted}`]
      : [];
  });

/** Where the next attempt would fall after the window, or maxAttempts is reached, it ends Failed then (api.md, Retries). */
export const triesWithinTheWindow: Rule = ({ deliveries }) =>
  deliveries.flatMap(({ delivery, endpoint, attempts }) =>
    attempts.slice(1).flatMap((next, index) => {
      const { giveUpAfterSeconds, maxAttempts = Infinity } = endpoint.retry;
      const attempt = attempts[index];
      if (!attempt) return [];
      const earliest = attempt.endedFrom + backoff(endpoint, attempt.number) * LEAST_SPREAD;
      const end = Date.parse(delivery.firstAttemptTime ?? '') + giveUpAfterSeconds * 1000;
      const mayTry = giveUpAfterSeconds > 0 && attempt.number < maxAttempts;
      return mayTry && earliest <= end + ROUNDING_MILLISECONDS ? [] : [`${nameOf(next)} is one too many`];
    }),
  );

/** The window decides only when an attempt fails, and a delivery isn't given up before (api.md, Retries). */
export const givesUpOnlyAfterTheWindow: Rule = ({ deliveries }) =>
  deliveries.flatMap((facts) => {
    const { delivery, endpoint, attempts } = facts;
    if (delivery.state !== 'Failed' || delivery.reason === 'Gone') return [];
    const { giveUpAfterSeconds, maxAttempts = Infinity } = endpoint.retry;
    const last = attempts.at(-1);
    if (!last) return [`${nameOfDelivery(facts)} failed without an attempt`];
    if (giveUpAfterSeconds === 0 || last.number >= maxAttempts) return [];
    const latest = last.endedAt + SLACK_MILLISECONDS + backoff(endpoint, last.number) * MOST_SPREAD;
    const end = Date.parse(delivery.firstAttemptTime ?? '') + giveUpAfterSeconds * 1000;
    return latest > end ? [] : [`${nameOfDelivery(facts)} was given up ${end - latest} ms too early`];
  });

/** Attempts that follow each other in one delivery. */
function successions({ deliveries }: Facts): { readonly attempt: Attempt; readonly next: Attempt }[] {
  return deliveries.flatMap(({ attempts }) =>
    attempts.slice(1).flatMap((next, index) => {
      const attempt = attempts[index];
      return attempt ? { attempt, next } : [];
    }),
  );
}
