export interface BackoffLimits {
  readonly initialMilliseconds: number;
  readonly maxMilliseconds: number;
}

/**
 * The delay after a row of failures, in milliseconds: doubling from the initial one to the most, then spread
 * over its upper half, so that those who failed together do not come back together.
 * `failures` counts from 1; `random` gives numbers in [0, 1).
 */
export const backoffDelay = (failures: number, limits: BackoffLimits, random: () => number): number =>
  Math.min(limits.maxMilliseconds, limits.initialMilliseconds * 2 ** (failures - 1)) * (0.5 + random() / 2);

/** Rows of failures, by key. */
export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #random: () => number;
  readonly #failures = new Map<string, number>();

  constructor(limits: BackoffLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Counts a failure of the key and gives the delay after it, in milliseconds. */
  next(key: string): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    return backoffDelay(failures, this.#limits, this.#random);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  reset(key: string): void {
    this.#failures.delete(key);
  }

  resetAll(): void {
    this.#failures.clear();
  }
}
