// Who holds fewer requests than this may also take of the last quarter.
const FEW_REQUESTS = 4;

/**
 * The slots for open requests: who holds how many, and who may take one more. A namespace holds at most three quarters of
 * them, and the last quarter goes only to namespaces that hold few, so that there is always a place for one that had
 * nothing to send until now. Lanes in trouble hold at most half of the slots together.
 */
export class Slots {
  readonly #size: number;
  readonly #byNamespace = new Map<string, number>();
  #taken = 0;
  #troubled = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Whether a lane of the namespace may take one more. */
  allows(namespace: string, isTroubled: boolean): boolean {
    if (this.#taken >= this.#size || (isTroubled && this.#troubled >= this.#half)) return false;
    const held = this.#byNamespace.get(namespace) ?? 0;
    const threeQuarters = Math.ceil((this.#size * 3) / 4);
    return held < (this.#taken < threeQuarters ? threeQuarters : Math.min(threeQuarters, FEW_REQUESTS));
  }

  take(namespace: string, isTroubled: boolean): void {
    this.#change(namespace, 1);
    if (isTroubled) this.#troubled += 1;
  }

  release(namespace: string, isTroubled: boolean): void {
    this.#change(namespace, -1);
    if (isTroubled) this.#troubled -= 1;
  }

  /** Takes in that a lane which holds so many has got into trouble, or out of it. */
  judge(held: number, isTroubled: boolean): void {
    this.#troubled += isTroubled ? held : -held;
  }

  get #half(): number {
    return Math.max(1, Math.floor(this.#size / 2));
  }

  #change(namespace: string, by: 1 | -1): void {
    this.#taken += by;
    const held = (this.#byNamespace.get(namespace) ?? 0) + by;
    if (held > 0) this.#byNamespace.set(namespace, held);
    else this.#byNamespace.delete(namespace);
  }
}
