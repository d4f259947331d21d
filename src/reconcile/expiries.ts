import type { UID } from '../api/objectMeta.ts';
import { Heap } from '../runtime/heap.ts';
import type { Doomed } from './deleter.ts';

/** An event that is to be deleted; without a resource version it is to be read first. */
export type Expiring = Omit<Doomed, 'resourceVersion'> & Partial<Pick<Doomed, 'resourceVersion'>>;

interface Entry {
  readonly event: Expiring;
  /** In milliseconds since 1970. */
  readonly at: number;
}

// About 30 MB.
const MOST = 100_000;

/** When which event's time to live is over. What does not fit in is for the next sweep to find. */
export class Expiries {
  readonly #heap = new Heap<Entry>((a, b) => a.at - b.at);
  /** The entry of each event that counts; those in the heap that it replaced don't. */
  readonly #current = new Map<UID, Entry>();
  readonly #most: number;

  constructor(most: number = MOST) {
    this.#most = most;
  }

  /** `at` in milliseconds since 1970; another time that was set for the event counts no more. */
  set({ namespace, name, uid, resourceVersion }: Expiring, at: number): void {
    const known = this.#current.get(uid);
    if (known?.at === at && known.event.resourceVersion === resourceVersion) return;
    if (this.#heap.size >= this.#most) return;
    const entry = { event: { namespace, name, uid, resourceVersion }, at };
    this.#current.set(uid, entry);
    this.#heap.push(entry);
  }

  /** Takes out an event whose time is over, the one that has waited longest. */
  takeDue(now: number): Expiring | undefined {
    for (let entry = this.#heap.peek(); entry && entry.at <= now; entry = this.#heap.peek()) {
      this.#heap.pop();
      if (this.#current.get(entry.event.uid) !== entry) continue;
      this.#current.delete(entry.event.uid);
      return entry.event;
    }
    return undefined;
  }
}
