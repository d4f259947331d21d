import type { FlagEvent, FlagEventStatus } from '../../src/api/flagEvent.ts';
import type { ObjectMeta, ResourceVersion, UID } from '../../src/api/objectMeta.ts';
import type { WebhookEndpoint } from '../../src/api/webhookEndpoint.ts';
import { overlay, writeStatus } from '../../src/kube/overlay.ts';
import { refusalOf } from '../../src/kube/writeRefusal.ts';
import type { OutgoingRequest, SendResult } from '../../src/reconcile/attempts.ts';
import type { EventContext, MadeAttempt } from '../../src/reconcile/context.ts';
import { EndpointRegistry, type ReferencedObjects } from '../../src/reconcile/endpointRegistry.ts';
import { EventWorks } from '../../src/reconcile/eventWorks.ts';
import { Fences } from '../../src/reconcile/fences.ts';
import { FlagEvents } from '../../src/reconcile/flagEvents.ts';
import { createGate } from '../../src/reconcile/gate.ts';
import { Histories } from '../../src/reconcile/histories.ts';
import { Lanes } from '../../src/reconcile/lanes.ts';
import { OrderBook } from '../../src/reconcile/orderBook.ts';
import { PendingDeliveries } from '../../src/reconcile/pendingDeliveries.ts';
import { PreparedEvents, withoutPayload, type KnownEvent } from '../../src/reconcile/preparedEvents.ts';
import { REDELIVER_LABEL } from '../../src/delivery/redeliver.ts';
import { StatusRecorder } from '../../src/reconcile/statusRecorder.ts';
import { EVENT_WRITES, WriteBudget } from '../../src/reconcile/writeBudget.ts';
import { ApiError } from '../../src/runtime/apiError.ts';
import { Backoff } from '../../src/runtime/backoff.ts';
import { Controller } from '../../src/runtime/controller.ts';
import { Store } from '../../src/runtime/store.ts';
import { WorkQueue } from '../../src/runtime/workQueue.ts';
import { aFlagUpdated } from './eventSpec.ts';
import { FakeClock } from './fakeClock.ts';
import { anEvent, uid } from './fixtures.ts';

/** What comes of a status write: it may fail before, or after, it was taken in. */
export type Fault = 'unavailable' | 'answer lost' | 'too large';

/** A request that a receiver has got and not answered yet. */
export interface Received {
  /** Name of the endpoint. */
  readonly endpoint: string;
  readonly deliveryID: string;
  readonly signal: AbortSignal;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly answer: (statusCode: number) => void;
}

type ObservedObject = ReturnType<ReferencedObjects['read']>;

const CALL_MILLISECONDS = 2;
const NAMESPACE = 'shop';

/**
 * The reconciler of events with everything around it that is real but the API server and the receivers: those are
 * objects in memory, which fail, lag and disagree when they are told to. Time stands still until `advance`.
 */
export class EventWorld {
  readonly clock: FakeClock;
  /** Every request, in the order in which they were sent. */
  readonly requests: Received[];
  /** The requests that have no answer yet. */
  readonly open = new Set<Received>();
  /** Statuses that the API server has taken in, with the event's name. */
  readonly written: { readonly event: string; readonly status: FlagEventStatus }[];
  /** Events as they were when they had finished. */
  readonly finished: FlagEvent[] = [];
  readonly maybeFinished: string[] = [];
  readonly failures: string[] = [];
  readonly attempts: MadeAttempt[] = [];
  readonly calls: string[] = [];
  /** How often an event was reconciled. */
  reconciles = 0;
  /** Faults of the next status writes. */
  readonly faults: Fault[] = [];
  /** How a receiver answers; undefined leaves the request open. */
  receiver: (request: Received) => number | undefined = () => 200;
  watchLagMilliseconds = 5;
  /** That of the watch on the label that asks for redelivery. */
  labelLagMilliseconds = 5;
  /** Every Secret that an endpoint references. */
  secret: ObservedObject = { state: 'missing' };
  /** Events whose first request was told. */
  readonly firstRequests: string[] = [];
  sendFails = false;
  writesFail = false;
  listsFail = false;
  endpointsAreCurrent = true;
  clockIsTrusted = true;
  onSend: (request: Received) => void = () => {};
  onWrite: (before: FlagEventStatus | undefined, status: FlagEventStatus, event: string) => void = () => {};

  readonly works = new EventWorks();
  readonly pending = new PendingDeliveries();
  readonly order: OrderBook;
  readonly lanes: Lanes;
  readonly histories: Histories;
  readonly registry: EndpointRegistry;
  readonly recorder: StatusRecorder;
  readonly budget: WriteBudget;
  readonly reconciler: FlagEvents;
  readonly queue: WorkQueue;
  readonly store = new Store<KnownEvent>();
  readonly #prepared = new PreparedEvents();
  readonly #events: Map<string, FlagEvent>;
  readonly #endpoints: Map<string, WebhookEndpoint>;
  readonly #life = new AbortController();
  #version: number;
  #crashed = false;
  #shownAt = 0;

  constructor({ maxInFlight = 64, from }: { maxInFlight?: number; from?: EventWorld } = {}) {
    const clock = from?.clock ?? new FakeClock('2026-11-25T00:00:00Z');
    const queue = new WorkQueue({ clock });
    this.clock = clock;
    this.queue = queue;
    this.budget = new WriteBudget({ ...EVENT_WRITES, clock, queue });
    this.requests = from?.requests ?? [];
    this.written = from?.written ?? [];
    this.#events = new Map(from ? from.#events : []);
    this.#endpoints = new Map(from ? from.#endpoints : []);
    this.#version = from ? from.#version : 1;
    if (from) {
      this.receiver = from.receiver;
      this.onSend = from.onSend;
      this.onWrite = from.onWrite;
    }
    const readEndpoint = (_namespace: string, name: string) =>
      this.#call(`get endpoint ${name}`, () => this.#endpoints.get(name));
    this.registry = new EndpointRegistry({
      read: readEndpoint,
      isStored: ({ metadata }) => this.#endpoints.has(metadata.name),
      clock,
      objects: { acquire: () => {}, release: () => {}, read: () => this.secret },
      refusesUrl: () => false,
      checkTls: () => undefined,
      pace: (endpoint) => this.histories.pace(endpoint),
      onNewContent: (endpoint, what) => this.histories.changed(endpoint, what),
      onChange: ({ metadata }) => {
        for (const key of this.pending.keys(metadata.uid)) queue.add(key, 'low');
        this.lanes.wake(metadata.uid);
      },
    });
    this.histories = new Histories({
      clock,
      pendingDeliveries: (id) => this.pending.count(id),
      onStop: ({ metadata }) => {
        for (const key of this.pending.keys(metadata.uid)) queue.add(key, 'low');
      },
      onRelease: ({ metadata }) => this.lanes.wake(metadata.uid),
    });
    this.order = new OrderBook({ registry: this.registry, wake: (key) => queue.add(key) });
    this.lanes = new Lanes({ maxInFlight, clock, ...createGate(this.registry, this.histories) });
    this.recorder = new StatusRecorder({
      replaceStatus: (event, status) =>
        writeStatus(this.store, withoutPayload(event), status, (metadata, wanted) =>
          this.#replaceStatus(metadata, wanted),
        ),
      refusalOf,
      onRecovered: () => this.reconciler.recovered(),
      onFinished: async (event) => void this.finished.push(event),
      onMaybeFinished: ({ metadata }) => this.maybeFinished.push(metadata.name),
      onError: (_event, error) => this.failures.push(String(error)),
      notify: () => {},
      clock,
    });
    const context: EventContext = {
      store: {
        get: (namespace, name) => this.store.get(namespace, name),
        refresh: ({ metadata }) =>
          overlay(this.store, metadata.uid, async () => {
            const event = await this.#read(metadata.name);
            return event && withoutPayload(event);
          }),
      },
      client: { readEvent: (_namespace, name) => this.#read(name) },
      endpointsAreCurrent: () => this.endpointsAreCurrent,
      enqueue: (key, afterMilliseconds = 0) => queue.addAfter(key, afterMilliseconds),
      registry: this.registry,
      fences: new Fences({
        list: () => this.#list(),
        known: (metadata) => {
          const known = this.registry.get(metadata.uid);
          return known?.metadata.generation === metadata.generation ? known : undefined;
        },
        read: readEndpoint,
      }),
      works: this.works,
      prepared: this.#prepared,
      pending: this.pending,
      order: this.order,
      lanes: this.lanes,
      recorder: this.recorder,
      budget: this.budget,
      attempts: { send: (request) => this.#send(request), clock, random: () => 0.5, version: 'test' },
      clock,
      clockIsTrusted: () => this.clockIsTrusted,
      hooks: {
        firstRequest: ({ metadata }) => this.firstRequests.push(metadata.name),
        attempted: (made) => {
          this.attempts.push(made);
          const endpoint = this.registry.get(made.record.endpointUID);
          if (endpoint) this.histories.add(endpoint, made.event.metadata.name, made.deliveryID, made.record);
        },
        pendingChanged: () => {},
        failed: (_key, doing, error) => this.failures.push(`${doing}: ${String(error)}`),
      },
    };
    this.reconciler = new FlagEvents(context);
    for (const endpoint of this.#endpoints.values()) this.registry.set(endpoint);
    this.store.subscribe(({ type, object }) => {
      if (type === 'deleted') return this.reconciler.forget(object);
      this.order.see(object);
      if (type === 'added' && from) this.reconciler.resume(object);
      queue.add(`${NAMESPACE}/${object.metadata.name}`);
    });
    const events = [...this.#events.values()];
    this.store.beginReplace().finish(events.filter(isUnfinished).map((event) => this.#prepared.keep(event)));
    for (const event of events) this.#showLabel(undefined, event);
    const controller = new Controller({
      queue,
      reconcile: (key) => {
        this.reconciles += 1;
        return this.reconciler.reconcile(key);
      },
      clock,
      backoff: new Backoff({ initialMilliseconds: 100, maxMilliseconds: 30_000 }, () => 0.5),
      onError: (_key, error) => this.failures.push(`reconcile: ${String(error)}`),
    });
    void controller.run(this.#life.signal);
  }

  /** A world in which a status write has succeeded already. */
  static async recording(options: { maxInFlight?: number } = {}): Promise<EventWorld> {
    const world = new EventWorld(options);
    world.create('warm-up');
    await world.advance(1000);
    world.written.length = 0;
    world.calls.length = 0;
    return world;
  }

  stop(): void {
    this.#life.abort();
  }

  /** The process ends at this moment, whatever is on its way, and another one begins with what the API server has. */
  restart(): EventWorld {
    this.stop();
    this.#crashed = true;
    this.open.clear();
    return new EventWorld({ from: this });
  }

  async advance(milliseconds: number): Promise<void> {
    await this.clock.advance(milliseconds);
  }

  /** Endpoints that the API server has; the operator's watch shows them at once, unless it is told not to. */
  addEndpoint(endpoint: WebhookEndpoint, { shown = true } = {}): void {
    this.#endpoints.set(endpoint.metadata.name, endpoint);
    if (shown) this.registry.set(endpoint);
  }

  /** Deletes an endpoint at the API server; the watch does not show it. */
  deleteEndpoint(name: string): void {
    this.#endpoints.delete(name);
  }

  /** Creates an event, which the watch shows with its payload, as the operator's does. */
  create(name: string, { spec = aFlagUpdated(), status }: Partial<FlagEvent> = {}): FlagEvent {
    const event = { ...anEvent({ name, status }), spec };
    this.#change(event);
    return event;
  }

  /** What somebody else does to an event: a new version of it. */
  touch(name: string, metadata: Partial<ObjectMeta> = {}): void {
    const event = this.#events.get(name);
    if (event) this.#change({ ...event, metadata: { ...event.metadata, ...metadata } });
  }

  /** Deletes an event at the API server. */
  delete(name: string): void {
    const event = this.#events.get(name);
    this.#events.delete(name);
    if (event) this.#show(event, 'DELETED', event);
  }

  /** An event as the API server has it. */
  event(name: string): FlagEvent | undefined {
    return this.#events.get(name);
  }

  /** The status as the API server has it. */
  status(name: string): FlagEventStatus | undefined {
    return this.event(name)?.status;
  }

  /** State and reason by endpoint, as the API server has them. */
  deliveries(name: string): Record<string, string> {
    return Object.fromEntries(
      (this.status(name)?.deliveries ?? []).map(({ endpointName, state, reason = '' }) => [
        endpointName,
        `${state} ${reason}`.trim(),
      ]),
    );
  }

  /** Whom requests were sent to, in order. */
  get sentTo(): string[] {
    return this.requests.map(({ endpoint }) => endpoint);
  }

  /** The reason of `Succeeded`. */
  reason(name: string): string | undefined {
    return this.status(name)?.conditions?.find(({ type }) => type === 'Succeeded')?.reason;
  }

  #change(event: FlagEvent): void {
    const resourceVersion = this.#nextVersion();
    const changed = { ...event, metadata: { ...event.metadata, resourceVersion } };
    const before = this.#events.get(event.metadata.name);
    this.#events.set(event.metadata.name, changed);
    this.#show(changed, isUnfinished(changed) ? 'MODIFIED' : 'DELETED', before);
    this.#showLabel(before, changed);
  }

  /** What a watch of unfinished events shows; nothing where the event was not among them, and is not now. */
  #show(event: FlagEvent, type: 'MODIFIED' | 'DELETED', before: FlagEvent | undefined): void {
    if (type === 'DELETED' && !(before && isUnfinished(before))) return;
    // In the order in which things happened, also where the lag has just become less.
    this.#shownAt = Math.max(this.#shownAt, this.clock.monotonic() + this.watchLagMilliseconds);
    this.clock.schedule(this.#shownAt - this.clock.monotonic(), () => {
      if (this.#crashed) return;
      this.store.apply({
        type,
        object: type === 'MODIFIED' ? this.#prepared.keep(event) : withoutPayload(event),
      });
    });
  }

  #showLabel(before: FlagEvent | undefined, { metadata }: FlagEvent): void {
    const value = metadata.labels?.[REDELIVER_LABEL];
    if (value === undefined || value === before?.metadata.labels?.[REDELIVER_LABEL]) return;
    this.clock.schedule(this.labelLagMilliseconds, () => {
      if (this.#crashed) return;
      this.reconciler.redeliver(metadata);
      this.queue.add(`${NAMESPACE}/${metadata.name}`, 'low');
    });
  }

  #nextVersion(): ResourceVersion {
    this.#version += 1;
    return `v${(this.#version * 7919) % 10_007}` as ResourceVersion;
  }

  /** Answers after a moment, with what is true in the middle of it. */
  async #call<T>(what: string, answer: () => T): Promise<T> {
    this.calls.push(what);
    await this.#pause();
    if (this.#crashed) return new Promise(() => {});
    const result = answer();
    await this.#pause();
    return this.#crashed ? new Promise(() => {}) : result;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.clock.schedule(CALL_MILLISECONDS / 2, resolve));
  }

  #read(name: string): Promise<FlagEvent | undefined> {
    return this.#call(`get event ${name}`, () => this.#events.get(name));
  }

  async #list(): Promise<ObjectMeta[]> {
    const listed = await this.#call('list', () =>
      [...this.#endpoints.values()].map(({ metadata }) => metadata),
    );
    if (this.listsFail) throw new ApiError(503, 'ServiceUnavailable', 'unavailable');
    return listed;
  }

  async #replaceStatus(metadata: ObjectMeta, status: FlagEventStatus): Promise<ObjectMeta> {
    const fault = this.writesFail ? 'unavailable' : this.faults.shift();
    const answer = await this.#call(`write ${metadata.name}`, (): ObjectMeta | ApiError => {
      if (fault === 'unavailable') return new ApiError(503, 'ServiceUnavailable', 'unavailable');
      if (fault === 'too large') return new ApiError(413, 'RequestEntityTooLarge', 'too large');
      const before = this.#events.get(metadata.name);
      if (before?.metadata.uid !== metadata.uid) return new ApiError(404, 'NotFound', 'not found');
      if (before.metadata.resourceVersion !== metadata.resourceVersion) {
        return new ApiError(409, 'Conflict', 'the object has been modified');
      }
      this.onWrite(before.status, status, metadata.name);
      this.written.push({ event: metadata.name, status });
      this.#change({ ...before, status });
      return this.#events.get(metadata.name)?.metadata ?? before.metadata;
    });
    if (answer instanceof ApiError) throw answer;
    if (fault === 'answer lost') throw new Error('no answer');
    return answer;
  }

  #send({ url, headers, body, signal }: OutgoingRequest): Promise<SendResult> {
    if (this.#crashed) return new Promise(() => {});
    if (this.sendFails) return Promise.reject(new Error('a bug'));
    const { promise, resolve } = Promise.withResolvers<SendResult>();
    const request: Received = {
      endpoint: url.hostname.replace(/\..*/, ''),
      deliveryID: headers.find(([name]) => name === 'webhook-id')?.[1] ?? '',
      signal,
      headers: new Map(headers),
      // Read only by whoever wants it: of large ones there are many.
      get body() {
        return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
      },
      answer: (statusCode) => {
        this.open.delete(request);
        resolve({ kind: 'answered', statusCode, durationMilliseconds: 3 });
      },
    };
    this.onSend(request);
    this.requests.push(request);
    this.open.add(request);
    signal.addEventListener('abort', () => {
      this.open.delete(request);
      resolve({ kind: 'aborted' });
    });
    this.clock.schedule(3, () => {
      const statusCode = this.receiver(request);
      if (statusCode !== undefined && this.open.has(request)) request.answer(statusCode);
    });
    return promise;
  }
}

function isUnfinished({ status }: FlagEvent): boolean {
  return status?.completionTime === undefined;
}

/** The UID that anEndpoint and anEvent give to a name. */
export function uidOf(name: string): UID {
  return uid(`uid-${name}`);
}
