import type { Cluster } from './cluster.ts';
import { Complaints } from './complaints.ts';
import type { Config } from './config.ts';
import { Sweeper } from './reconcile/sweeper.ts';
import type { Clock } from './runtime/clock.ts';
import { listPages } from './runtime/listPages.ts';
import type { Logger } from './telemetry/log.ts';

export interface SweepingOptions {
  readonly config: Config;
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  /** Ends what the sweeper asks of the API server. */
  readonly signal: AbortSignal;
}

/** Wires what deletes finished events. */
export function createSweeper({ config, cluster, clock, random, logger, signal }: SweepingOptions): Sweeper {
  const { finishedEvents } = cluster;
  const complaints = new Complaints(clock, (fields) => logger.warn(fields, 'failed'));
  return new Sweeper({
    ...config,
    list: (namespace, until) =>
      listPages(finishedEvents.listWatch({ namespace, fieldSelector: 'status.completionTime!=' }), until),
    read: (namespace, name) => finishedEvents.get(namespace, name, signal),
    delete: ({ namespace, name, uid, resourceVersion }) =>
      finishedEvents.delete(namespace, name, { uid, resourceVersion }, signal),
    clock,
    random,
    clockIsTrusted: cluster.clockIsTrusted,
    onError: (doing, error) => {
      if (!signal.aborted) complaints.about(doing, error, {});
    },
    onSwept: (events) => logger.debug(events, 'swept the finished events'),
  });
}
