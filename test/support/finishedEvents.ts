import type { FinishedEvent } from '../../src/api/finishedEvent.ts';
import type { ResourceVersion } from '../../src/api/objectMeta.ts';
import type { Doomed } from '../../src/reconcile/deleter.ts';
import { ApiError } from '../../src/runtime/apiError.ts';
import { uid } from './fixtures.ts';

export interface FinishedOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly ttl?: number;
  /** Of `Succeeded`; none where there is no such condition. */
  readonly succeeded?: 'True' | 'False' | 'Unknown';
  /** Null: it has not finished. */
  readonly completionTime?: string | null;
  readonly metadata?: Partial<FinishedEvent['metadata']>;
  readonly lastHandledRedeliver?: string;
}

export const COMPLETED = '2026-11-25T00:00:10.500Z';

/** An event that has succeeded, and says nothing of how long it is kept. */
export function aFinishedEvent({
  name = 'butter-bar',
  namespace = 'shop',
  ttl,
  succeeded = 'True',
  completionTime = COMPLETED,
  metadata = {},
  lastHandledRedeliver,
}: FinishedOptions = {}): FinishedEvent {
  return {
    metadata: {
      name,
      namespace,
      uid: uid(`uid-${namespace}-${name}`),
      resourceVersion: '1' as ResourceVersion,
      generation: 1,
      creationTimestamp: '2026-11-25T00:00:00Z',
      ...metadata,
    },
    spec: { ttlSecondsAfterFinished: ttl },
    status: {
      completionTime: completionTime ?? undefined,
      conditions: [
        { type: 'Reconciling', status: 'False' },
        { type: 'Succeeded', status: succeeded },
        { type: 'Stalled', status: succeeded === 'False' ? 'True' : 'False' },
      ],
      lastHandledRedeliver,
    },
  };
}

/** The finished events of an API server in memory. */
export class FinishedEvents {
  /** Deletes that were asked for, in order. */
  readonly asked: string[] = [];
  /** Names that were deleted, in order. */
  readonly deleted: string[] = [];
  /** Every list, by namespace, and every read. */
  readonly lists: (string | undefined)[] = [];
  readonly reads: string[] = [];
  pageSize = 2;
  /** Called before each page is given, with its number, from 1; may throw. */
  onPage: (page: number) => void = () => {};
  /** Called before each delete; may throw. */
  onDelete: (name: string) => void = () => {};
  readonly #events = new Map<string, FinishedEvent>();
  #version = 1;

  /** Sets an event as it is now, with a resource version of its own; gives it. */
  put(event: FinishedEvent): FinishedEvent {
    this.#version += 1;
    const resourceVersion = `v${this.#version}` as ResourceVersion;
    const changed = { ...event, metadata: { ...event.metadata, resourceVersion } };
    this.#events.set(keyOf(event.metadata), changed);
    return changed;
  }

  /** Somebody else deletes it. */
  remove(name: string, namespace = 'shop'): void {
    this.#events.delete(`${namespace}/${name}`);
  }

  get names(): string[] {
    return [...this.#events.values()].map(({ metadata }) => metadata.name);
  }

  async *list(namespace: string | undefined): AsyncGenerator<{ items: FinishedEvent[] }, void, undefined> {
    this.lists.push(namespace);
    // As they were when the list began.
    const all = [...this.#events.values()].filter(
      ({ metadata, status }) =>
        status?.completionTime !== undefined && (namespace ?? metadata.namespace) === metadata.namespace,
    );
    for (let page = 1; page === 1 || (page - 1) * this.pageSize < all.length; page += 1) {
      this.onPage(page);
      yield { items: all.slice((page - 1) * this.pageSize, page * this.pageSize) };
    }
  }

  async read(namespace: string, name: string): Promise<FinishedEvent | undefined> {
    this.reads.push(name);
    return this.#events.get(`${namespace}/${name}`);
  }

  async delete(metadata: Doomed): Promise<void> {
    this.asked.push(metadata.name);
    this.onDelete(metadata.name);
    const found = this.#events.get(keyOf(metadata));
    if (!found) throw new ApiError(404, 'NotFound', 'not found');
    const { uid: foundUid, resourceVersion } = found.metadata;
    if (foundUid !== metadata.uid || resourceVersion !== metadata.resourceVersion) {
      throw new ApiError(409, 'Conflict', 'the precondition failed');
    }
    this.#events.delete(keyOf(metadata));
    this.deleted.push(metadata.name);
  }
}

function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
