import { namespaceOf } from './fairQueue.ts';

/** Something that waits for its turn, known by a key `namespace/name`. */
export interface Waiting {
  readonly key: string;
  readonly bytes: number;
}

/**
 * What waits for a share of something that is counted in bytes. The next is of the namespace that was served least since
 * it began to wait, so that many bytes of one can't hold up few of another; first in, first out within one.
 */
export class FairBacklog<T extends Waiting> {
  readonly #namespaces = new Map<string, Map<string, T>>();
  /** Where each namespace stands: what it was served, on the scale of `#reached`. */
  readonly #served = new Map<string, number>();
  /** Where those stand that are served; one that comes back after a pause begins here. */
  #reached = 0;

  /** Adds an item; one of the same key gives it its place. */
  add(item: T): void {
    const namespace = namespaceOf(item.key);
    this.#namespaces.set(
      namespace,
      (this.#namespaces.get(namespace) ?? new Map<string, T>()).set(item.key, item),
    );
  }

  delete(key: string): void {
    const namespace = namespaceOf(key);
    const items = this.#namespaces.get(namespace);
    if (items?.delete(key) !== true || items.size > 0) return;
    this.#namespaces.delete(namespace);
    if (this.#namespaces.size > 0) return;
    this.#served.clear();
    this.#reached = 0;
  }

  /** Whose turn it is. */
  next(): T | undefined {
    let next: T | undefined;
    let least = Infinity;
    for (const [namespace, items] of this.#namespaces) {
      const standing = this.#standing(namespace);
      if (standing >= least) continue;
      [next] = items.values();
      least = standing;
    }
    return next;
  }

  /** Takes an item out because it was its turn. */
  serve({ key, bytes }: T): void {
    const namespace = namespaceOf(key);
    this.#reached = this.#standing(namespace);
    this.#served.set(namespace, this.#reached + bytes);
    this.delete(key);
  }

  #standing(namespace: string): number {
    return Math.max(this.#served.get(namespace) ?? 0, this.#reached);
  }
}
