import type { Clock } from './clock.ts';
import { FairQueue } from './fairQueue.ts';
import { Heap } from './heap.ts';

export type Priority = 'normal' | 'low';

interface Delayed {
  readonly key: string;
  /** Monotonic, milliseconds. */
  readonly due: number;
  readonly priority: Priority;
}

/** However far ahead a key is due, it comes after an hour at the latest: whoever takes it decides anew. */
const LONGEST_DELAY_MILLISECONDS = 3_600_000;

// Of so many keys one is of low priority where there is any, so that steady load can't hold it up for ever.
const LOW_PRIORITY_TURN = 10;

/**
 * Keys `namespace/name` that want work, with the rules of client-go's work queue: a key is given out to one
 * worker at a time; adds while it waits fold into one, and an add while it is worked on brings it back once
 * after `done`. Namespaces take turns.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #onDepth: (depth: number) => void;
  readonly #queues: Readonly<Record<Priority, FairQueue>> = { normal: new FairQueue(), low: new FairQueue() };
  readonly #processing = new Set<string>();
  /** Keys added while they are worked on. */
  readonly #again = new Map<string, Priority>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #heap = new Heap<Delayed>((a, b) => a.due - b.due);
  readonly #waiting: ((key: string | undefined) => void)[] = [];
  #cancelTimer: (() => void) | undefined;
  #timerDue = Infinity;
  #turn = 0;
  #stopped = false;

  /** `onDepth` hears how many keys wait for a worker, after each change. */
  constructor(options: { clock: Clock; onDepth?: (depth: number) => void }) {
    this.#clock = options.clock;
    this.#onDepth = options.onDepth ?? (() => {});
  }

  /** Keys that wait for a worker; those that are due later do not count. */
  get depth(): number {
    return this.#queues.normal.size + this.#queues.low.size;
  }

  add(key: string, priority: Priority = 'normal'): void {
    if (this.#stopped) return;
    if (this.#processing.has(key)) {
      if (this.#again.get(key) !== 'normal') this.#again.set(key, priority);
      return;
    }
    if (priority === 'normal') this.#queues.low.delete(key);
    if (priority === 'low' && this.#queues.normal.has(key)) return;
    this.#queues[priority].push(key);
    this.#handOut();
  }

  /** Adds the key once `milliseconds` have passed; of several delays of one key the one that ends first counts. */
  addAfter(key: string, milliseconds: number, priority: Priority = 'normal'): void {
    if (this.#stopped) return;
    if (!(milliseconds > 0)) return this.add(key, priority);
    const due = this.#clock.monotonic() + Math.min(milliseconds, LONGEST_DELAY_MILLISECONDS);
    const former = this.#delayed.get(key);
    if (former !== undefined && former.due <= due) return;
    const delayed = { key, due, priority };
    this.#delayed.set(key, delayed);
    this.#heap.push(delayed);
    this.#arm();
  }

  /** Adds the key at a wall time, in milliseconds since 1970. */
  addAt(key: string, time: number, priority: Priority = 'normal'): void {
    this.addAfter(key, time - this.#clock.now(), priority);
  }

  /** The next key, once there is one; undefined after shutDown. Each key taken must be given back with `done`. */
  take(): Promise<string | undefined> {
    if (this.#stopped) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#handOut();
    });
  }

  done(key: string): void {
    this.#processing.delete(key);
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (again !== undefined) this.add(key, again);
  }

  /** Forgets every key; whoever waits for one gets undefined. */
  shutDown(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  #handOut(): void {
    while (this.#waiting.length > 0) {
      const key = this.#next();
      if (key === undefined) break;
      this.#processing.add(key);
      this.#waiting.shift()?.(key);
    }
    this.#onDepth(this.depth);
  }

  #next(): string | undefined {
    const { normal, low } = this.#queues;
    this.#turn = (this.#turn + 1) % LOW_PRIORITY_TURN;
    return this.#turn === 0 ? (low.pop() ?? normal.pop()) : (normal.pop() ?? low.pop());
  }

  #arm(): void {
    let first = this.#heap.peek();
    // What was overtaken by an earlier due time stays in the heap until it comes up.
    while (first !== undefined && this.#delayed.get(first.key) !== first) {
      this.#heap.pop();
      first = this.#heap.peek();
    }
    const due = first?.due ?? Infinity;
    if (due === this.#timerDue) return;
    this.#cancelTimer?.();
    this.#timerDue = due;
    this.#cancelTimer =
      due === Infinity
        ? undefined
        : this.#clock.schedule(due - this.#clock.monotonic(), () => this.#addDue());
  }

  #addDue(): void {
    this.#timerDue = Infinity;
    const now = this.#clock.monotonic();
    for (let first = this.#heap.peek(); first !== undefined && first.due <= now; first = this.#heap.peek()) {
      this.#heap.pop();
      if (this.#delayed.get(first.key) !== first) continue;
      this.#delayed.delete(first.key);
      this.add(first.key, first.priority);
    }
    this.#arm();
  }
}
