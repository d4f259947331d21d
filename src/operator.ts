import { lookup } from 'node:dns/promises';
import type { FlagEvent } from './api/flagEvent.ts';
import { parseFlagEvent, parseWebhookEndpoint } from './api/parse.ts';
import type { WebhookEndpoint } from './api/webhookEndpoint.ts';
import type { Config } from './config.ts';
import { createAddressGuard } from './http/addressGuard.ts';
import { createSender } from './http/sender.ts';
import { checkTlsMaterial } from './http/tlsMaterial.ts';
import { ApiServerAddresses } from './kube/apiServerAddresses.ts';
import { findConfig, readConfig } from './kube/config.ts';
import { CredentialsReader } from './kube/credentials.ts';
import { overlay, writeStatus } from './kube/overlay.ts';
import { ResourceClient } from './kube/resourceClient.ts';
import { FLAG_EVENTS, WEBHOOK_ENDPOINTS } from './kube/resources.ts';
import { Transport } from './kube/transport.ts';
import { WatchedObjects } from './kube/watchedObjects.ts';
import type { EventContext, MadeAttempt } from './reconcile/context.ts';
import { EndpointRegistry } from './reconcile/endpointRegistry.ts';
import { EventWorks } from './reconcile/eventWorks.ts';
import { Fences } from './reconcile/fences.ts';
import { FlagEvents } from './reconcile/flagEvents.ts';
import { Histories } from './reconcile/histories.ts';
import { Lanes } from './reconcile/lanes.ts';
import { PendingDeliveries } from './reconcile/pendingDeliveries.ts';
import { PreparedEvents, withoutPayload } from './reconcile/preparedEvents.ts';
import { StatusRecorder } from './reconcile/statusRecorder.ts';
import { WebhookEndpoints } from './reconcile/webhookEndpoints.ts';
import { refusalOf } from './kube/writeRefusal.ts';
import { Backoff } from './runtime/backoff.ts';
import type { Clock } from './runtime/clock.ts';
import { Controller, type Reconcile } from './runtime/controller.ts';
import { Informer } from './runtime/informer.ts';
import { WorkQueue } from './runtime/workQueue.ts';
import { errorFields, type Logger } from './telemetry/log.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';

export interface OperatorOptions {
  readonly config: Config;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly logger: Logger;
  readonly version: string;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

export interface Operator {
  readonly metrics: Metrics;
  /** What is not ready yet, in words; empty once the operator works. */
  readonly notReady: () => readonly string[];
  /** Lets attempts in flight end for so long, writes their outcomes, and stops. */
  readonly stop: (graceMilliseconds: number) => Promise<void>;
}

const RECONCILE_BACKOFF = { initialMilliseconds: 100, maxMilliseconds: 30_000 };
const WRITE_OUTCOMES_MILLISECONDS = 3000;

/** Wires the operator and starts it. Throws a ConfigError where no API server is configured. */
export function startOperator({ config, env, logger, version, clock, random }: OperatorOptions): Operator {
  const life = new AbortController();
  const { signal } = life;
  const log = (key: string, doing: string, error: unknown) =>
    logger.warn({ key, doing, ...errorFields(error) }, 'failed');
  const pending = new PendingDeliveries();
  const metrics = createMetrics(() => pending.size);

  const source = findConfig(env);
  const server = new URL(readConfig(source).cluster.server);
  const transport = new Transport({
    server,
    credentials: new CredentialsReader(() => readConfig(source)),
    clock,
    userAgent: `Flagpost/${version}`,
    onRequest: (request) => metrics.apiRequests.inc(request),
    onCredentialsError: (error) => logger.error(errorFields(error), 'credentials can not be read'),
  });
  const clientOf = <T extends FlagEvent | WebhookEndpoint>(
    resource: typeof FLAG_EVENTS,
    parse: (value: unknown) => T,
  ) =>
    new ResourceClient<T>({
      transport,
      resource,
      parse,
      onUnparsable: (key, error) => log(key, `parse a ${resource.kind}`, error),
    });

  const prepared = new PreparedEvents();
  const eventClient = clientOf(FLAG_EVENTS, parseFlagEvent);
  const watchedEvents = clientOf(FLAG_EVENTS, (value) => {
    const event = parseFlagEvent(value);
    if (event.status?.startTime === undefined) prepared.prepare(event);
    return withoutPayload(event);
  });
  const endpointClient = clientOf(WEBHOOK_ENDPOINTS, parseWebhookEndpoint);

  const queueOf = (name: string) =>
    new WorkQueue({ clock, onDepth: (depth) => metrics.queueDepth.set({ name }, depth) });
  const eventQueue = queueOf('flagevent');
  const endpointQueue = queueOf('webhookendpoint');

  const addresses = new ApiServerAddresses({
    transport,
    server,
    env,
    lookup: async (hostname) => (await lookup(hostname, { all: true })).map(({ address }) => address),
    clock,
    random,
    onChange: () => registry.resolveAll(),
    onError: (error) => logger.debug(errorFields(error), 'the addresses of the API server can not be read'),
  });
  const guard = createAddressGuard({
    allow: config.allowCidrs,
    deny: config.denyCidrs,
    apiServers: () => addresses.current(),
  });
  const sender = createSender({ guard, clock });
  const objects = new WatchedObjects({
    transport,
    clock,
    random,
    onChange: (kind, namespace, name) => registry.objectChanged(kind, namespace, name),
    onError: (kind, namespace, name, error) => log(`${namespace}/${name}`, `watch a ${kind}`, error),
  });
  const readEndpoint = (namespace: string, name: string) => endpointClient.get(namespace, name, signal);
  const registry: EndpointRegistry = new EndpointRegistry({
    objects,
    clock,
    refusesUrl: (url) => guard.refusesUrl(url),
    checkTls: checkTlsMaterial,
    read: readEndpoint,
    isStored: ({ metadata }) => endpoints.store(metadata.namespace)?.getByUid(metadata.uid) !== undefined,
    onChange: ({ metadata }) => {
      endpointQueue.add(keyOf(metadata));
      for (const key of pending.keys(metadata.uid)) eventQueue.add(key);
    },
  });

  const histories = new Histories();
  const endpointReconciler = new WebhookEndpoints({
    store: { get: (namespace, name) => endpoints.get(namespace, name) },
    replaceStatus: (endpoint, status) =>
      writeStatus(endpoints.store(endpoint.metadata.namespace), endpoint, status, (metadata, wanted) =>
        endpointClient.replaceStatus(metadata, wanted, signal),
      ).catch((error: unknown) => {
        // Its watch will show that it is gone.
        if (refusalOf(error) !== 'gone') throw error;
      }),
    registry,
    histories,
    pending,
    clock,
  });

  const works = new EventWorks();
  const recorder = new StatusRecorder({
    replaceStatus: (event, status) =>
      writeStatus(events.store(event.metadata.namespace), withoutPayload(event), status, (metadata, wanted) =>
        eventClient.replaceStatus(metadata, wanted, signal),
      ),
    refusalOf,
    onRecovered: () => eventReconciler.recovered(),
    onError: ({ metadata }, error) => log(keyOf(metadata), 'write the status of a FlagEvent', error),
    clock,
  });
  const lanes = new Lanes({
    maxInFlight: config.maxInFlight,
    limit: (uid) => registry.get(uid)?.spec.maxInFlight ?? 1,
  });
  const context: EventContext = {
    store: {
      get: (namespace, name) => events.get(namespace, name),
      refresh: async ({ metadata }) => {
        const read = () => eventClient.get(metadata.namespace, metadata.name, signal);
        const found = await overlay(events.store(metadata.namespace), metadata.uid, async () => {
          const event = await read();
          return event && withoutPayload(event);
        });
        return found;
      },
    },
    client: { readEvent: (namespace, name) => eventClient.get(namespace, name, signal) },
    endpointsAreCurrent: (namespace) => endpoints.isCurrent(namespace),
    enqueue: (key, afterMilliseconds = 0) => eventQueue.addAfter(key, afterMilliseconds),
    registry,
    fences: new Fences({
      list: (namespace) => endpointClient.listMetadata(namespace, signal),
      known: ({ uid, generation }) => {
        const known = registry.get(uid);
        return known?.metadata.generation === generation ? known : undefined;
      },
      read: readEndpoint,
    }),
    works,
    prepared,
    pending,
    lanes,
    recorder,
    attempts: { send: (request) => sender.send(request), clock, random, version },
    clock,
    hooks: {
      firstRequest: ({ metadata }) =>
        metrics.eventLatencySeconds.observe(
          Math.max(0, clock.now() - Date.parse(metadata.creationTimestamp)) / 1000,
        ),
      attempted: (made) => attempted(made),
      pendingChanged: (uid) => {
        const endpoint = registry.get(uid);
        if (endpoint) endpointQueue.add(keyOf(endpoint.metadata), 'low');
      },
      failed: log,
    },
  };
  const attempted = ({ endpoint, event, deliveryID, record }: MadeAttempt) => {
    const { reason, durationMilliseconds } = record.outcome;
    metrics.deliveries.inc({ event_type: event.spec.type, outcome: reason });
    if (durationMilliseconds !== undefined) {
      metrics.deliverySeconds.observe({ event_type: event.spec.type }, durationMilliseconds / 1000);
    }
    histories.add(endpoint, event.metadata.name, deliveryID, record);
    endpointQueue.add(keyOf(endpoint.metadata), 'low');
  };
  const eventReconciler = new FlagEvents(context);

  const informerOptions = { namespaces: config.namespaces, clock, random };
  const watchFailed =
    (resource: string) => (namespace: string | undefined, error: unknown, retryAfter: number) =>
      logger.warn(
        { resource, namespace, retryAfterMilliseconds: retryAfter, ...errorFields(error) },
        'a watch failed',
      );
  const endpoints: Informer<WebhookEndpoint> = new Informer({
    ...informerOptions,
    listWatch: (namespace) => endpointClient.listWatch({ namespace }),
    onChange: ({ type, object }) => {
      if (type === 'deleted') {
        registry.delete(object);
        endpointReconciler.forget(object);
        return;
      }
      registry.set(object);
      endpointQueue.add(keyOf(object.metadata), 'low');
      lanes.wake(object.metadata.namespace, object.metadata.uid);
    },
    onError: watchFailed('webhookendpoints'),
  });
  const events: Informer<FlagEvent> = new Informer({
    ...informerOptions,
    listWatch: (namespace) => watchedEvents.listWatch({ namespace, fieldSelector: 'status.completionTime=' }),
    onChange: ({ type, object }) => {
      if (type === 'deleted') eventReconciler.forget(object);
      else eventQueue.add(keyOf(object.metadata));
    },
    onError: watchFailed('flagevents'),
  });

  const controllerOf = (name: string, queue: WorkQueue, reconcile: Reconcile) =>
    new Controller({
      queue,
      reconcile,
      clock,
      backoff: new Backoff(RECONCILE_BACKOFF, random),
      onError: (key, error, retryAfterMilliseconds) =>
        logger.warn(
          { controller: name, key, retryAfterMilliseconds, ...errorFields(error) },
          'a reconcile failed',
        ),
      onReconciled: (result, seconds) => {
        metrics.reconciles.inc({ controller: name, result });
        metrics.reconcileSeconds.observe({ controller: name }, seconds);
      },
    });

  let working = false;
  const work = async () => {
    const watched = addresses.start(signal);
    const informers = [endpoints.start(signal), events.start(signal), watched.ended];
    await Promise.all([endpoints.synced(), events.synced(), watched.ready]);
    if (signal.aborted) return;
    working = true;
    logger.info({ server: server.host, namespaces: config.namespaces }, 'working');
    await Promise.all([
      controllerOf('flagevent', eventQueue, (key) => eventReconciler.reconcile(key)).run(signal),
      controllerOf('webhookendpoint', endpointQueue, (key) => endpointReconciler.reconcile(key)).run(signal),
      ...informers,
    ]);
  };
  const ended = work();

  return {
    metrics,
    notReady: () => [
      ...(endpoints.hasSynced() ? [] : ['the webhookendpoints are being listed']),
      ...(events.hasSynced() ? [] : ['the flagevents are being listed']),
      ...(working ? [] : ['the controllers have not started']),
    ],
    stop: async (graceMilliseconds) => {
      const hasten = new AbortController();
      const cancel = clock.schedule(graceMilliseconds, () => hasten.abort());
      await lanes.drain(hasten.signal);
      cancel();
      await works.settled(clock, WRITE_OUTCOMES_MILLISECONDS);
      life.abort();
      await objects.stop();
      sender.close();
      await transport.close();
      await ended.catch(() => {});
    },
  };
}

function keyOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}
