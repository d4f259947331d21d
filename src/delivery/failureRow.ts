import type { Outcome } from './classify.ts';

/** An endpoint's `consecutiveFailures` after one more attempt: a success and a status about one event end the row. */
export function countFailures(consecutiveFailures: number, outcome: Outcome): number {
  return outcome.countsAgainstEndpoint === 'failure' ? consecutiveFailures + 1 : 0;
}
