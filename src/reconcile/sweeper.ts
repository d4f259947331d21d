import type { FinishedEvent } from '../api/finishedEvent.ts';
import { excess } from '../delivery/excess.ts';
import { expiresAt, isLeftAlone, secondsToLive, type DefaultTimesToLive } from '../delivery/timeToLive.ts';
import { isExpired } from '../runtime/apiError.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleep.ts';
import { Deleter, type Doomed, type Fate } from './deleter.ts';
import { Expiries, type Expiring } from './expiries.ts';
import { FinishedCounts } from './finishedCounts.ts';

export interface SweeperOptions extends DefaultTimesToLive {
  /** -1: no limit. */
  readonly maxFinishedPerNamespace: number;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** The finished events of a namespace, or of all, page by page. */
  readonly list: (
    namespace: string | undefined,
    signal: AbortSignal,
  ) => AsyncIterable<{ readonly items: readonly FinishedEvent[] }>;
  readonly read: (namespace: string, name: string) => Promise<FinishedEvent | undefined>;
  /** Deletes the event that has this UID and this resource version. */
  readonly delete: (metadata: Doomed) => Promise<void>;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Whether our clock and the API server's agree; else nothing is swept. */
  readonly clockIsTrusted: () => boolean;
  /** Something failed that is tried again; `doing` is a constant. */
  readonly onError: (doing: string, error: unknown) => void;
  /** A sweep has ended that left so many finished events in place. */
  readonly onSwept: (events: { readonly deleted: number; readonly left: number }) => void;
}

const SWEEP_EVERY_MILLISECONDS = 6 * 3_600_000;
// What expires later is found in time by the next sweep; an hour is to spare for it.
const REMEMBER_MILLISECONDS = SWEEP_EVERY_MILLISECONDS + 3_600_000;
const EXPIRE_EVERY_MILLISECONDS = 1000;
// Each costs a list of the namespace; what is too much is to be gone within a minute.
const TRIM_EVERY_MILLISECONDS = 20_000;
const PAUSE_AFTER_PAGE_MILLISECONDS = 20;
const LOOK_AGAIN_MILLISECONDS = 5000;
const ASK_CLOCK_AGAIN_MILLISECONDS = 1000;
const BACKOFF = { initialMilliseconds: 1000, maxMilliseconds: 300_000 };

/**
 * Deletes finished events whose time to live is over, and the oldest where there are too many. Nobody watches finished
 * events: it remembers those that finish while it runs, and finds the rest by a slow sweep at the start and every 6 h.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #backoff: Backoff;
  readonly #deleter: Deleter;
  readonly #expiries = new Expiries();
  readonly #counts = new FinishedCounts();

  constructor(options: SweeperOptions) {
    const { clock, random, onError } = options;
    this.#options = options;
    this.#backoff = new Backoff(BACKOFF, random);
    this.#deleter = new Deleter({
      delete: options.delete,
      onRefused: (error) => onError('delete a FlagEvent', error),
      clock,
    });
  }

  /** Takes in that an event has just finished; deletes it at once where its time to live is 0. Never rejects. */
  async finished(event: FinishedEvent): Promise<void> {
    const { metadata } = event;
    this.#counts.add(metadata.namespace);
    if (secondsToLive(event, this.#options) > 0 || isLeftAlone(event)) return this.#remember(event);
    try {
      this.#count(metadata, await this.#deleter.now(metadata));
    } catch (error) {
      this.#options.onError('delete a FlagEvent', error);
      this.#expiries.set(metadata, this.#options.clock.now());
    }
  }

  /** Takes in that an event may have finished without anybody having heard of it: it is read before long. */
  maybeFinished({ metadata }: FinishedEvent): void {
    this.#counts.add(metadata.namespace);
    this.#lookAgain(metadata);
  }

  /** Works until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const repeat = (doing: string, pause: number, work: () => Promise<void>) =>
      this.#repeat(doing, pause, work, signal);
    await Promise.all([
      repeat('sweep the FlagEvents', SWEEP_EVERY_MILLISECONDS, () => this.#sweep(signal)),
      repeat('delete FlagEvents that have expired', EXPIRE_EVERY_MILLISECONDS, () => this.#expire(signal)),
      repeat('delete FlagEvents that are too many', TRIM_EVERY_MILLISECONDS, () => this.#trim(signal)),
    ]);
  }

  async #repeat(doing: string, pause: number, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, onError } = this.#options;
    while (!signal.aborted) {
      let wait = pause;
      try {
        await work();
        this.#backoff.reset(doing);
      } catch (error) {
        if (signal.aborted) return;
        // A list whose beginning was forgotten before its end came begins anew; what was deleted is out of the way.
        wait = isExpired(error) ? PAUSE_AFTER_PAGE_MILLISECONDS : this.#backoff.next(doing);
        if (!isExpired(error)) onError(doing, error);
      }
      await sleep(clock, wait, signal);
    }
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { namespaces } = this.#options;
    const takeCounts = this.#counts.beginList();
    const left = new Map<string, number>();
    let deleted = 0;
    for (const selected of namespaces.length === 0 ? [undefined] : namespaces) {
      for await (const event of this.#list(selected, signal)) {
        const now = await this.#trustedNow(signal);
        const { namespace } = event.metadata;
        if (expiresAt(event, this.#options) > now || isLeftAlone(event)) this.#remember(event);
        else if ((await this.#delete(event.metadata, signal)) === 'deleted') {
          deleted += 1;
          continue;
        }
        left.set(namespace, (left.get(namespace) ?? 0) + 1);
      }
    }
    takeCounts(left);
    this.#options.onSwept({ deleted, left: left.values().reduce((sum, count) => sum + count, 0) });
  }

  async #expire(signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = await this.#trustedNow(signal);
      const expiring = this.#expiries.takeDue(now);
      if (!expiring) return;
      try {
        const { resourceVersion } = expiring;
        if (resourceVersion === undefined) await this.#lookAt(expiring);
        else await this.#delete({ ...expiring, resourceVersion }, signal);
      } catch (error) {
        this.#expiries.set(expiring, now);
        throw error;
      }
    }
  }

  async #lookAt({ namespace, name, uid }: Expiring): Promise<void> {
    const event = await this.#options.read(namespace, name);
    if (event?.metadata.uid === uid) this.#remember(event);
  }

  async #trim(signal: AbortSignal): Promise<void> {
    const { maxFinishedPerNamespace: most } = this.#options;
    if (most < 0) return;
    for (const namespace of this.#counts.above(most)) {
      const takeCounts = this.#counts.beginList();
      const setTrimmed = this.#counts.beginTrim(namespace);
      const events = await Array.fromAsync(this.#list(namespace, signal));
      takeCounts(new Map([[namespace, events.length]]));
      const fates = new Set<Fate>();
      for (const { metadata } of excess(events, most)) {
        await this.#trustedNow(signal);
        fates.add(await this.#delete(metadata, signal));
      }
      if (!fates.has('changed')) setTrimmed();
    }
  }

  async *#list(
    namespace: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<FinishedEvent, void, void> {
    for await (const { items } of this.#options.list(namespace, signal)) {
      yield* items;
      await sleep(this.#options.clock, PAUSE_AFTER_PAGE_MILLISECONDS, signal);
    }
  }

  /** Remembers when an event expires, or is to be looked at again. */
  #remember(event: FinishedEvent): void {
    const now = this.#options.clock.now();
    const expiry = expiresAt(event, this.#options);
    if (event.metadata.deletionTimestamp !== undefined || expiry > now + REMEMBER_MILLISECONDS) return;
    if (isLeftAlone(event)) this.#lookAgain(event.metadata, expiry);
    else this.#expiries.set(event.metadata, expiry);
  }

  /** Has an event read before long, and not before a time; then it is remembered as it is by then. */
  #lookAgain({ namespace, name, uid }: Expiring, notBefore = 0): void {
    const soon = this.#options.clock.now() + LOOK_AGAIN_MILLISECONDS;
    this.#expiries.set({ namespace, name, uid }, Math.max(soon, notBefore));
  }

  async #delete(metadata: Doomed, signal: AbortSignal): Promise<Fate> {
    return this.#count(metadata, await this.#deleter.inTurn(metadata, signal));
  }

  #count(metadata: Doomed, fate: Fate): Fate {
    if (fate === 'deleted') this.#counts.remove(metadata.namespace);
    if (fate === 'changed') this.#lookAgain(metadata);
    return fate;
  }

  /** The time, once it can be relied on. */
  async #trustedNow(signal: AbortSignal): Promise<number> {
    const { clock, clockIsTrusted } = this.#options;
    while (!signal.aborted && !clockIsTrusted()) await sleep(clock, ASK_CLOCK_AGAIN_MILLISECONDS, signal);
    signal.throwIfAborted();
    return clock.now();
  }
}
