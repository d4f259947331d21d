import type { WatchedObjects } from './kube/watchedObjects.ts';
import { reasonOf } from './watchFailure.ts';
import type { Watches } from './watches.ts';

const NAMES = { endpoints: 'webhookendpoints', events: 'flagevents' } as const;

/** Why the operator does not know yet what there is, in words; empty once it does. */
export function unsynced(watches: Pick<Watches, 'endpoints' | 'events'>): string[] {
  const parts = [['endpoints', watches.endpoints] as const, ['events', watches.events] as const];
  return parts.flatMap(([part, informer]) => {
    if (informer.hasSynced()) return [];
    const failure = informer.failure();
    const resource = NAMES[part];
    return failure === undefined
      ? `the ${resource} are being listed`
      : `the ${resource} can not be listed: ${reasonOf(failure)}`;
  });
}

/** Which watches stand still for longer than could be right, in words. */
export function stuck(
  watches: Readonly<Record<keyof Watches, { isStuck(): boolean }>>,
  objects: Pick<WatchedObjects, 'isStuck'>,
): string[] {
  const parts: [string, { isStuck(): boolean }][] = [
    ['the webhookendpoints', watches.endpoints],
    ['the flagevents', watches.events],
    ['the flagevents with the redeliver label', watches.labels],
    ['a Secret or ConfigMap', objects],
  ];
  return parts.flatMap(([what, part]) => (part.isStuck() ? `the watch of ${what} is stuck` : []));
}
