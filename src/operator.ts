import type { UID } from './api/objectMeta.ts';
import type { WebhookEndpoint } from './api/webhookEndpoint.ts';
import { openCluster } from './cluster.ts';
import { Complaints } from './complaints.ts';
import type { Config } from './config.ts';
import { observeAttempt, observeFirstRequest } from './deliveryMetrics.ts';
import { openEndpointReconciler } from './endpointReconciler.ts';
import { checkTlsMaterial } from './http/tlsMaterial.ts';
import { overlay } from './kube/overlay.ts';
import { keyOf, type MadeAttempt } from './reconcile/context.ts';
import { EndpointRegistry } from './reconcile/endpointRegistry.ts';
import { EventWorks } from './reconcile/eventWorks.ts';
import { Fences } from './reconcile/fences.ts';
import { FlagEvents } from './reconcile/flagEvents.ts';
import { createGate } from './reconcile/gate.ts';
import { Histories } from './reconcile/histories.ts';
import { Lanes } from './reconcile/lanes.ts';
import { OrderBook } from './reconcile/orderBook.ts';
import { PendingDeliveries } from './reconcile/pendingDeliveries.ts';
import { PreparedEvents, withoutPayload, type KnownEvent } from './reconcile/preparedEvents.ts';
import { openLeading } from './leading.ts';
import { ENDPOINT_WRITES, EVENT_WRITES } from './reconcile/writeBudget.ts';
import { openReceivers } from './receivers.ts';
import { createReconcileLoop } from './reconcileLoop.ts';
import type { Labelled } from './redeliverLabel.ts';
import { createSweeper } from './sweeping.ts';
import type { Clock } from './runtime/clock.ts';
import { createStatusRecorder } from './statusRecording.ts';
import type { Logger } from './telemetry/log.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { stuck, unsynced } from './watchHealth.ts';
import { openWatches, type Watches } from './watches.ts';
import { work } from './work.ts';

export interface OperatorOptions {
  readonly config: Config;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly logger: Logger;
  readonly version: string;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Another process may work from now on: this one must end at once. */
  readonly onLost: () => void;
}

export interface Operator {
  readonly metrics: Metrics;
  /** What is not ready yet, in words; empty once the operator works. */
  readonly notReady: () => readonly string[];
  /** What stands still for longer than could be right, in words: only a new process helps. */
  readonly stuck: () => readonly string[];
  /** Lets attempts in flight end for so long, writes their outcomes, and stops. */
  readonly stop: (graceMilliseconds: number) => Promise<void>;
}

const WRITE_OUTCOMES_MILLISECONDS = 3000;

/** Wires the operator and starts it. Throws a ConfigError where no API server is configured. */
export function startOperator(options: OperatorOptions): Operator {
  const { config, logger, version, random } = options;
  const life = new AbortController();
  const { signal } = life;
  const pending = new PendingDeliveries();
  const metrics = createMetrics({
    pendingDeliveries: () => pending.size,
    circuitsOpen: () => histories.openCircuits,
  });
  const leading = openLeading({ ...options, metrics });
  const { mayAct } = leading;
  const cluster = openCluster({ ...options, metrics, mayAct });
  const { clock } = cluster;
  const loop = { clock, random, logger, metrics };
  const eventLoop = createReconcileLoop({ name: 'flagevent', writes: EVENT_WRITES, ...loop });
  const endpointLoop = createReconcileLoop({ name: 'webhookendpoint', writes: ENDPOINT_WRITES, ...loop });
  const complaints = new Complaints(clock, (fields) => logger.warn(fields, 'failed'));
  const failed = (key: string, doing: string, error: unknown) => complaints.about(doing, error, { key });

  const receivers = openReceivers({
    config,
    cluster,
    clock,
    mayAct,
    onGuardChange: () => registry.resolveAll(),
  });
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
    // What changes while another process works, that one takes in.
    onNewContent: (endpoint, what) => leading.hasBegun() && histories.changed(endpoint, what),
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

  const lanes = new Lanes({ maxInFlight: config.maxInFlight, clock, ...createGate(registry, histories) });
  const attempts = { send: receivers.send, clock, random, version };

  const prepared = new PreparedEvents();
  const works = new EventWorks();
  const order = new OrderBook({ registry, wake: (key) => eventLoop.queue.add(key) });
  const sweeper = createSweeper({ config, cluster, clock, random, logger, signal });
  const recorder = createStatusRecorder({
    cluster,
    events: () => events,
    sweeper,
    onRecovered: () => eventReconciler.recovered(),
    failed,
    clock,
    signal,
  });
  const endpointReconciler = openEndpointReconciler({
    cluster,
    watches: () => watches,
    recorder,
    registry,
    histories,
    pending,
    lanes,
    attempts,
    eventLoop,
    endpointLoop,
    failed,
    signal,
  });
  const readEvent = (namespace: string, name: string) => cluster.events.get(namespace, name, signal);
  // Each attempt comes here three times; a reconcile that may not write yet would be in vain.
  const show = (endpoint: WebhookEndpoint | undefined, urgent = false) => {
    const after = endpoint && !urgent ? endpointReconciler.pause(endpoint) : 0;
    if (endpoint) endpointLoop.queue.addAfter(keyOf(endpoint.metadata), after, 'low');
  };
  const attempted = ({ event, deliveryID, record }: MadeAttempt) => {
    observeAttempt(metrics, event.spec.type, record.outcome);
    const endpoint = registry.get(record.endpointUID);
    // One that is gone would never be forgotten again.
    if (endpoint) show(endpoint, histories.add(endpoint, event.metadata.name, deliveryID, record));
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
    order,
    lanes,
    recorder,
    attempts,
    budget: eventLoop.budget,
    clock,
    clockIsTrusted: cluster.clockIsTrusted,
    hooks: {
      firstRequest: (event) => observeFirstRequest(metrics, event, clock.now()),
      attempted,
      pendingChanged: (uid) => show(registry.get(uid)),
      failed,
    },
  });

  const watches = openWatches({
    config,
    cluster,
    clock,
    random,
    logger,
    keepEvent: (event) => prepared.keep(event),
    onEndpoint: ({ type, object }) => {
      if (type === 'deleted') {
        registry.delete(object);
        endpointReconciler.forget(object);
        return;
      }
      registry.set(object);
      endpointLoop.queue.add(keyOf(object.metadata), 'low');
      lanes.wake(object.metadata.uid);
    },
    onEvent: ({ type, object }) => {
      // Until then the store alone keeps them: another process may work on them.
      if (type === 'deleted') eventReconciler.forget(object);
      else if (leading.hasBegun()) takeOver(object, type);
    },
    onLabel: (event) => leading.hasBegun() && redeliver(event),
  });
  const { endpoints, events, labels }: Watches = watches;
  const takeOver = (event: KnownEvent, type: 'added' | 'updated') => {
    order.see(event);
    // Before the first endpoint's status is written, so that a restart does not show as deliveries that are gone.
    if (type === 'added') eventReconciler.resume(event);
    // What our own write has finished leaves the watch: nothing is to be done about it.
    if (event.status?.completionTime !== undefined) return;
    // After a start, what is yet to be begun does not wait for all that was begun before.
    const isBegun = type === 'added' && event.status?.startTime !== undefined;
    eventLoop.queue.add(keyOf(event.metadata), isBegun ? 'low' : 'normal');
  };

  const redeliver = ({ metadata }: Labelled) => {
    eventReconciler.redeliver(metadata);
    eventLoop.queue.add(keyOf(metadata), 'low');
  };

  const run = () => {
    for (const event of events.all()) takeOver(event, 'added');
    for (const event of labels.all()) redeliver(event);
    logger.info({ server: cluster.server.host, namespaces: config.namespaces }, 'working');
    return Promise.all([
      eventLoop.run((key) => eventReconciler.reconcile(key), signal),
      endpointLoop.run((key) => endpointReconciler.reconcile(key), signal),
      sweeper.run(signal),
    ]);
  };
  const ended = work({ watches, watchApiServer: receivers.watchApiServer, leading, run }, signal);

  return {
    metrics,
    notReady: () => [...unsynced(watches), ...leading.notReady()],
    stuck: () => stuck(watches, objects),
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
      await leading.end();
    },
  };
}
