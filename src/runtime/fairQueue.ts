/** A key's namespace: what stands before the first slash. */
export const namespaceOf = (key: string): string => key.slice(0, Math.max(0, key.indexOf('/')));

/** Keys `namespace/name`, each at most once: first in, first out within a namespace, the namespaces in turn. */
export class FairQueue {
  // The order of the Map is whose turn it is.
  readonly #namespaces = new Map<string, Set<string>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(key: string): boolean {
    return this.#namespaces.get(namespaceOf(key))?.has(key) ?? false;
  }

  push(key: string): void {
    if (this.has(key)) return;
    const namespace = namespaceOf(key);
    this.#namespaces.set(namespace, (this.#namespaces.get(namespace) ?? new Set()).add(key));
    this.#size += 1;
  }

  pop(): string | undefined {
    for (const [namespace, keys] of this.#namespaces) {
      this.#namespaces.delete(namespace);
      for (const key of keys) {
        keys.delete(key);
        this.#size -= 1;
        if (keys.size > 0) this.#namespaces.set(namespace, keys);
        return key;
      }
    }
    return undefined;
  }

  delete(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#namespaces.get(namespace);
    if (keys?.delete(key) !== true) return;
    this.#size -= 1;
    if (keys.size === 0) this.#namespaces.delete(namespace);
  }
}
