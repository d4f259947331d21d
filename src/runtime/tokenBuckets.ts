import type { Clock } from './clock.ts';

export interface TokenBucketsOptions {
  readonly clock: Clock;
  /** How many tokens a full bucket holds. */
  readonly burst: number;
  readonly tokensPerSecond: number;
  /** How many buckets are kept; the one that was used longest ago is forgotten, and so is full again. */
  readonly maxBuckets: number;
}

interface Bucket {
  readonly tokens: number;
  /** Monotonic. */
  readonly at: number;
}

/** Limits rates by key: a token bucket for each, full at first. */
export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  /** Takes a token where there is one. */
  take(key: string): boolean {
    const tokens = this.#tokens(key);
    const has = tokens >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: has ? tokens - 1 : tokens, at: this.#options.clock.monotonic() });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.#options.maxBuckets && oldest !== undefined) this.#buckets.delete(oldest);
    return has;
  }

  /** In how many milliseconds there is a token, an integer; 0 where there is one. */
  wait(key: string): number {
    return Math.ceil((Math.max(0, 1 - this.#tokens(key)) / this.#options.tokensPerSecond) * 1000);
  }

  #tokens(key: string): number {
    const { clock, burst, tokensPerSecond } = this.#options;
    const bucket = this.#buckets.get(key);
    if (!bucket) return burst;
    const seconds = (clock.monotonic() - bucket.at) / 1000;
    return Math.min(burst, bucket.tokens + seconds * tokensPerSecond);
  }
}
