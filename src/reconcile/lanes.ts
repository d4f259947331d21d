import type { UID } from '../api/objectMeta.ts';
import type { Clock } from '../runtime/clock.ts';
import { aLane, longestDue, oldest, type Job, type Lane, type TestJob } from './lane.ts';
import { Rotation } from './rotation.ts';
import { Slots } from './slots.ts';

export interface LanesOptions {
  /** Requests that may be open at once, all endpoints together. */
  readonly maxInFlight: number;
  /**
   * Requests that may be open at once to one endpoint now; 0 holds its lane. Those that are open now were begun at these
   * times, in milliseconds since 1970.
   */
  readonly limit: (endpointUID: UID, begun: readonly number[]) => number;
  /** The same for tests, which nothing holds. */
  readonly testLimit: (endpointUID: UID) => number;
  /** Whether the endpoint's next attempt is a probe: then the one that has been due longest goes, else the oldest. */
  readonly isProbing: (endpointUID: UID) => boolean;
  /** Whether the endpoint's last attempt has failed. */
  readonly isFailing: (endpointUID: UID) => boolean;
  readonly clock: Pick<Clock, 'now' | 'schedule'>;
}

const SLOW_MILLISECONDS = 2000;

/**
 * A lane for each endpoint: attempts by the age of their events, at most `limit` of an endpoint and `maxInFlight`
 * of all at once. Free slots go round by namespace, then by endpoint; who may hold how many of them, Slots says, so that
 * no tenant can keep another one waiting, nor a failing endpoint a healthy one.
 */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #slots: Slots;
  readonly #lanes = new Map<UID, Lane>();
  readonly #rotation = new Rotation<Lane>();
  #stopped = false;
  readonly #idle: (() => void)[] = [];

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#slots = new Slots(options.maxInFlight);
  }

  /** Queues an attempt; one that is there already for the same event and endpoint stays. */
  offer(job: Job): void {
    const lane = this.#lane(job.namespace, job.endpointUID);
    if (lane.waiting.has(job.eventUID) || lane.running.has(job.eventUID)) return;
    lane.waiting.set(job.eventUID, job);
    lane.byAge.push(job);
    this.#look(lane);
    this.#fill();
  }

  /** Queues a request of a test. It goes ahead of attempts, whatever holds those, but takes a place and a slot like one. */
  offerTest(job: TestJob): void {
    const lane = this.#lane(job.namespace, job.endpointUID);
    lane.tests.set(job.eventUID, job);
    this.#look(lane);
    this.#fill();
  }

  /** Takes an attempt back: one that waits is dropped, one in flight is aborted. */
  cancel(eventUID: UID, endpointUID: UID): void {
    const lane = this.#lanes.get(endpointUID);
    if (!lane) return;
    lane.waiting.delete(eventUID);
    lane.tests.delete(eventUID);
    lane.running.get(eventUID)?.controller.abort();
    this.#forgetIfIdle(lane);
    this.#look(lane);
  }

  /** Looks again, after an endpoint's limit has changed. */
  wake(endpointUID: UID): void {
    const lane = this.#lanes.get(endpointUID);
    if (!lane) return;
    this.#look(lane);
    this.#fill();
  }

  /** Starts nothing any more; resolves once what is in flight has ended, which `signal` hastens by aborting it. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#stopped = true;
    const abort = () => {
      for (const { running } of this.#lanes.values())
        for (const { controller } of running.values()) controller.abort();
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    if (this.inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    signal.removeEventListener('abort', abort);
  }

  get inFlight(): number {
    return this.#slots.taken;
  }

  #lane(namespace: string, endpointUID: UID): Lane {
    const lane = this.#lanes.get(endpointUID) ?? aLane(namespace, endpointUID);
    this.#lanes.set(endpointUID, lane);
    return lane;
  }

  #forgetIfIdle({ endpointUID, waiting, tests, running }: Lane): void {
    if (waiting.size + tests.size + running.size === 0) this.#lanes.delete(endpointUID);
  }

  #canStart({ endpointUID, waiting, tests, running }: Lane): boolean {
    if (tests.size > 0) return running.size < this.#options.testLimit(endpointUID);
    if (waiting.size === 0) return false;
    const attempts = [...running.values()].filter(({ isTest }) => !isTest);
    const begun = attempts.map(({ begunAt }) => begunAt);
    return running.size < this.#options.limit(endpointUID, begun);
  }

  /** Judges a lane anew, and gives it a place in the rotation where it can start something. */
  #look(lane: Lane): void {
    const { endpointUID, running } = lane;
    const isTroubled = running.values().next().value?.isSlow === true || this.#options.isFailing(endpointUID);
    if (isTroubled !== lane.isTroubled) this.#slots.judge(running.size, isTroubled);
    lane.isTroubled = isTroubled;
    if (this.#canStart(lane)) this.#rotation.add(lane);
    else this.#rotation.delete(lane);
  }

  #fill(): void {
    while (!this.#stopped) {
      const lane = this.#rotation.next((namespace, isTroubled) => this.#slots.allows(namespace, isTroubled));
      if (!lane) return;
      if (this.#canStart(lane)) this.#startOne(lane);
    }
  }

  #startOne(lane: Lane): void {
    const [test] = lane.tests.values();
    const job = test ?? (this.#options.isProbing(lane.endpointUID) ? longestDue(lane) : oldest(lane));
    if (!job) return;
    const run = this.#take(lane, job, test !== undefined);
    if (this.#canStart(lane)) this.#rotation.add(lane);
    // Last: it may offer, or cancel, others.
    run();
  }

  #take(lane: Lane, job: TestJob, isTest: boolean): () => void {
    const { clock } = this.#options;
    const attempt = { controller: new AbortController(), begunAt: clock.now(), isTest, isSlow: false };
    const cancelTimer = clock.schedule(SLOW_MILLISECONDS, () => {
      attempt.isSlow = true;
      this.#look(lane);
    });
    lane.waiting.delete(job.eventUID);
    lane.tests.delete(job.eventUID);
    lane.running.set(job.eventUID, attempt);
    this.#slots.take(lane.namespace, lane.isTroubled);
    const end = () => {
      cancelTimer();
      this.#ended(lane, job);
    };
    return () => void job.run(attempt.controller.signal).finally(end);
  }

  #ended(lane: Lane, { eventUID, ended }: TestJob): void {
    lane.running.delete(eventUID);
    this.#slots.release(lane.namespace, lane.isTroubled);
    this.#forgetIfIdle(lane);
    this.#look(lane);
    this.#fill();
    ended();
    if (this.inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
