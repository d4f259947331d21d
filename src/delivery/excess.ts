import type { FinishedEvent } from '../api/finishedEvent.ts';
import { completedAt, hasFailed, isLeftAlone } from './timeToLive.ts';

/**
 * Which of a namespace's finished events go where there are more than `most`: the oldest, those that succeeded before those
 * that failed. One that says how long it is kept counts, and stays.
 */
export function excess<T extends FinishedEvent>(events: readonly T[], most: number): T[] {
  const present = events.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return present
    .filter((event) => event.spec.ttlSecondsAfterFinished === undefined && !isLeftAlone(event))
    .toSorted(
      (a, b) =>
        Number(hasFailed(a)) - Number(hasFailed(b)) ||
        completedAt(a) - completedAt(b) ||
        (a.metadata.name < b.metadata.name ? -1 : 1),
    )
    .slice(0, Math.max(0, present.length - most));
}
