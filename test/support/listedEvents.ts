import type { FlagEvent, FlagEventStatus } from '../../src/api/flagEvent.ts';
import type { ResourceVersion } from '../../src/api/objectMeta.ts';
import type { WriteResult } from '../../src/reconcile/statusRecorder.ts';

/** The events of an API server in memory, finished or not, whose statuses are written. */
export class ListedEvents {
  /** Names of events whose status was written, in order. */
  readonly written: string[] = [];
  readonly reads: string[] = [];
  /** How many lists were begun. */
  lists = 0;
  pageSize = 2;
  /** Called before each page of a list is given, with its number, from 1; may throw. */
  onPage: (page: number) => void = () => {};
  /** Called before each write; what it gives comes of the write instead. */
  onWrite: (name: string) => WriteResult | undefined = () => undefined;
  readonly #events = new Map<string, FlagEvent>();
  #version = 1;

  /** Sets an event as it is now, with a resource version of its own. */
  put(event: FlagEvent): void {
    this.#version += 1;
    const resourceVersion = `v${this.#version}` as ResourceVersion;
    this.#events.set(keyOf(event), { ...event, metadata: { ...event.metadata, resourceVersion } });
  }

  remove(name: string, namespace = 'shop'): void {
    this.#events.delete(`${namespace}/${name}`);
  }

  get(name: string, namespace = 'shop'): FlagEvent | undefined {
    return this.#events.get(`${namespace}/${name}`);
  }

  async *list(namespace: string): AsyncGenerator<{ items: FlagEvent[] }, void, undefined> {
    this.lists += 1;
    // As they were when the list began.
    const all = [...this.#events.values()].filter(({ metadata }) => metadata.namespace === namespace);
    for (let page = 1; page === 1 || (page - 1) * this.pageSize < all.length; page += 1) {
      this.onPage(page);
      yield { items: all.slice((page - 1) * this.pageSize, page * this.pageSize) };
    }
  }

  async read(namespace: string, name: string): Promise<FlagEvent | undefined> {
    this.reads.push(name);
    return this.get(name, namespace);
  }

  async write(event: FlagEvent, status: FlagEventStatus): Promise<WriteResult> {
    const { name, namespace, uid, resourceVersion } = event.metadata;
    const instead = this.onWrite(name);
    if (instead) return instead;
    const found = this.get(name, namespace);
    if (found?.metadata.uid !== uid) return 'gone';
    if (found.metadata.resourceVersion !== resourceVersion) return 'conflict';
    this.put({ ...found, status });
    this.written.push(name);
    return 'written';
  }
}

function keyOf({ metadata }: FlagEvent): string {
  return `${metadata.namespace}/${metadata.name}`;
}
