import { namespaceOf } from '../runtime/fairQueue.ts';

/** Whether what is to be sent is a delivery's first attempt or a further one. */
export type AttemptKind = 'first' | 'retry';

// With so many outcomes in memory alone nothing more is sent; those in flight come on top. Retries leave room for what is
// fresh.
const MOST: Readonly<Record<AttemptKind, number>> = { first: 1000, retry: 500 };
// So that another namespace still sends.
const SHARE_OF_NAMESPACE = 3 / 4;

/** Counts the outcomes that no acknowledged write holds yet, and holds back events while there are too many. */
export class Unwritten {
  readonly #byNamespace = new Map<string, number>();
  /** Keys of events by namespace, those first that have been held longest. */
  readonly #held: Readonly<Record<AttemptKind, Map<string, Set<string>>>> = {
    first: new Map(),
    retry: new Map(),
  };
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** Counts outcomes of the event of this key; written ones are negative. */
  add(key: string, outcomes: number): void {
    const namespace = namespaceOf(key);
    const ofNamespace = (this.#byNamespace.get(namespace) ?? 0) + outcomes;
    if (ofNamespace > 0) this.#byNamespace.set(namespace, ofNamespace);
    else this.#byNamespace.delete(namespace);
    this.#total += outcomes;
  }

  /** Whether nothing of the kind may be sent for this key now. It is then remembered. */
  hold(key: string, kind: AttemptKind): boolean {
    const namespace = namespaceOf(key);
    if (this.#room(namespace, kind) > 0) return false;
    const held = this.#held[kind];
    held.set(namespace, (held.get(namespace) ?? new Set()).add(key));
    return true;
  }

  /** The keys that were held and need not be any more, each once; no more of a namespace than there is room for. */
  release(): readonly string[] {
    return [...this.#release('first'), ...this.#release('retry')];
  }

  forget(key: string): void {
    for (const held of Object.values(this.#held)) held.get(namespaceOf(key))?.delete(key);
  }

  #release(kind: AttemptKind): string[] {
    return [...this.#held[kind]].flatMap(([namespace, keys]) => {
      const released = [...keys.values().take(this.#room(namespace, kind))];
      for (const key of released) keys.delete(key);
      if (keys.size === 0) this.#held[kind].delete(namespace);
      return released;
    });
  }

  /** How many more outcomes of a namespace may be unwritten. */
  #room(namespace: string, kind: AttemptKind): number {
    const ofNamespace = this.#byNamespace.get(namespace) ?? 0;
    const most = MOST[kind];
    return Math.max(0, Math.min(most - this.#total, most * SHARE_OF_NAMESPACE - ofNamespace));
  }
}
