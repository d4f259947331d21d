/**
 * How many finished events each namespace holds at most: nobody watches them, and somebody may have deleted some. A list
 * tells how many there are; what finishes after it has begun counts on top, whether it was in the list or not.
 */
export class FinishedCounts {
  /** Since the start. */
  readonly #finished = new Map<string, number>();
  /** By the last list, less what had finished when it began and what was deleted since. */
  readonly #besides = new Map<string, number>();
  /** What had finished when the namespace was trimmed last. */
  readonly #trimmed = new Map<string, number>();

  add(namespace: string): void {
    this.#finished.set(namespace, this.#finishedIn(namespace) + 1);
  }

  remove(namespace: string): void {
    this.#besides.set(namespace, (this.#besides.get(namespace) ?? 0) - 1);
  }

  /** To be called before a list; the function returned then takes what it has found. */
  beginList(): (found: ReadonlyMap<string, number>) => void {
    const before = new Map(this.#finished);
    return (found) => {
      for (const [namespace, count] of found) {
        this.#besides.set(namespace, count - (before.get(namespace) ?? 0));
        this.#trimmed.delete(namespace);
      }
    };
  }

  /** To be called before a namespace is trimmed; the function returned, once it was. */
  beginTrim(namespace: string): () => void {
    const before = this.#finishedIn(namespace);
    return () => this.#trimmed.set(namespace, before);
  }

  /** Namespaces that may hold more than so many, and in which something has finished since they were trimmed. */
  above(most: number): string[] {
    return [...new Set([...this.#finished.keys(), ...this.#besides.keys()])].filter((namespace) => {
      const finished = this.#finishedIn(namespace);
      return (
        finished + (this.#besides.get(namespace) ?? 0) > most && finished !== this.#trimmed.get(namespace)
      );
    });
  }

  #finishedIn(namespace: string): number {
    return this.#finished.get(namespace) ?? 0;
  }
}
