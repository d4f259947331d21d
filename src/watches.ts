import type { FlagEvent } from './api/flagEvent.ts';
import type { WebhookEndpoint } from './api/webhookEndpoint.ts';
import type { Cluster } from './cluster.ts';
import type { Config } from './config.ts';
import type { KnownEvent } from './reconcile/preparedEvents.ts';
import { redeliverLabel, type Labelled } from './redeliverLabel.ts';
import type { Clock } from './runtime/clock.ts';
import { Informer } from './runtime/informer.ts';
import type { Change } from './runtime/store.ts';
import { errorFields, type Logger } from './telemetry/log.ts';
import { isMissing, isOfAll, reasonOf } from './watchFailure.ts';

export interface WatchesOptions {
  readonly config: Pick<Config, 'namespaces'>;
  readonly cluster: Pick<Cluster, 'endpoints' | 'eventsAs' | 'eventMetadata'>;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  /** What the store keeps of an event. */
  readonly keepEvent: (event: FlagEvent) => KnownEvent;
  readonly onEndpoint: (change: Change<WebhookEndpoint>) => void;
  readonly onEvent: (change: Change<KnownEvent>) => void;
  /** An event, finished or not, has the label that asks for redelivery, or another value of it. */
  readonly onLabel: (labelled: Labelled) => void;
}

/** What the operator follows: all endpoints, the events that have not finished, and those with the label. */
export interface Watches {
  readonly endpoints: Informer<WebhookEndpoint>;
  readonly events: Informer<KnownEvent>;
  readonly labels: Informer<Labelled>;
}

/** Prepares the watches; none begins before it is started. */
export function openWatches(options: WatchesOptions): Watches {
  const { config, cluster, clock, random, logger, keepEvent, onEndpoint, onEvent, onLabel } = options;
  const common = { namespaces: config.namespaces, clock, random };
  const reporting = (resource: string) => ({
    onError: (namespace: string | undefined, error: unknown, retryAfterMilliseconds: number) => {
      const fields = { resource, namespace, retryAfterMilliseconds, ...errorFields(error) };
      logger.warn(isMissing(error) ? { ...fields, message: reasonOf(error) } : fields, 'a watch failed');
    },
    onRecovered: (namespace: string | undefined) =>
      logger.info({ resource, namespace }, 'a watch that had failed works again'),
  });
  const events = reporting('flagevents');
  const unfinished = cluster.eventsAs(keepEvent);
  return {
    endpoints: new Informer({
      ...common,
      listWatch: (namespace) => cluster.endpoints.listWatch({ namespace }),
      onChange: onEndpoint,
      ...reporting('webhookendpoints'),
    }),
    events: new Informer({
      ...common,
      listWatch: (namespace) => unfinished.listWatch({ namespace, fieldSelector: 'status.completionTime=' }),
      onChange: onEvent,
      ...events,
    }),
    labels: new Informer({
      ...common,
      ...redeliverLabel(cluster.eventMetadata, onLabel),
      // What concerns both watches of this resource, the other one tells.
      onError: (...failure) => isOfAll(failure[1]) || events.onError(...failure),
    }),
  };
}
