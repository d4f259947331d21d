import type { FlagEvent } from './api/flagEvent.ts';
import type { UID } from './api/objectMeta.ts';
import type { WebhookEndpoint } from './api/webhookEndpoint.ts';
import { openCluster } from './cluster.ts';
import type { Config } from './config.ts';
import { observeAttempt, observeFirstRequest } from './deliveryMetrics.ts';
import { checkTlsMaterial } from './http/tlsMaterial.ts';
import { overlay, writeStatus } from './kube/overlay.ts';
import { FLAG_EVENTS, WEBHOOK_ENDPOINTS } from './kube/resources.ts';
import { refusalOf } from './kube/writeRefusal.ts';
import type { MadeAttempt } from './reconcile/context.ts';
import { EndpointRegistry } from './reconcile/endpointRegistry.ts';
import { EventWorks } from './reconcile/eventWorks.ts';
import { Fences } from './reconcile/fences.ts';
import { FlagEvents } from './reconcile/flagEvents.ts';
import { createGate } from './reconcile/gate.ts';
import { Histories } from './reconcile/histories.ts';
import { Lanes } from './reconcile/lanes.ts';
import { PendingDeliveries } from './reconcile/pendingDeliveries.ts';
import { PreparedEvents, withoutPayload } from './reconcile/preparedEvents.ts';
import { StatusRecorder } from './reconcile/statusRecorder.ts';
import { WebhookEndpoints } from './reconcile/webhookEndpoints.ts';
import { openReceivers } from './receivers.ts';
import { createReconcileLoop } from './reconcileLoop.ts';
import type { Clock } from './runtime/clock.ts';
import { Informer } from './runtime/informer.ts';
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

const WRITE_OUTCOMES_MILLISECONDS = 3000;

/** Wires the operator and starts it. Throws a ConfigError where no API server is configured. */
export function startOperator({ config, env, logger, version, clock, random }: OperatorOptions): Operator {
  const life = new AbortController();
  const { signal } = life;
  const pending = new PendingDeliveries();
  const metrics = createMetrics({
    pendingDeliveries: () => pending.size,
    circuitsOpen: () => histories.openCircuits,
  });
  const cluster = openCluster({ env, version, logger, metrics, clock, random });
  const eventLoop = createReconcileLoop({ name: 'flagevent', clock, random, logger, metrics });
  const endpointLoop = createReconcileLoop({ name: 'webhookendpoint', clock, random, logger, metrics });
  const failed = (key: string, doing: string, error: unknown) =>
    logger.warn({ key, doing, ...errorFields(error) }, 'failed');

  const receivers = openReceivers({ config, cluster, clock, onGuardChange: () => registry.resolveAll() });
  const objects = cluster.watchObjects((kind, namespace, name) =>
    registry.objectChanged(kind, namespace, name),
  );
  const readEndpoint = (namespace: string, name: string) => cluster.endpoints.get(namespace, name, signal);
  const registry: EndpointRegistry = new EndpointRegistry({
    objects,
    clock,
    refusesUrl: receivers.refusesUrl,
    checkTls: checkTlsMaterial,
    pace: (endpoint) => histories.pace(endpoint),
    read: readEndpoint,
    isStored: ({ metadata }) => endpoints.store(metadata.namespace)?.getByUid(metadata.uid) !== undefined,
    onNewContent: (endpoint, what) => histories.changed(endpoint, what),
    onChange: ({ metadata }) => {
      endpointLoop.queue.add(keyOf(metadata));
      planPending(metadata.uid, 'low');
      lanes.wake(metadata.uid);
    },
  });
  const histories = new Histories({
    clock,
    pendingDeliveries: (uid) => pending.count(uid),
    onStop: ({ metadata }) => planPending(metadata.uid, 'low'),
    onRelease: ({ metadata }) => {
      endpointLoop.queue.add(keyOf(metadata));
      lanes.wake(metadata.uid);
    },
  });
  const planPending = (uid: UID, priority: 'normal' | 'low') => {
    for (const key of pending.keys(uid)) eventLoop.queue.add(key, priority);
  };
  const fences = new Fences({
    list: (namespace) => cluster.endpoints.listMetadata(namespace, signal),
    known: ({ uid, generation }) => {
      const known = registry.get(uid);
      return known?.metadata.generation === generation ? known : undefined;
    },
    read: readEndpoint,
  });

  const endpointReconciler = new WebhookEndpoints({
    store: { get: (namespace, name) => endpoints.get(namespace, name) },
    replaceStatus: (endpoint, status) =>
      writeStatus(endpoints.store(endpoint.metadata.namespace), endpoint, status, (metadata, wanted) =>
        cluster.endpoints.replaceStatus(metadata, wanted, signal),
      ).catch((error: unknown) => {
        // Its watch will show that it is gone.
        if (refusalOf(error) !== 'gone') throw error;
      }),
    registry,
    histories,
    pending,
    notify: cluster.recorder.about(WEBHOOK_ENDPOINTS),
    clock,
  });

  const prepared = new PreparedEvents();
  const works = new EventWorks();
  const lanes = new Lanes({ maxInFlight: config.maxInFlight, clock, ...createGate(registry, histories) });
  const recorder = new StatusRecorder({
    replaceStatus: (event, status) =>
      writeStatus(events.store(event.metadata.namespace), withoutPayload(event), status, (metadata, wanted) =>
        cluster.events.replaceStatus(metadata, wanted, signal),
      ),
    refusalOf,
    onRecovered: () => eventReconciler.recovered(),
    onError: ({ metadata }, error) => failed(keyOf(metadata), 'write the status of a FlagEvent', error),
    notify: cluster.recorder.about(FLAG_EVENTS),
    clock,
  });
  const readEvent = (namespace: string, name: string) => cluster.events.get(namespace, name, signal);
  const attempted = ({ event, deliveryID, record }: MadeAttempt) => {
    observeAttempt(metrics, event.spec.type, record.outcome);
    // One that is gone would never be forgotten again.
    const endpoint = registry.get(record.endpointUID);
    if (!endpoint) return;
    histories.add(endpoint, event.metadata.name, deliveryID, record);
    endpointLoop.queue.add(keyOf(endpoint.metadata), 'low');
  };
  const eventReconciler = new FlagEvents({
    store: {
      get: (namespace, name) => events.get(namespace, name),
      refresh: ({ metadata }) =>
        overlay(events.store(metadata.namespace), metadata.uid, async () => {
          const event = await readEvent(metadata.namespace, metadata.name);
          return event && withoutPayload(event);
        }),
    },
    client: { readEvent },
    endpointsAreCurrent: (namespace) => endpoints.isCurrent(namespace),
    enqueue: (key, afterMilliseconds = 0) => eventLoop.queue.addAfter(key, afterMilliseconds),
    registry,
    fences,
    works,
    prepared,
    pending,
    lanes,
    recorder,
    attempts: { send: receivers.send, clock, random, version },
    clock,
    clockIsTrusted: cluster.clockIsTrusted,
    hooks: {
      firstRequest: (event) => observeFirstRequest(metrics, event, clock.now()),
      attempted,
      pendingChanged: (uid) => {
        const endpoint = registry.get(uid);
        if (endpoint) endpointLoop.queue.add(keyOf(endpoint.metadata), 'low');
      },
      failed,
    },
  });

  const watchFailed =
    (resource: string) => (namespace: string | undefined, error: unknown, retryAfter: number) =>
      logger.warn(
        { resource, namespace, retryAfterMilliseconds: retryAfter, ...errorFields(error) },
        'a watch failed',
      );
  const endpoints: Informer<WebhookEndpoint> = new Informer({
    namespaces: config.namespaces,
    clock,
    random,
    listWatch: (namespace) => cluster.endpoints.listWatch({ namespace }),
    onChange: ({ type, object }) => {
      if (type === 'deleted') {
        registry.delete(object);
        endpointReconciler.forget(object);
        return;
      }
      registry.set(object);
      endpointLoop.queue.add(keyOf(object.metadata), 'low');
      lanes.wake(object.metadata.uid);
    },
    onError: watchFailed('webhookendpoints'),
  });
  const watchedEvents = cluster.eventsAs((event) => {
    if (event.status?.startTime === undefined) prepared.prepare(event);
    return withoutPayload(event);
  });
  const events: Informer<FlagEvent> = new Informer({
    namespaces: config.namespaces,
    clock,
    random,
    listWatch: (namespace) => watchedEvents.listWatch({ namespace, fieldSelector: 'status.completionTime=' }),
    onChange: ({ type, object }) => {
      if (type === 'deleted') {
        eventReconciler.forget(object);
        return;
      }
      // Before the first endpoint's status is written, so that a restart does not show as deliveries that are gone.
      if (type === 'added') eventReconciler.resume(object);
      eventLoop.queue.add(keyOf(object.metadata));
    },
    onError: watchFailed('flagevents'),
  });

  let working = false;
  const work = async () => {
    const watched = receivers.watchApiServer(signal);
    const watches = [endpoints.start(signal), events.start(signal), watched.ended];
    const synced = Promise.all([endpoints.synced(), events.synced(), watched.ready]);
    await Promise.race([synced, Promise.all(watches)]);
    if (!signal.aborted) {
      working = true;
      logger.info({ server: cluster.server.host, namespaces: config.namespaces }, 'working');
      await Promise.all([
        eventLoop.run((key) => eventReconciler.reconcile(key), signal),
        endpointLoop.run((key) => endpointReconciler.reconcile(key), signal),
      ]);
    }
    await Promise.all(watches);
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
      histories.stop();
      await works.settled(clock, WRITE_OUTCOMES_MILLISECONDS);
      await cluster.recorder.stop();
      life.abort();
      await objects.stop();
      receivers.close();
      await cluster.close();
      await ended;
    },
  };
}

function keyOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}
