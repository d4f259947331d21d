import { lookup } from 'node:dns/promises';
import { hostname } from 'node:os';
import type { FinishedEvent } from './api/finishedEvent.ts';
import type { FlagEvent } from './api/flagEvent.ts';
import { parseFinishedEvent, parseFlagEvent, parseWebhookEndpoint } from './api/parse.ts';
import type { ObjectMeta } from './api/objectMeta.ts';
import type { WebhookEndpoint } from './api/webhookEndpoint.ts';
import { ApiServerAddresses } from './kube/apiServerAddresses.ts';
import { findConfig, readConfig } from './kube/config.ts';
import { CredentialsReader } from './kube/credentials.ts';
import { EventRecorder } from './kube/eventRecorder.ts';
import { metadataOnly, ResourceClient, type Resource } from './kube/resourceClient.ts';
import { FLAG_EVENTS, KUBERNETES_EVENTS, WEBHOOK_ENDPOINTS } from './kube/resources.ts';
import { Transport } from './kube/transport.ts';
import { WatchedObjects, type WatchedObjectsOptions } from './kube/watchedObjects.ts';
import type { Clock } from './runtime/clock.ts';
import type { Identified } from './runtime/identified.ts';
import { createServerClock } from './runtime/serverClock.ts';
import { errorFields, type Logger } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';

export interface ClusterOptions {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly version: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Whether anything may be written now. */
  readonly mayAct: () => boolean;
}

/** The API server's side of the operator. */
export interface Cluster {
  readonly server: URL;
  /** The API server's time: what objects' times are compared with, and what is written to them. */
  readonly clock: Clock;
  readonly events: ResourceClient<FlagEvent>;
  readonly endpoints: ResourceClient<WebhookEndpoint>;
  /** A client for events that keeps of each what `keep` returns. */
  readonly eventsAs: <T extends FlagEvent>(keep: (event: FlagEvent) => T) => ResourceClient<T>;
  /** A client for what events have besides spec and status; annotations are left out, since kubectl keeps payloads there. */
  readonly eventMetadata: ResourceClient<{ readonly metadata: ObjectMeta }>;
  /** A client for events that keeps of each no more than what says how long it is kept. */
  readonly finishedEvents: ResourceClient<FinishedEvent>;
  readonly recorder: EventRecorder;
  readonly watchObjects: (onChange: WatchedObjectsOptions['onChange']) => WatchedObjects;
  readonly addresses: (onChange: () => void) => ApiServerAddresses;
  /** Whether our clock and the API server's differ by a minute at most. */
  readonly clockIsTrusted: () => boolean;
  readonly close: () => Promise<void>;
}

const TRUSTED_SKEW_MILLISECONDS = 60_000;

type TransportOptions = Pick<ClusterOptions, 'env' | 'version' | 'logger' | 'metrics' | 'clock'> & {
  /** Always, where undefined. */
  readonly mayAct: ClusterOptions['mayAct'] | undefined;
};

/** Finds the API server; the transport has connections of its own. Throws a ConfigError. */
export function openTransport({ env, version, logger, metrics, clock, mayAct }: TransportOptions) {
  const source = findConfig(env);
  const server = new URL(readConfig(source).cluster.server);
  const transport = new Transport({
    server,
    credentials: new CredentialsReader(() => readConfig(source)),
    clock,
    userAgent: `Flagpost/${version}`,
    mayWrite: mayAct,
    onRequest: (request) => metrics.apiRequests.inc(request),
    onCredentialsError: (error) => logger.error(errorFields(error), 'credentials can not be read'),
  });
  return { server, transport };
}

/** Finds the API server and prepares what talks to it; nothing is sent yet. Throws a ConfigError. */
export function openCluster(options: ClusterOptions): Cluster {
  const { env, logger, random } = options;
  const { server, transport } = openTransport(options);
  const clock = createServerClock(options.clock, () => transport.serverTimeAtZero());
  const clientOf = <T extends Identified>(
    resource: Resource,
    parse: (value: unknown) => T,
    withoutRest = false,
  ) =>
    new ResourceClient<T>({
      transport,
      resource,
      parse,
      metadataOnly: withoutRest,
      onUnparsable: (key, error) =>
        logger.warn({ key, kind: resource.kind, ...errorFields(error) }, 'an object can not be read'),
    });
  return {
    server,
    clock,
    events: clientOf(FLAG_EVENTS, parseFlagEvent),
    endpoints: clientOf(WEBHOOK_ENDPOINTS, parseWebhookEndpoint),
    eventsAs: (keep) => clientOf(FLAG_EVENTS, (value) => keep(parseFlagEvent(value))),
    eventMetadata: clientOf(FLAG_EVENTS, parseMetadata, true),
    finishedEvents: clientOf(FLAG_EVENTS, parseFinishedEvent),
    recorder: new EventRecorder({
      client: clientOf(KUBERNETES_EVENTS, (value) => metadataOnly.parse(value)),
      instance: `flagpost-${hostname()}`.slice(0, 128),
      clock,
      random,
      onRefused: (error, count) =>
        logger.warn({ count, ...errorFields(error) }, 'Kubernetes Events can not be recorded'),
    }),
    watchObjects: (onChange) =>
      new WatchedObjects({
        transport,
        clock,
        random,
        onChange,
        onError: (kind, namespace, name, error) =>
          logger.warn({ kind, key: `${namespace}/${name}`, ...errorFields(error) }, 'a watch failed'),
      }),
    addresses: (onChange) =>
      new ApiServerAddresses({
        transport,
        server,
        env,
        lookup: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
        clock,
        random,
        onChange,
        onError: (error) =>
          logger.debug(errorFields(error), 'the addresses of the API server can not be read'),
      }),
    clockIsTrusted: () => Math.abs(transport.clockSkewMilliseconds() ?? 0) <= TRUSTED_SKEW_MILLISECONDS,
    close: () => transport.close(),
  };
}

function parseMetadata(value: unknown): { readonly metadata: ObjectMeta } {
  const { metadata } = metadataOnly.parse(value);
  return { metadata: { ...metadata, annotations: undefined } };
}
