import type { UID } from '../api/objectMeta.ts';
import type { AttemptRecord } from '../delivery/attemptRecord.ts';
import { isRecorded } from '../delivery/attemptRecord.ts';
import type { Delivery } from '../api/flagEvent.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EventWork } from '../delivery/plan.ts';
import type { WebhookEndpoint } from '../api/webhookEndpoint.ts';
import { Unwritten, type AttemptKind } from './unwritten.ts';

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
  /** The event's size as the API server stores it, without deliveries, once its payload was read. */
  storedBytes?: number;
  /** The consistent list of the namespace's endpoints; `asked` while it is under way. */
  fence?: 'asked' | readonly WebhookEndpoint[];
  /** Whether the object must be read before the next write, since the last one was refused or its answer was lost. */
  mustRead: boolean;
  /** Whether the next write waits for the backoff of one that failed for a reason that concerns all. */
  backsOff: boolean;
}

/** The works of all unfinished events by UID: the outbox of outcomes, and what is under way. */
export class EventWorks {
  readonly #works = new Map<UID, MutableEventWork>();
  readonly #unwritten = new Unwritten();
  readonly #onSettled = new Set<() => void>();

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
    this.#unwritten.add(work.key, 1);
  }

  /** Lets go of the outcomes that these deliveries, as the API server has them, hold. */
  settle(work: MutableEventWork, deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const record = work.records.get(delivery.endpointUID);
      if (!record || !isRecorded(delivery, record)) continue;
      work.records.delete(delivery.endpointUID);
      this.#written(work, 1);
    }
  }

  forget(uid: UID): MutableEventWork | undefined {
    const work = this.#works.get(uid);
    if (!work) return undefined;
    this.#works.delete(uid);
    this.#unwritten.forget(work.key);
    this.#written(work, work.records.size);
    // The watch may show that an event has finished before the answer of the write that finished it comes.
    work.records.clear();
    return work;
  }

  /** Outcomes that no acknowledged write holds yet. */
  get unwritten(): number {
    return this.#unwritten.total;
  }

  /** Whether nothing of the kind may be sent for this key now, since too many outcomes are unwritten. It is then remembered. */
  hold(key: string, kind: AttemptKind): boolean {
    return this.#unwritten.hold(key, kind);
  }

  /**
   * The keys that were held and need not be any more. To be asked whenever a key has been looked at: whoever was released may
   * have had nothing to send.
   */
  release(): readonly string[] {
    return this.#unwritten.release();
  }

  /** Resolves once every outcome was written, or after so many milliseconds. */
  async settled(clock: Clock, milliseconds: number): Promise<void> {
    if (this.unwritten === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onSettled.add(resolve);
    const cancel = clock.schedule(milliseconds, resolve);
    await promise;
    cancel();
    this.#onSettled.delete(resolve);
  }

  #written({ key }: MutableEventWork, outcomes: number): void {
    this.#unwritten.add(key, -outcomes);
    if (this.unwritten === 0) for (const resolve of this.#onSettled) resolve();
  }

  all(): Iterable<MutableEventWork> {
    return this.#works.values();
  }
}
