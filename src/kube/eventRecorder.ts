import type { Notice } from '../api/notice.ts';
import type { Clock } from '../runtime/clock.ts';
import { FairQueue } from '../runtime/fairQueue.ts';
import { sleep } from '../runtime/sleep.ts';
import { TokenBuckets } from '../runtime/tokenBuckets.ts';
import { kubernetesEvent, seriesKey, type KubernetesEvent, type Regarding } from './kubernetesEvent.ts';
import type { Resource } from './resourceClient.ts';
import { isOfEndingNamespace, isPassing, writeEvent, type EventClient } from './writeEvent.ts';

export interface EventRecorderOptions {
  readonly client: EventClient;
  /** Which process this is, 1 to 128 characters: its host or Pod. */
  readonly instance: string;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Events were refused, so many since the last call; called seldom, with the last error. */
  readonly onRefused: (error: unknown, count: number) => void;
}

/** An Event, and how often it has happened. */
interface Series {
  readonly event: KubernetesEvent;
  count: number;
  /** Wall time and monotonic time of the last one. */
  lastTime: number;
  lastMonotonic: number;
  /** The count that the API server has; 0 before the Event was created. */
  written: number;
  /** How often its write has failed in a row. */
  tries: number;
}

// These are client-go's: tools/events/event_broadcaster.go, and tools/record/events_cache.go for the limit an object.
const SERIES_MILLISECONDS = 6 * 60_000;
const RETRY_MILLISECONDS = 10_000;
const MAX_TRIES = 12;
const MAX_SERIES = 1000;
const PER_OBJECT = { burst: 25, tokensPerSecond: 1 / 300, maxBuckets: 4096 };
// So that a namespace with 100,000 events that nobody wants costs little, and no other its place in the queue.
const PER_NAMESPACE = { burst: 100, tokensPerSecond: 1, maxBuckets: 4096 };
// What an API server takes is needed for statuses.
const ALL_TOGETHER = { burst: 25, tokensPerSecond: 5, maxBuckets: 1 };

const FLUSH_MILLISECONDS = 1000;
const PAUSE_BETWEEN_COMPLAINTS_MILLISECONDS = 5 * 60_000;

/**
 * Records notices as Kubernetes Events, beside whatever else is done: nobody waits for it, and what is refused or too
 * much is dropped. One that repeats is one Event with a series: its first repetition is written at once, how many there
 * were after that every 6 minutes, and nothing where there is nothing new.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** By their keys, in the order in which they last happened. Where there are too many the first is forgotten. */
  readonly #series = new Map<string, Series>();
  /** Keys of the series that are to be written. */
  readonly #queue = new FairQueue();
  readonly #perObject: TokenBuckets;
  readonly #perNamespace: TokenBuckets;
  readonly #pace: TokenBuckets;
  readonly #life = new AbortController();
  #isWorking = false;
  #work: Promise<void> = Promise.resolve();
  #cancelSweep: (() => void) | undefined;
  #isStopped = false;
  #refused = 0;
  #complainedAt = -Infinity;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    const { clock } = options;
    this.#perObject = new TokenBuckets({ clock, ...PER_OBJECT });
    this.#perNamespace = new TokenBuckets({ clock, ...PER_NAMESPACE });
    this.#pace = new TokenBuckets({ clock, ...ALL_TOGETHER });
  }

  /** What takes notices about objects of a resource. It returns at once and never throws. */
  about(resource: Resource): (object: Pick<Regarding, 'metadata'>, notices: readonly Notice[]) => void {
    return ({ metadata }, notices) => {
      if (this.#isStopped) return;
      for (const notice of notices) this.#record({ resource, metadata }, notice);
    };
  }

  /** Writes what is left, for a second at most, and nothing after that. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelSweep?.();
    this.#enqueueGrown();
    await Promise.race([this.#work, sleep(this.#options.clock, FLUSH_MILLISECONDS, this.#life.signal)]);
    this.#life.abort();
    await this.#work;
  }

  #record(regarding: Regarding, notice: Notice): void {
    const { clock } = this.#options;
    const key = seriesKey(regarding, notice);
    const series = this.#series.get(key) ?? this.#begin(regarding, notice);
    if (!series) return;
    series.count += 1;
    series.lastTime = clock.now();
    series.lastMonotonic = clock.monotonic();
    this.#series.delete(key);
    this.#series.set(key, series);
    const [oldest] = this.#series.keys();
    if (this.#series.size > MAX_SERIES && oldest !== undefined) this.#forget(oldest);
    if (series.count <= 2) this.#enqueue(key);
    this.#cancelSweep ??= clock.schedule(SERIES_MILLISECONDS, () => this.#sweep());
  }

  /** Nothing where there were too many of late. */
  #begin(regarding: Regarding, notice: Notice): Series | undefined {
    const { clock, random, instance } = this.#options;
    const { uid, namespace } = regarding.metadata;
    if (!this.#perObject.take(uid) || !this.#perNamespace.take(namespace)) return undefined;
    const event = kubernetesEvent(regarding, notice, { instance, now: clock.now(), random: random() });
    return { event, count: 0, lastTime: 0, lastMonotonic: 0, written: 0, tries: 0 };
  }

  /** Writes the counts that have grown, and forgets what has not happened again. */
  #sweep(): void {
    const { clock } = this.#options;
    this.#enqueueGrown();
    for (const [key, { count, written, lastMonotonic }] of this.#series) {
      const hasEnded = clock.monotonic() - lastMonotonic >= SERIES_MILLISECONDS;
      if (hasEnded && count === written) this.#forget(key);
    }
    const goesOn = this.#series.size > 0;
    this.#cancelSweep = goesOn ? clock.schedule(SERIES_MILLISECONDS, () => this.#sweep()) : undefined;
  }

  #enqueueGrown(): void {
    for (const [key, { count, written }] of this.#series) {
      if (count > written) this.#enqueue(key);
    }
  }

  #enqueue(key: string): void {
    if (this.#life.signal.aborted || !this.#series.has(key)) return;
    this.#queue.push(key);
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#work = this.#workOff();
  }

  async #workOff(): Promise<void> {
    const { signal } = this.#life;
    while (this.#queue.size > 0 && !signal.aborted) {
      if (this.#pace.take('')) await this.#write(this.#queue.pop() ?? '');
      else await sleep(this.#options.clock, this.#pace.wait(''), signal);
    }
    this.#isWorking = false;
  }

  async #write(key: string): Promise<void> {
    const series = this.#series.get(key);
    if (!series || series.count === series.written) return;
    const { client, clock } = this.#options;
    const { signal } = this.#life;
    try {
      series.written = await writeEvent(client, series.event, series, series.written > 0, signal);
      series.tries = 0;
    } catch (error) {
      if (signal.aborted) return;
      series.tries += 1;
      if (isPassing(error) && series.tries < MAX_TRIES) {
        void sleep(clock, RETRY_MILLISECONDS, signal).then(() => this.#enqueue(key));
        return;
      }
      this.#forget(key);
      if (!isOfEndingNamespace(error)) this.#complain(error);
    }
  }

  #forget(key: string): void {
    this.#series.delete(key);
    this.#queue.delete(key);
  }

  #complain(error: unknown): void {
    const now = this.#options.clock.monotonic();
    this.#refused += 1;
    if (now - this.#complainedAt < PAUSE_BETWEEN_COMPLAINTS_MILLISECONDS) return;
    this.#options.onRefused(error, this.#refused);
    this.#complainedAt = now;
    this.#refused = 0;
  }
}
