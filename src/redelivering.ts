import type { FlagEvent } from './api/flagEvent.ts';
import type { Cluster } from './cluster.ts';
import { EndpointRedeliveries, type EndpointRedeliveriesOptions } from './reconcile/endpointRedeliveries.ts';
import { Redeliverer, type RedelivererOptions } from './reconcile/redeliverer.ts';
import type { ReconcileLoop } from './reconcileLoop.ts';
import type { Informer } from './runtime/informer.ts';
import { listPages } from './runtime/listPages.ts';

export interface RedeliveringOptions
  extends
    Pick<RedelivererOptions, 'recorder' | 'registry'>,
    Pick<EndpointRedeliveriesOptions, 'enqueue' | 'clock' | 'random' | 'signal'> {
  readonly cluster: Pick<Cluster, 'events'>;
  /** The events that have not finished, once they are followed. */
  readonly events: () => Informer<FlagEvent>;
  readonly eventLoop: Pick<ReconcileLoop, 'queue' | 'budget'>;
  readonly failed: (key: string, doing: string, error: unknown) => void;
}

// A reconcile takes a status write: at a usual pace so many mean that an event waits for some 50 ms.
const BUSY_DEPTH = 20;

/** Wires what sends again what has failed at an endpoint since a time. */
export function createRedeliveries(options: RedeliveringOptions): EndpointRedeliveries {
  const { cluster, events, eventLoop, failed, signal } = options;
  return new EndpointRedeliveries({
    ...options,
    list: (namespace) => listPages(cluster.events.listWatch({ namespace }), signal),
    redeliverer: new Redeliverer({
      ...options,
      budget: eventLoop.budget,
      isBusy: () => eventLoop.queue.depth > BUSY_DEPTH,
      read: (namespace, name) => cluster.events.get(namespace, name, signal),
      isUnwatched: ({ metadata }) => events().store(metadata.namespace)?.getByUid(metadata.uid) === undefined,
    }),
    onError: (namespace, error) => failed(namespace, 'go over the FlagEvents for a redelivery', error),
  });
}
