import type { ObjectMeta } from '../api/objectMeta.ts';
import type { WebhookEndpoint } from '../api/webhookEndpoint.ts';

export interface FencesOptions {
  /** A consistent list of the metadata of a namespace's endpoints. */
  readonly list: (namespace: string) => Promise<readonly ObjectMeta[]>;
  /** The endpoint as the process knows it; nothing where its spec is not the one that the metadata speak of. */
  readonly known: (metadata: ObjectMeta) => WebhookEndpoint | undefined;
  /** Reads an endpoint; nothing where no such one is there any more. */
  readonly read: (namespace: string, name: string) => Promise<WebhookEndpoint | undefined>;
}

interface Fence {
  readonly begun: Promise<readonly WebhookEndpoint[]>;
  /** The one that begins after it, shared by all who come in the meantime. */
  next?: Promise<readonly WebhookEndpoint[]>;
}

/**
 * Consistent lists of a namespace's endpoints. Whoever asks gets a list that was begun after the question; many who ask
 * at once share one. What the process knows at the same generation is used, the rest is read.
 */
export class Fences {
  readonly #options: FencesOptions;
  readonly #current = new Map<string, Fence>();

  constructor(options: FencesOptions) {
    this.#options = options;
  }

  /** The endpoints of the namespace, as they were at some moment after the call. Rejects where they can't be listed. */
  endpoints(namespace: string): Promise<readonly WebhookEndpoint[]> {
    const current = this.#current.get(namespace);
    if (!current) return this.#begin(namespace);
    current.next ??= current.begun.then(
      () => this.#begin(namespace),
      () => this.#begin(namespace),
    );
    return current.next;
  }

  #begin(namespace: string): Promise<readonly WebhookEndpoint[]> {
    const fence: Fence = { begun: this.#collect(namespace) };
    this.#current.set(namespace, fence);
    const end = () => {
      if (this.#current.get(namespace) === fence && !fence.next) this.#current.delete(namespace);
    };
    fence.begun.then(end, end);
    return fence.begun;
  }

  async #collect(namespace: string): Promise<readonly WebhookEndpoint[]> {
    const { list, known, read } = this.#options;
    const endpoints: WebhookEndpoint[] = [];
    for (const metadata of await list(namespace)) {
      if (metadata.deletionTimestamp !== undefined) continue;
      const endpoint = known(metadata) ?? (await read(namespace, metadata.name));
      if (endpoint) endpoints.push(endpoint);
    }
    return endpoints;
  }
}
