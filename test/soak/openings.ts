import { isFailureInRow, SLACK_MILLISECONDS, type Attempt } from './attempts.ts';
import type { EndpointFacts } from './facts.ts';

const OPENS_AFTER_FAILURES = 5;

/** A time during which a circuit was open, whatever the order in which the operator saw what ended together. */
export interface Opening {
  /** When it may have opened at the earliest. */
  readonly openedFrom: number;
  readonly probes: readonly Attempt[];
}

/** Ends that the operator may have seen in another order count as they would open the circuit latest. */
export function openingsOf({ attempts }: Pick<EndpointFacts, 'attempts'>): readonly Opening[] {
  const ends = attempts.toSorted((a, b) => a.endedAt - b.endedAt);
  const resets = ends.filter((attempt) => !isFailureInRow(attempt)).map(({ endedAt }) => endedAt);
  const failures = ends.filter(isFailureInRow);
  return [-Infinity, ...resets].flatMap((resetAt, index): Opening[] => {
    const closedAt = resets[index] ?? Infinity;
    const row = failures.filter(
      ({ endedFrom, endedAt }) => endedFrom > resetAt + SLACK_MILLISECONDS && endedAt < closedAt,
    );
    const opener = row[OPENS_AFTER_FAILURES - 1];
    if (!opener) return [];
    const earliest = failures
      .filter(({ endedAt }) => endedAt > resetAt - SLACK_MILLISECONDS)
      .map(({ endedFrom }) => endedFrom)
      .toSorted((a, b) => a - b);
    const openedFrom = earliest[OPENS_AFTER_FAILURES - 1] ?? opener.endedFrom;
    // What arrives later than this was not in flight when it opened.
    const openedBy = opener.endedAt + SLACK_MILLISECONDS;
    const probes = attempts.filter(({ arrivedAt }) => arrivedAt > openedBy && arrivedAt < closedAt);
    return [{ openedFrom, probes }];
  });
}
