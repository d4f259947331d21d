/** Time as it is passed to whatever needs it, so that tests can move it. */
export interface Clock {
  /** Wall time, milliseconds since 1970. */
  now(): number;
  /** Monotonic time in milliseconds, for durations; unaffected by changes of the wall clock. */
  monotonic(): number;
  /** Calls `callback` once after `milliseconds`; the function returned takes that back. */
  schedule(milliseconds: number, callback: () => void): () => void;
}

// setTimeout overflows after 24.8 days and then fires at once.
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(milliseconds, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, milliseconds), LONGEST_TIMER_MILLISECONDS));
    return () => clearTimeout(timer);
  },
};
