import type { Clock } from '../runtime/clock.ts';

const FIRST_BACKOFF_MILLISECONDS = 500;
const LONGEST_BACKOFF_MILLISECONDS = 30_000;

/** Whether status writes go through, and until when to leave it where they do not. */
export class Recording {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #works = false;
  #failures = 0;
  /** When the backoff ends, in monotonic milliseconds. */
  #retryDue = -Infinity;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Whether a write has succeeded, and none has failed since. */
  get works(): boolean {
    return this.#works;
  }

  /** In how many milliseconds a write that has just failed may be tried again. */
  get retryInMilliseconds(): number {
    return this.#retryDue - this.#clock.monotonic();
  }

  /** Takes in a write that has succeeded; gives whether others had failed before it. */
  succeeded(): boolean {
    const recovered = this.#failures > 0;
    this.#works = true;
    this.#failures = 0;
    this.#retryDue = -Infinity;
    return recovered;
  }

  /** Writes that fail before the backoff has ended are no further step of it: they failed together. */
  failed(askedMilliseconds: number): void {
    const now = this.#clock.monotonic();
    this.#works = false;
    if (now >= this.#retryDue) {
      const backoff = FIRST_BACKOFF_MILLISECONDS * 2 ** this.#failures;
      this.#failures += 1;
      this.#retryDue = now + Math.min(backoff, LONGEST_BACKOFF_MILLISECONDS);
    }
    this.#retryDue = Math.max(this.#retryDue, now + askedMilliseconds);
  }
}
