import type { Clock } from '../runtime/clock.ts';
import { FairBacklog } from '../runtime/fairBacklog.ts';
import type { WorkQueue } from '../runtime/workQueue.ts';

const PRIORITIES = ['first', 'normal', 'low'] as const;

/** `first`: an event's first write, a change of an endpoint's condition. `low`: one that says no more than that deliveries wait. */
export type WritePriority = (typeof PRIORITIES)[number];

/** A status write that is due. */
export interface DueWrite {
  /** `namespace/name` of the object. */
  readonly key: string;
  /** The whole object as the API server stores it. */
  readonly bytes: number;
  readonly priority: WritePriority;
}

export interface WriteRate {
  readonly bytesPerSecond: number;
  /** A first write goes while the budget is no further behind. */
  readonly firstMayOweMilliseconds: number;
}

export interface WriteBudgetOptions extends WriteRate {
  readonly clock: Clock;
  /** Gets the keys of writes that had to wait, once they may go. */
  readonly queue: Pick<WorkQueue, 'add'>;
}

interface WaitingWrite extends DueWrite {
  /** Called when it is paid for, instead of the queue's. */
  readonly onTurn?: () => void;
}

/** What all status writes together may cost; endpoints get a tenth of it (design.md, "What a write costs"). */
export const EVENT_WRITES: WriteRate = { bytesPerSecond: 1_800_000, firstMayOweMilliseconds: 1000 };
export const ENDPOINT_WRITES: WriteRate = { bytesPerSecond: 200_000, firstMayOweMilliseconds: 5000 };

// So that small writes that come together go together.
const MAY_OWE_MILLISECONDS = 100;
// For so many bytes that went before what is less urgent one of that goes, so that steady load can't hold it up for ever.
const BYTES_FOR_ONE = 9;

/**
 * Keeps status writes to a number of bytes a second. A write goes, however large it is, while the budget is not too far
 * behind with what former ones have cost. What has to wait gets its turn by priority, and namespaces share the bytes
 * evenly. Nobody is blocked: whoever is told to wait comes again as a key. A write is counted whatever comes of it: one
 * whose answer was lost may be stored, and one that met a conflict has cost the API server as much.
 */
export class WriteBudget {
  readonly #options: WriteBudgetOptions;
  readonly #waiting: Readonly<Record<WritePriority, FairBacklog<WaitingWrite>>> = {
    first: new FairBacklog(),
    normal: new FairBacklog(),
    low: new FairBacklog(),
  };
  /** The bytes that were paid for writes that have not gone yet. */
  readonly #paid = new Map<string, number>();
  /** When everything spent is made up for, in monotonic milliseconds. */
  #evenAt = -Infinity;
  /** The bytes that went before what waits, by the priority of that, and for which none of it has gone yet. */
  readonly #passed: Record<WritePriority, number> = { first: 0, normal: 0, low: 0 };
  #cancelTimer = () => {};

  constructor(options: WriteBudgetOptions) {
    this.#options = options;
  }

  /**
   * Whether the write may go now; it is then paid for. Else its key comes once it may. One of low priority never goes at
   * once, so that fresh work goes before it in the queue too.
   */
  take(write: DueWrite): boolean {
    const paid = this.#paid.get(write.key);
    if (paid === undefined) return this.#ask(write, write.priority !== 'low');
    this.#paid.delete(write.key);
    this.#spend(write.bytes - paid);
    this.#serve();
    return true;
  }

  /**
   * Whether an event may be begun now: the write that follows, of about so many bytes, is then paid for, so that what is
   * sent can be recorded soon. Else its key comes once it may.
   */
  begin(key: string, bytes: number): boolean {
    if (this.#paid.has(key)) return true;
    const mayBegin = this.#ask({ key, bytes, priority: 'first' }, true);
    if (mayBegin) this.#paid.set(key, bytes);
    return mayBegin;
  }

  /**
   * Resolves once the write may go, for whoever has no key that could come again; it is then paid for. Its own key is to
   * be no object's. Resolves too once the signal is aborted.
   */
  async turn(write: DueWrite, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted || this.#ask({ ...write, onTurn: resolve }, true)) return;
    const end = () => resolve();
    signal.addEventListener('abort', end);
    await promise;
    signal.removeEventListener('abort', end);
  }

  /** Lets go of an object that is gone, or of which nothing is to be written now. */
  forget(key: string): void {
    for (const waiting of Object.values(this.#waiting)) waiting.delete(key);
    const paid = this.#paid.get(key);
    if (paid === undefined) return;
    this.#paid.delete(key);
    this.#spend(-paid);
    this.#serve();
  }

  /** Gives no more turns. */
  stop(): void {
    this.#cancelTimer();
  }

  /** One that waits already keeps its place, unless its priority has changed. */
  #ask(write: WaitingWrite, atOnce: boolean): boolean {
    const wanted = this.#waiting[write.priority];
    for (const waiting of Object.values(this.#waiting)) if (waiting !== wanted) waiting.delete(write.key);
    wanted.add(write);
    return this.#serve(atOnce ? write.key : undefined);
  }

  /** Gives turns while the budget allows it. Says whether whoever asks just now has got one, and calls the others. */
  #serve(asking?: string): boolean {
    const { clock, queue } = this.#options;
    this.#cancelTimer();
    let mayGo = false;
    for (let turn = this.#next(); turn; turn = this.#next()) {
      const wait = this.#evenAt - turn.mayOwe - clock.monotonic();
      if (wait > 0) {
        this.#cancelTimer = clock.schedule(wait, () => this.#serve());
        break;
      }
      const { key, bytes, priority, onTurn } = turn.write;
      this.#waiting[priority].serve(turn.write);
      this.#count(turn.write);
      this.#spend(bytes);
      if (key === asking) {
        mayGo = true;
      } else if (onTurn) {
        onTurn();
      } else {
        this.#paid.set(key, bytes);
        queue.add(key, priority === 'low' ? 'low' : 'normal');
      }
    }
    return mayGo;
  }

  /** Whose turn it is, and how far the budget may be behind when it comes. */
  #next(): { readonly write: WaitingWrite; readonly mayOwe: number } | undefined {
    const writes = PRIORITIES.map((priority) => this.#waiting[priority].next()).filter(
      (write) => write !== undefined,
    );
    const overdue = writes.findLast(({ priority, bytes }) => this.#passed[priority] >= BYTES_FOR_ONE * bytes);
    const write = overdue ?? writes[0];
    const isUrgent = overdue !== undefined || write?.priority === 'first';
    return (
      write && { write, mayOwe: isUrgent ? this.#options.firstMayOweMilliseconds : MAY_OWE_MILLISECONDS }
    );
  }

  #count({ priority, bytes }: DueWrite): void {
    this.#passed[priority] = Math.max(0, this.#passed[priority] - BYTES_FOR_ONE * bytes);
    for (const lower of PRIORITIES.slice(PRIORITIES.indexOf(priority) + 1))
      if (this.#waiting[lower].next()) this.#passed[lower] += bytes;
  }

  #spend(bytes: number): void {
    const { clock, bytesPerSecond } = this.#options;
    this.#evenAt = Math.max(this.#evenAt, clock.monotonic()) + (bytes / bytesPerSecond) * 1000;
  }
}
