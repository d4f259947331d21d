import type { Delivery } from '../api/flagEvent.ts';
import type { UID } from '../api/objectMeta.ts';
import { ageOf, compareOccurrences, type Age } from '../delivery/age.ts';
import {
  holds,
  isRedelivery,
  lastBefore,
  placeOf,
  supersedes,
  type OrderedEvent,
  type Ordering,
  type Place,
  type Turn,
} from '../delivery/order.ts';
import { NewestDelivered } from './newestDelivered.ts';
import type { KnownEvent } from './preparedEvents.ts';

export interface OrderBookOptions {
  readonly registry: {
    readonly get: (endpointUID: UID) => { readonly spec: { readonly ordering: Ordering } } | undefined;
  };
  /** Called with `namespace/name` of an event whose turn may have come, or that may have been superseded. */
  readonly wake: (key: string) => void;
}

/** How far an event has come. */
export interface Progress {
  readonly listed: boolean;
  readonly takenUp: boolean;
  readonly deliveries: readonly Delivery[];
}

interface Line {
  readonly name: string;
  /** In the order in which they happened. */
  readonly events: Entry[];
  /** What is in flight, by endpoint. */
  readonly sending: Map<UID, Entry>;
  /** The last of those that were taken up, by endpoint. */
  readonly latest: Map<UID, Entry>;
}

interface Entry extends OrderedEvent {
  readonly key: string;
  readonly line: Line;
  listed: boolean;
  takenUp: boolean;
  deliveries: Map<UID, Delivery>;
  /** Whom it waits for, and who waits for it, by endpoint. */
  readonly waitsFor: Map<UID, Entry>;
  readonly waiting: Map<UID, Set<Entry>>;
}

/**
 * The unfinished FLAG_UPDATED events in lines: one for each namespace, environment, feature, identity and segment, in the
 * order in which they happened. Each waits for the nearest that stands in its way, so that an end wakes one and not all:
 * where n events wait, all of them together are looked at O(n) times. A look costs O(log n), and a step more for each
 * neighbour that has nothing to do with the endpoint, or that has ended there.
 */
export class OrderBook {
  readonly #options: OrderBookOptions;
  readonly #lines = new Map<string, Line>();
  readonly #entries = new Map<UID, Entry>();
  readonly #delivered = new NewestDelivered();

  constructor(options: OrderBookOptions) {
    this.#options = options;
  }

  /** Takes in an event as the store shows it. Until its list is known, what happened later waits for it. */
  see(event: KnownEvent): void {
    const { metadata, status, orderKey } = event;
    if (metadata.deletionTimestamp !== undefined || status?.completionTime !== undefined) {
      this.remove(metadata.uid);
      return;
    }
    if (orderKey === undefined) return;
    const known = this.#entries.get(metadata.uid);
    if (!known) this.#add(event, `${metadata.namespace}/${orderKey}`);
    if (status?.startTime === undefined || known?.takenUp) return;
    this.update(metadata.uid, { listed: true, takenUp: true, deliveries: status.deliveries ?? [] });
  }

  /** Takes in how far an event has come, and remembers whom it waits for. */
  update(uid: UID, { listed, takenUp, deliveries }: Progress): void {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    const isNew = takenUp && !entry.takenUp;
    entry.listed = listed;
    entry.takenUp = takenUp;
    entry.deliveries = new Map(deliveries.map((delivery) => [delivery.endpointUID, delivery]));
    for (const endpointUID of entry.waiting.keys()) {
      if (!holds(entry, endpointUID)) this.#wakeWaiting(entry, endpointUID);
    }
    if (isNew) setLatest(entry);
    for (const { endpointUID, state } of deliveries) {
      const { turn, waitsFor } = this.#place(entry, endpointUID);
      setWaitsFor(entry, endpointUID, state === 'Pending' ? waitsFor : undefined);
      // What happened before a superseded one has been told by what has superseded that.
      if (isNew && turn !== 'superseded') this.#wakeSuperseded(entry, endpointUID);
    }
  }

  /** Lets go of an event that has finished, or is gone. */
  remove(uid: UID): void {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    const { line } = entry;
    this.#entries.delete(uid);
    line.events.splice(line.events.indexOf(entry, placeIn(line, entry.age)), 1);
    if (line.events.length === 0) this.#lines.delete(line.name);
    for (const endpointUID of entry.deliveries.keys()) {
      if (line.sending.get(endpointUID) === entry) line.sending.delete(endpointUID);
      if (line.latest.get(endpointUID) === entry) forgetLatest(line, endpointUID);
    }
    for (const endpointUID of entry.waitsFor.keys()) setWaitsFor(entry, endpointUID, undefined);
    for (const endpointUID of entry.waiting.keys()) this.#wakeWaiting(entry, endpointUID);
  }

  turn(uid: UID, endpointUID: UID): Turn {
    const entry = this.#entries.get(uid);
    return entry ? this.#place(entry, endpointUID).turn : 'free';
  }

  /** Whether a request may be sent now. It then counts as in flight until `end`. */
  begin(uid: UID, endpointUID: UID): boolean {
    const entry = this.#entries.get(uid);
    if (!entry || this.#orderingOf(endpointUID) === 'None') return true;
    if (this.#place(entry, endpointUID).turn !== 'free') return false;
    if (!isRedelivery(entry.deliveries.get(endpointUID))) entry.line.sending.set(endpointUID, entry);
    return true;
  }

  /** Takes in that a request that was begun has ended. */
  end(uid: UID, endpointUID: UID, isDelivered: boolean): void {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    const { line, deliveries, age } = entry;
    if (line.sending.get(endpointUID) === entry) line.sending.delete(endpointUID);
    const delivery = deliveries.get(endpointUID);
    if (isDelivered && delivery && this.#orderingOf(endpointUID) !== 'None') {
      deliveries.set(endpointUID, { ...delivery, state: 'Succeeded' });
      this.#delivered.add(line.name, endpointUID, age);
      this.#wakeSuperseded(entry, endpointUID);
    }
    this.#wakeWaiting(entry, endpointUID);
  }

  #add({ metadata, ...event }: KnownEvent, name: string): void {
    const line = this.#lines.get(name) ?? { name, events: [], sending: new Map(), latest: new Map() };
    this.#lines.set(name, line);
    const entry: Entry = {
      key: `${metadata.namespace}/${metadata.name}`,
      line,
      age: ageOf({ metadata, ...event }),
      listed: false,
      takenUp: false,
      deliveries: new Map(),
      waitsFor: new Map(),
      waiting: new Map(),
    };
    this.#entries.set(metadata.uid, entry);
    line.events.splice(placeIn(line, entry.age), 0, entry);
  }

  /** Of an endpoint that is not known nothing is sent before it was read. */
  #orderingOf(endpointUID: UID): Ordering {
    return this.#options.registry.get(endpointUID)?.spec.ordering ?? 'None';
  }

  #place(entry: Entry, endpointUID: UID): Place<Entry> {
    const { line, age } = entry;
    const ordering = this.#orderingOf(endpointUID);
    if (ordering === 'None') return { turn: 'free' };
    return placeOf({
      line: line.events,
      at: line.events.indexOf(entry, placeIn(line, age)),
      endpointUID,
      ordering,
      sending: line.sending.get(endpointUID),
      latest: laterOf(line.latest.get(endpointUID)?.age, this.#delivered.get(line.name, endpointUID)),
    });
  }

  /** Has the earlier ones look that an event has superseded; those before one that did so already have looked. */
  #wakeSuperseded(entry: Entry, endpointUID: UID): void {
    if (this.#orderingOf(endpointUID) !== 'LatestPerFeature') return;
    const { events } = entry.line;
    for (let index = placeIn(entry.line, entry.age) - 1; index >= 0; index -= 1) {
      const earlier = events[index];
      if (!earlier) return;
      if (earlier.deliveries.get(endpointUID)?.state === 'Pending') this.#options.wake(earlier.key);
      if (supersedes(earlier, endpointUID)) return;
    }
  }

  #wakeWaiting(entry: Entry, endpointUID: UID): void {
    const waiting = entry.waiting.get(endpointUID) ?? [];
    for (const other of waiting) {
      other.waitsFor.delete(endpointUID);
      this.#options.wake(other.key);
    }
    entry.waiting.delete(endpointUID);
  }
}

/** Where an event of that age stands in its line, or would. */
function placeIn({ events }: Line, age: Age): number {
  let [from, to] = [0, events.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const other = events[middle];
    if (other && compareOccurrences(other.age, age) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

function setWaitsFor(entry: Entry, endpointUID: UID, holder: Entry | undefined): void {
  const before = entry.waitsFor.get(endpointUID);
  if (before === holder) return;
  const former = before?.waiting.get(endpointUID);
  former?.delete(entry);
  if (former?.size === 0) before?.waiting.delete(endpointUID);
  if (!holder) {
    entry.waitsFor.delete(endpointUID);
    return;
  }
  entry.waitsFor.set(endpointUID, holder);
  const waiting = holder.waiting.get(endpointUID) ?? new Set();
  holder.waiting.set(endpointUID, waiting.add(entry));
}

function setLatest(entry: Entry): void {
  const { line, deliveries, age } = entry;
  for (const endpointUID of deliveries.keys()) {
    const before = line.latest.get(endpointUID);
    if (!before || compareOccurrences(before.age, age) < 0) line.latest.set(endpointUID, entry);
  }
}

function forgetLatest({ events, latest }: Line, endpointUID: UID): void {
  const next = lastBefore(events, events.length, (other) => supersedes(other, endpointUID));
  if (next) latest.set(endpointUID, next);
  else latest.delete(endpointUID);
}

function laterOf(a: Age | undefined, b: Age | undefined): Age | undefined {
  return a && b && compareOccurrences(a, b) < 0 ? b : (a ?? b);
}
