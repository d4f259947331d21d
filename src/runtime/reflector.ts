import { ApiError, isExpired, retryAfterOf } from './apiError.ts';
import { backoffDelay, type BackoffLimits } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { ListWatch, WatchEvent } from './listWatch.ts';
import { listAll } from './listAll.ts';
import { sleep } from './sleep.ts';
import type { Identified } from './identified.ts';
import type { Store } from './store.ts';

export interface ReflectorOptions<T extends Identified> {
  readonly listWatch: ListWatch<T>;
  readonly store: Store<T>;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** A failure, once for each row of equal ones; it is tried again after `retryAfterMilliseconds`. */
  readonly onError?: (error: unknown, retryAfterMilliseconds: number) => void;
  /** The API server answers again after a failure. */
  readonly onRecovered?: () => void;
  /** How long a watch is asked for: this to twice this. */
  readonly watchSeconds?: number;
  /** Without an event or a bookmark for so long a watch is taken for dead, and begun again where it was. */
  readonly silenceMilliseconds?: number;
  readonly backoff?: BackoffLimits;
}

// client-go's reflector.
const WATCH_SECONDS = 300;
const BACKOFF: BackoffLimits = { initialMilliseconds: 800, maxMilliseconds: 30_000 };

// kube-apiserver 1.36 sends an idle watch a bookmark each minute, a new one its first after up to two.
const SILENCE_MILLISECONDS = 150_000;
const INITIAL_SILENCE_MILLISECONDS = 30_000;
/** A round shows something, or ends, long before: by silence after 150 s, a pause or a page of a list after 75 s. */
const STUCK_MILLISECONDS = 300_000;
/** A watch that ends sooner is no watch. */
const SHORTEST_WATCH_MILLISECONDS = 1000;
/** So often a version may turn out to be one that the API server does not know yet, as after a restored backup. */
const UNKNOWN_VERSION_TRIES = 3;

/** A watch has shown nothing for too long. */
class SilenceError extends Error {
  override readonly name = 'SilenceError';
}

/** The store asked for a list. */
class RelistError extends Error {
  override readonly name = 'RelistError';
}

/**
 * Keeps a store like the API server: WatchList where the API server offers it, else a list in pages, then a
 * watch that goes on from the last version seen. It never gives up and never throws.
 */
export class Reflector<T extends Identified> {
  readonly #options: ReflectorOptions<T>;
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  /** Who waits for a list that is yet to begin. */
  readonly #refreshes = new Set<() => void>();
  #lastContact: number | undefined;
  /** While it works: when a round last began, showed something or ended, monotonic. */
  #movedAt: number | undefined;
  /** The version to go on from; without one, everything is listed anew. */
  #version: string | undefined;
  #offersWatchList = true;
  #round = new AbortController();
  #cancelSilence = (): void => {};
  #failures = 0;
  #unknownVersions = 0;
  #reported = '';

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    options.store.onDoubt(() => this.relist());
  }

  /** Resolves once the store holds everything for the first time. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** When the API server last answered, in monotonic milliseconds. */
  lastContact(): number | undefined {
    return this.#lastContact;
  }

  /** Whether it has stood still for longer than could be right: it does not even try any more. */
  isStuck(): boolean {
    return (
      this.#movedAt !== undefined && this.#options.clock.monotonic() - this.#movedAt > STUCK_MILLISECONDS
    );
  }

  /** Lists everything anew, beginning now. */
  relist(): void {
    this.#version = undefined;
    this.#round.abort(new RelistError('the store asked for a list'));
  }

  /** Lists everything anew, beginning now; resolves once the store holds that. */
  async refresh(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#refreshes.add(resolve);
    this.relist();
    await promise;
  }

  /** Works until `signal` is aborted, then resolves. */
  async start(signal: AbortSignal): Promise<void> {
    try {
      await this.#goRound(signal);
    } finally {
      this.#movedAt = undefined;
    }
  }

  async #goRound(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      this.#round = new AbortController();
      const abort = (): void => this.#round.abort(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      const begun = this.#move();
      const resumes = this.#version !== undefined;
      let failure: unknown;
      try {
        await this.#follow(this.#round.signal);
      } catch (error) {
        failure = error;
      } finally {
        this.#cancelSilence();
        signal.removeEventListener('abort', abort);
      }
      if (signal.aborted) return;
      const lasted = this.#move() - begun;
      const delay = failure === undefined ? this.#ended(lasted) : this.#failed(failure, resumes, lasted);
      await sleep(clock, delay, signal);
    }
  }

  /** One watch, with a list before it where there is no version to go on from. */
  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#version === undefined && this.#offersWatchList) return this.#watchList(signal);
    if (this.#version === undefined) await this.#list(signal);
    const timeoutSeconds = this.#timeoutSeconds();
    this.#expectWithin(this.#silence());
    for await (const event of this.#options.listWatch.watch(
      { resourceVersion: this.#version, timeoutSeconds },
      signal,
    )) {
      signal.throwIfAborted();
      this.#contact();
      this.#expectWithin(this.#silence());
      this.#apply(event);
    }
    this.#lastContact = this.#move();
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { listWatch, store } = this.#options;
    const replacement = store.beginReplace();
    const refreshes = [...this.#refreshes];
    const { items, resourceVersion } = await listAll(listWatch, signal, () => this.#contact());
    this.#replaced(resourceVersion, refreshes, () => replacement.finish(items));
    signal.throwIfAborted();
  }

  async #watchList(signal: AbortSignal): Promise<void> {
    const { listWatch, store } = this.#options;
    const replacement = store.beginReplace();
    const refreshes = [...this.#refreshes];
    let initial: Map<string, T> | undefined = new Map();
    const options = { sendInitialEvents: true, timeoutSeconds: this.#timeoutSeconds() };
    const initialSilence = Math.min(INITIAL_SILENCE_MILLISECONDS, this.#silence());
    this.#expectWithin(initialSilence);
    for await (const event of listWatch.watch(options, signal)) {
      signal.throwIfAborted();
      this.#contact();
      this.#expectWithin(initial === undefined ? this.#silence() : initialSilence);
      if (initial === undefined) this.#apply(event);
      else if (event.type === 'ERROR') throw errorOf(event);
      else if (event.type === 'DELETED') initial.delete(event.object.metadata.uid);
      else if (event.type !== 'BOOKMARK') initial.set(event.object.metadata.uid, event.object);
      else if (event.initialEventsEnd) {
        const items = initial.values();
        initial = undefined;
        this.#expectWithin(this.#silence());
        this.#replaced(event.resourceVersion, refreshes, () => replacement.finish(items));
      }
    }
    if (initial !== undefined) throw new Error('the watch ended before it had shown everything');
  }

  #replaced(resourceVersion: string, refreshes: readonly (() => void)[], finish: () => void): void {
    // The version first: the store may ask for another list.
    this.#version = resourceVersion;
    finish();
    this.#hasSynced = true;
    this.#synced.resolve();
    for (const refreshed of refreshes) {
      this.#refreshes.delete(refreshed);
      refreshed();
    }
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === 'ERROR') throw errorOf(event);
    this.#version = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
    if (event.type !== 'BOOKMARK') this.#options.store.apply(event);
  }

  #contact(): void {
    this.#lastContact = this.#move();
    this.#unknownVersions = 0;
    this.#recovered();
  }

  #move(): number {
    this.#movedAt = this.#options.clock.monotonic();
    return this.#movedAt;
  }

  #recovered(): void {
    if (this.#reported === '') return;
    this.#reported = '';
    this.#options.onRecovered?.();
  }

  #expectWithin(milliseconds: number): void {
    const round = this.#round;
    this.#cancelSilence();
    this.#cancelSilence = this.#options.clock.schedule(milliseconds, () =>
      round.abort(new SilenceError(`the watch showed nothing for ${milliseconds} ms`)),
    );
  }

  /** The delay after a watch that the API server ended. */
  #ended(lasted: number): number {
    if (lasted < SHORTEST_WATCH_MILLISECONDS)
      return this.#backOff(new Error('the watch ended at once'), lasted);
    this.#failures = 0;
    this.#recovered();
    return 0;
  }

  /** The delay after a failure, and how to go on after it. */
  #failed(error: unknown, resumes: boolean, lasted: number): number {
    if (error instanceof RelistError) return 0;
    if (error instanceof SilenceError && (resumes || this.#version !== undefined)) return 0;
    if (error instanceof SilenceError) this.#offersWatchList = false;
    if (isExpired(error)) {
      this.#version = undefined;
      // Not where a list that has just ended is too old: that would go round without a pause.
      if (resumes || lasted >= SHORTEST_WATCH_MILLISECONDS) return 0;
    }
    if (error instanceof ApiError && this.#refusesVersion(error)) this.#version = undefined;
    if (!resumes && this.#offersWatchList && refusesWatchList(error)) {
      this.#offersWatchList = false;
      return 0;
    }
    return this.#backOff(error, lasted);
  }

  #refusesVersion(error: ApiError): boolean {
    if (error.status === 400 || error.status === 422) return true;
    if (error.status !== 504) return false;
    this.#unknownVersions += 1;
    return this.#unknownVersions >= UNKNOWN_VERSION_TRIES;
  }

  #backOff(error: unknown, lasted: number): number {
    const { random, backoff = BACKOFF, onError } = this.#options;
    if (lasted >= backoff.maxMilliseconds) this.#failures = 0;
    this.#failures += 1;
    const delay = Math.max(
      backoffDelay(this.#failures, backoff, random),
      retryAfterOf(error) * (1 + random() / 4),
    );
    const report = error instanceof ApiError ? `${error.status} ${error.reason}` : String(error);
    if (report !== this.#reported) onError?.(error, delay);
    this.#reported = report;
    return delay;
  }

  #silence(): number {
    return this.#options.silenceMilliseconds ?? SILENCE_MILLISECONDS;
  }

  #timeoutSeconds(): number {
    const { watchSeconds = WATCH_SECONDS, random } = this.#options;
    return Math.round(watchSeconds * (1 + random()));
  }
}

const errorOf = (event: { code: number; reason: string; message: string }): ApiError =>
  new ApiError(event.code, event.reason, event.message);

/** API servers from before WatchList, or with its feature gate off, call sendInitialEvents invalid. */
const refusesWatchList = (error: unknown): boolean =>
  error instanceof ApiError && [400, 405, 422].includes(error.status);
