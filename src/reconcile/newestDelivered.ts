import type { UID } from '../api/objectMeta.ts';
import { compareOccurrences, type Age } from '../delivery/age.ts';

// So many order keys are remembered (api.md, Ordering).
const MAX_LINES = 10_000;
// A bound on memory, for namespaces with very many endpoints.
const MAX_AGES = 200_000;

/** The last event of each order key that each endpoint has got from this process; of the order keys used last. */
export class NewestDelivered {
  readonly #lines = new Map<string, Map<UID, Age>>();
  #size = 0;

  get(line: string, endpointUID: UID): Age | undefined {
    return this.#lines.get(line)?.get(endpointUID);
  }

  add(line: string, endpointUID: UID, age: Age): void {
    const ages = this.#lines.get(line) ?? new Map<UID, Age>();
    this.#lines.delete(line);
    this.#lines.set(line, ages);
    const before = ages.get(endpointUID);
    if (before && compareOccurrences(before, age) > 0) return;
    ages.set(endpointUID, age);
    if (!before) this.#size += 1;
    for (const [oldest, { size }] of this.#lines) {
      if (this.#lines.size <= MAX_LINES && this.#size <= MAX_AGES) return;
      this.#lines.delete(oldest);
      this.#size -= size;
    }
  }
}
