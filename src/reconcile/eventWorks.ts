import type { UID } from '../api/objectMeta.ts';
import type { AttemptRecord } from '../delivery/attemptRecord.ts';
import { isRecorded } from '../delivery/attemptRecord.ts';
import type { Delivery } from '../api/flagEvent.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EventWork } from '../delivery/plan.ts';
import type { WebhookEndpoint } from '../api/webhookEndpoint.ts';

/** What the process knows of one unfinished event beyond what the API server has; the planner reads it as EventWork. */
export interface MutableEventWork extends EventWork {
  readonly key: string;
  readonly uid: UID;
  firstSentAt?: number;
  readonly begun: Map<UID, string>;
  readonly busy: Set<UID>;
  readonly inFlight: Set<UID>;
  readonly records: Map<UID, AttemptRecord>;
  nextWriteAt: number;
  resumeAt?: number;
  /** The event's size as the API server stores it, as far as it is known. */
  storedBytes: number;
  /** The consistent list of the namespace's endpoints; `asked` while it is under way. */
  fence?: 'asked' | readonly WebhookEndpoint[];
  /** Whether the object must be read before the next write, since the last one was refused or its answer was lost. */
  mustRead: boolean;
  /** Whether the next write waits for the backoff of one that failed for a reason that concerns all. */
  backsOff: boolean;
}

// With so many outcomes in memory alone nothing more is sent; those in flight come on top.
const MAX_UNWRITTEN = 1000;

/** The works of all unfinished events by UID: the outbox of outcomes, and what is under way. */
export class EventWorks {
  readonly #works = new Map<UID, MutableEventWork>();
  readonly #held = new Set<string>();
  readonly #onSettled = new Set<() => void>();
  #unwritten = 0;

  get(uid: UID): MutableEventWork | undefined {
    return this.#works.get(uid);
  }

  /** The work of an event, begun now where there is none. */
  open(key: string, uid: UID, now: number): MutableEventWork {
    const known = this.#works.get(uid);
    if (known) return known;
    const work: MutableEventWork = {
      key,
      uid,
      seenAt: now,
      begun: new Map(),
      busy: new Set(),
      inFlight: new Set(),
      records: new Map(),
      nextWriteAt: 0,
      storedBytes: 0,
      mustRead: false,
      backsOff: false,
    };
    this.#works.set(uid, work);
    return work;
  }

  /** Keeps an outcome until a write that holds it is acknowledged. Outcomes of events that are gone are dropped. */
  record(uid: UID, record: AttemptRecord): void {
    const work = this.#works.get(uid);
    if (!work || work.records.has(record.endpointUID)) return;
    work.records.set(record.endpointUID, record);
    this.#unwritten += 1;
  }

  /** Lets go of the outcomes that these deliveries, as the API server has them, hold. */
  settle(work: MutableEventWork, deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const record = work.records.get(delivery.endpointUID);
      if (!record || !isRecorded(delivery, record)) continue;
      work.records.delete(delivery.endpointUID);
      this.#written(1);
    }
  }

  forget(uid: UID): MutableEventWork | undefined {
    const work = this.#works.get(uid);
    if (!work) return undefined;
    this.#works.delete(uid);
    this.#held.delete(work.key);
    this.#written(work.records.size);
    // The watch may show that an event has finished before the answer of the write that finished it comes.
    work.records.clear();
    return work;
  }

  /** Outcomes that no acknowledged write holds yet. */
  get unwritten(): number {
    return this.#unwritten;
  }

  /** Whether nothing may be sent for this key now, since too many outcomes are unwritten. It is then remembered. */
  hold(key: string): boolean {
    if (this.#unwritten < MAX_UNWRITTEN) return false;
    this.#held.add(key);
    return true;
  }

  /** The keys that were held and need not be any more, each once. */
  release(): readonly string[] {
    if (this.#unwritten >= MAX_UNWRITTEN) return [];
    const keys = [...this.#held];
    this.#held.clear();
    return keys;
  }

  /** Resolves once every outcome was written, or after so many milliseconds. */
  async settled(clock: Clock, milliseconds: number): Promise<void> {
    if (this.#unwritten === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onSettled.add(resolve);
    const cancel = clock.schedule(milliseconds, resolve);
    await promise;
    cancel();
    this.#onSettled.delete(resolve);
  }

  #written(outcomes: number): void {
    this.#unwritten -= outcomes;
    if (this.#unwritten === 0) for (const resolve of this.#onSettled) resolve();
  }

  all(): Iterable<MutableEventWork> {
    return this.#works.values();
  }
}
