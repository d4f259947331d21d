import type { ObjectMeta } from '../api/objectMeta.ts';
import { ApiError, isNotFound } from '../runtime/apiError.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleep.ts';
import { TokenBuckets } from '../runtime/tokenBuckets.ts';

/** An object as it was when it was decided to delete it. */
export type Doomed = Pick<ObjectMeta, 'namespace' | 'name' | 'uid' | 'resourceVersion'>;

/** What came of a delete: `changed` where somebody has changed the object meanwhile, `refused` where it may not be deleted. */
export type Fate = 'deleted' | 'gone' | 'changed' | 'refused';

export interface DeleterOptions {
  /** Deletes the object that has this UID and this resource version. */
  readonly delete: (metadata: Doomed) => Promise<void>;
  /** At most once a minute. */
  readonly onRefused: (error: unknown) => void;
  readonly clock: Clock;
}

const DELETES_PER_SECOND = 200;
const REPORT_EVERY_MILLISECONDS = 60_000;

/** Deletes objects, unless they have changed, at a pace that leaves the API server to others. */
export class Deleter {
  readonly #options: DeleterOptions;
  readonly #tokens: TokenBuckets;
  #reportedAt = -Infinity;

  constructor(options: DeleterOptions) {
    this.#options = options;
    const { clock } = options;
    this.#tokens = new TokenBuckets({ clock, burst: 1, tokensPerSecond: DELETES_PER_SECOND, maxBuckets: 1 });
  }

  /** Waits for its turn, then deletes. Throws the signal's reason, or as `now`. */
  async inTurn(metadata: Doomed, signal: AbortSignal): Promise<Fate> {
    while (!this.#tokens.take('')) {
      await sleep(this.#options.clock, this.#tokens.wait(''), signal);
      signal.throwIfAborted();
    }
    return this.now(metadata);
  }

  /** Deletes at once. Throws what says nothing about this object, and may be tried again. */
  async now(metadata: Doomed): Promise<Fate> {
    try {
      await this.#options.delete(metadata);
      return 'deleted';
    } catch (error) {
      const fate = fateBy(error);
      if (fate === undefined) throw error;
      if (fate === 'refused') this.#report(error);
      return fate;
    }
  }

  #report(error: unknown): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#reportedAt < REPORT_EVERY_MILLISECONDS) return;
    this.#reportedAt = now;
    this.#options.onRefused(error);
  }
}

// 401, 408 and 429 speak of all requests.
const OF_ALL: readonly number[] = [401, 408, 429];

function fateBy(error: unknown): Fate | undefined {
  if (isNotFound(error)) return 'gone';
  if (!(error instanceof ApiError) || error.status >= 500 || OF_ALL.includes(error.status)) return undefined;
  return error.status === 409 ? 'changed' : 'refused';
}
