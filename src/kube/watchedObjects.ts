import { ApiError } from '../runtime/apiError.ts';
import type { Clock } from '../runtime/clock.ts';
import { Reflector } from '../runtime/reflector.ts';
import { Store } from '../runtime/store.ts';
import { ResourceClient } from './resourceClient.ts';
import type { Transport } from './transport.ts';
import { type DataObject, parseDataObject } from './dataObject.ts';

export type ObjectKind = 'Secret' | 'ConfigMap';

/** What is known of an object: `unknown` until the API server has answered once. */
export type ObservedObject =
  | { readonly state: 'unknown' | 'missing' | 'forbidden' }
  | ({ readonly state: 'found' } & Pick<DataObject, 'data' | 'type' | 'annotations'>);

export interface WatchedObjectsOptions {
  readonly transport: Pick<Transport, 'send' | 'stream'>;
  readonly clock: Clock;
  readonly random: () => number;
  /** What `read` gives for this object may have changed. */
  readonly onChange: (kind: ObjectKind, namespace: string, name: string) => void;
  /** An object's watch failed and is tried again, forbidden ones within a minute. */
  readonly onError?: (kind: ObjectKind, namespace: string, name: string, error: unknown) => void;
}

interface Watched {
  references: number;
  forbidden: boolean;
  readonly store: Store<DataObject>;
  readonly reflector: Reflector<DataObject>;
  readonly stop: AbortController;
  readonly stopped: Promise<void>;
}

/**
 * Secrets and ConfigMaps that are referenced by name, each followed by a watch of its own for as long as somebody
 * holds a reference, so that nobody must be allowed to list them all.
 */
export class WatchedObjects {
  readonly #options: WatchedObjectsOptions;
  readonly #clients: Readonly<Record<ObjectKind, ResourceClient<DataObject>>>;
  readonly #watched = new Map<string, Watched>();

  constructor(options: WatchedObjectsOptions) {
    this.#options = options;
    this.#clients = {
      Secret: this.#clientOf('Secret', 'secrets'),
      ConfigMap: this.#clientOf('ConfigMap', 'configmaps'),
    };
  }

  /** How many objects are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Whether a watch has stood still for longer than could be right. */
  isStuck(): boolean {
    return this.#watched.values().some(({ reflector }) => reflector.isStuck());
  }

  /** Takes a reference; the object is watched until as many have been given back with `release`. */
  acquire(kind: ObjectKind, namespace: string, name: string): void {
    const key = keyOf(kind, namespace, name);
    const watched = this.#watched.get(key);
    if (watched === undefined) this.#watched.set(key, this.#watch(kind, namespace, name));
    else watched.references += 1;
  }

  release(kind: ObjectKind, namespace: string, name: string): void {
    const key = keyOf(kind, namespace, name);
    const watched = this.#watched.get(key);
    if (watched === undefined) return;
    watched.references -= 1;
    if (watched.references > 0) return;
    this.#watched.delete(key);
    watched.stop.abort();
  }

  read(kind: ObjectKind, namespace: string, name: string): ObservedObject {
    const watched = this.#watched.get(keyOf(kind, namespace, name));
    if (watched === undefined) return { state: 'unknown' };
    if (watched.forbidden) return { state: 'forbidden' };
    const object = watched.store.get(namespace, name);
    if (object === undefined) return { state: watched.reflector.hasSynced() ? 'missing' : 'unknown' };
    const { data, type, annotations } = object;
    return { state: 'found', data, type, annotations };
  }

  /** Ends every watch. */
  async stop(): Promise<void> {
    const all = [...this.#watched.values()];
    this.#watched.clear();
    for (const watched of all) watched.stop.abort();
    await Promise.all(all.map((watched) => watched.stopped));
  }

  #watch(kind: ObjectKind, namespace: string, name: string): Watched {
    const { clock, random, onChange, onError } = this.#options;
    const changed = (): void => {
      if (this.#watched.get(keyOf(kind, namespace, name)) === watched) onChange(kind, namespace, name);
    };
    const setForbidden = (forbidden: boolean): void => {
      if (watched.forbidden === forbidden) return;
      watched.forbidden = forbidden;
      changed();
    };
    const store = new Store<DataObject>();
    const reflector = new Reflector({
      listWatch: this.#clients[kind].listWatch({ namespace, fieldSelector: `metadata.name=${name}` }),
      store,
      clock,
      random,
      onError: (error) => {
        if (error instanceof ApiError && error.status === 403) setForbidden(true);
        onError?.(kind, namespace, name, error);
      },
      onRecovered: () => setForbidden(false),
    });
    const stop = new AbortController();
    const stopped = reflector.start(stop.signal);
    const watched: Watched = { references: 1, forbidden: false, store, reflector, stop, stopped };
    store.subscribe(changed);
    // Nothing is added to the store where the object is missing.
    void reflector.synced.then(changed);
    return watched;
  }

  #clientOf(kind: ObjectKind, plural: string): ResourceClient<DataObject> {
    return new ResourceClient({
      transport: this.#options.transport,
      resource: { group: '', version: 'v1', plural, kind },
      parse: (value) => parseDataObject(kind, value),
      onUnparsable: (where, error) => {
        const [namespace = '', name = ''] = where.split('/');
        this.#options.onError?.(kind, namespace, name, error);
      },
    });
  }
}

const keyOf = (kind: ObjectKind, namespace: string, name: string): string => `${kind}/${namespace}/${name}`;
