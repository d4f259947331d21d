import type { UID } from '../api/objectMeta.ts';
import { compareAges, type Age } from '../delivery/age.ts';
import { Heap } from '../runtime/heap.ts';

/** One attempt that is due. */
export interface Job {
  readonly namespace: string;
  readonly eventUID: UID;
  readonly endpointUID: UID;
  /** When it became due, in milliseconds since 1970; 0 for a first attempt. */
  readonly dueAt: number;
  readonly age: Age;
  /** Makes the attempt; never rejects. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export interface LanesOptions {
  /** Requests that may be open at once, all endpoints together. */
  readonly maxInFlight: number;
  /** Requests that may be open at once to one endpoint now; 0 holds its lane. */
  readonly limit: (endpointUID: UID) => number;
  /** Whether the endpoint's next attempt is a probe: then the one that has been due longest goes, else the oldest. */
  readonly isProbing: (endpointUID: UID) => boolean;
}

interface Lane {
  readonly endpointUID: UID;
  readonly waiting: Map<UID, Job>;
  /** What waits, the oldest first; what was taken otherwise stays in it until it comes up. */
  readonly byAge: Heap<Job>;
  readonly running: Map<UID, AbortController>;
}

/** Lanes with something to start, a namespace; both levels go round: what had its turn goes to the end. */
type Rotation = Map<string, Map<UID, Lane>>;

/**
 * A lane for each endpoint: attempts by the age of their events, at most `limit` of an endpoint and `maxInFlight`
 * of all at once. Free slots go round by namespace, then by endpoint, and one namespace holds at most three quarters of
 * them, so that no tenant can keep another one waiting.
 */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<UID, Lane>();
  readonly #rotation: Rotation = new Map();
  readonly #running = new Map<string, number>();
  #total = 0;
  #stopped = false;
  readonly #idle: (() => void)[] = [];

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** Queues an attempt; one that is there already for the same event and endpoint stays. */
  offer(job: Job): void {
    const lane = this.#lane(job.endpointUID);
    if (lane.waiting.has(job.eventUID) || lane.running.has(job.eventUID)) return;
    lane.waiting.set(job.eventUID, job);
    lane.byAge.push(job);
    this.#ready(job.namespace, lane);
    this.#fill();
  }

  /** Takes an attempt back: one that waits is dropped, one in flight is aborted. */
  cancel(eventUID: UID, endpointUID: UID): void {
    const lane = this.#lanes.get(endpointUID);
    if (!lane) return;
    lane.waiting.delete(eventUID);
    lane.running.get(eventUID)?.abort();
    this.#forgetIfIdle(lane);
  }

  /** Looks again, after an endpoint's limit has changed. */
  wake(namespace: string, endpointUID: UID): void {
    const lane = this.#lanes.get(endpointUID);
    if (!lane) return;
    this.#ready(namespace, lane);
    this.#fill();
  }

  /** Starts nothing any more; resolves once what is in flight has ended, which `signal` hastens by aborting it. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#stopped = true;
    const abort = () => {
      for (const { running } of this.#lanes.values())
        for (const controller of running.values()) controller.abort();
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    if (this.#total > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    signal.removeEventListener('abort', abort);
  }

  get inFlight(): number {
    return this.#total;
  }

  #lane(endpointUID: UID): Lane {
    const known = this.#lanes.get(endpointUID);
    if (known) return known;
    const byAge = new Heap<Job>((a, b) => compareAges(a.age, b.age));
    const lane: Lane = { endpointUID, waiting: new Map(), byAge, running: new Map() };
    this.#lanes.set(endpointUID, lane);
    return lane;
  }

  #forgetIfIdle({ endpointUID, waiting, running }: Lane): void {
    if (waiting.size === 0 && running.size === 0) this.#lanes.delete(endpointUID);
  }

  #canStart({ endpointUID, waiting, running }: Lane): boolean {
    return waiting.size > 0 && running.size < this.#options.limit(endpointUID);
  }

  #ready(namespace: string, lane: Lane): void {
    if (!this.#canStart(lane)) return;
    const lanes = this.#rotation.get(namespace);
    if (lanes) lanes.set(lane.endpointUID, lane);
    else this.#rotation.set(namespace, new Map([[lane.endpointUID, lane]]));
  }

  #fill(): void {
    while (!this.#stopped && this.#total < this.#options.maxInFlight) {
      const namespace = this.#nextNamespace();
      if (namespace === undefined) return;
      this.#startOne(namespace);
    }
  }

  #nextNamespace(): string | undefined {
    const share = Math.max(1, Math.ceil((this.#options.maxInFlight * 3) / 4));
    for (const namespace of this.#rotation.keys()) {
      if ((this.#running.get(namespace) ?? 0) < share) return namespace;
    }
    return undefined;
  }

  #startOne(namespace: string): void {
    const lanes = this.#rotation.get(namespace);
    const lane = lanes?.values().next().value;
    if (!lanes || !lane) return;
    this.#rotation.delete(namespace);
    lanes.delete(lane.endpointUID);
    const job = this.#canStart(lane) ? this.#first(lane) : undefined;
    const run = job && this.#take(lane, job);
    if (this.#canStart(lane)) lanes.set(lane.endpointUID, lane);
    if (lanes.size > 0) this.#rotation.set(namespace, lanes);
    // Last: it may offer, or cancel, others.
    run?.();
  }

  #first({ endpointUID, waiting, byAge }: Lane): Job | undefined {
    if (this.#options.isProbing(endpointUID)) {
      return [...waiting.values()].reduce((a, b) => (longerDue(b, a) ? b : a));
    }
    for (let oldest = byAge.pop(); oldest; oldest = byAge.pop()) {
      if (waiting.get(oldest.eventUID) === oldest) return oldest;
    }
    return undefined;
  }

  #take(lane: Lane, job: Job): () => void {
    const controller = new AbortController();
    lane.waiting.delete(job.eventUID);
    lane.running.set(job.eventUID, controller);
    this.#total += 1;
    this.#running.set(job.namespace, (this.#running.get(job.namespace) ?? 0) + 1);
    return () => void job.run(controller.signal).finally(() => this.#ended(lane, job));
  }

  #ended(lane: Lane, { namespace, eventUID }: Job): void {
    lane.running.delete(eventUID);
    this.#total -= 1;
    const others = (this.#running.get(namespace) ?? 1) - 1;
    if (others > 0) this.#running.set(namespace, others);
    else this.#running.delete(namespace);
    this.#forgetIfIdle(lane);
    this.#ready(namespace, lane);
    this.#fill();
    if (this.#total === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** A first attempt has been due since its event was created. */
function longerDue(a: Job, b: Job): boolean {
  const since = ({ dueAt, age }: Job) => Math.max(dueAt, age.createdAt);
  return since(a) < since(b) || (since(a) === since(b) && compareAges(a.age, b.age) < 0);
}
