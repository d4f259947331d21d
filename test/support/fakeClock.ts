import type { Clock } from '../../src/runtime/clock.ts';
import { Heap } from '../../src/runtime/heap.ts';

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is moved. Timers fire in the order in which they are due. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();
  /** The timers by due time; those that were taken back stay in it until they come up. */
  readonly #byDue = new Heap<Timer>((a, b) => a.due - b.due || a.order - b.order);

  constructor(start: number | string = '2026-01-01T00:00:00Z') {
    this.#wall = typeof start === 'number' ? start : Date.parse(start);
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  schedule(milliseconds: number, callback: () => void): () => void {
    const timer = {
      due: this.#monotonic + Math.max(0, milliseconds),
      order: (this.#order += 1),
      callback,
    };
    this.#timers.add(timer);
    this.#byDue.push(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers are waiting. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer is due; Infinity where none is waiting. */
  get untilNext(): number {
    return Math.min(...[...this.#timers].map(({ due }) => due - this.#monotonic));
  }

  /** Moves both clocks; after each timer that falls due, and at the end, whatever it set off may run. */
  async advance(milliseconds: number): Promise<void> {
    const target = this.#monotonic + milliseconds;
    await settle();
    for (let timer = this.#next(target); timer !== undefined; timer = this.#next(target)) {
      this.#timers.delete(timer);
      this.#move(timer.due - this.#monotonic);
      timer.callback();
      await settle();
    }
    this.#move(target - this.#monotonic);
    await settle();
  }

  /** Sets the wall clock alone forward or back, as NTP or a person would. */
  adjustWall(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  #move(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#monotonic += milliseconds;
  }

  #next(target: number): Timer | undefined {
    for (let next = this.#byDue.peek(); next && next.due <= target; next = this.#byDue.peek()) {
      this.#byDue.pop();
      if (this.#timers.has(next)) return next;
    }
    return undefined;
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
