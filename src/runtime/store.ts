import type { Identified } from './identified.ts';
import { Overlays } from './overlays.ts';

export type Change<T> =
  | { readonly type: 'added'; readonly object: T }
  | { readonly type: 'updated'; readonly object: T; readonly previous: T }
  | { readonly type: 'deleted'; readonly object: T };

/** A write of our own on its way, or a read. Exactly one of the two is called once its outcome is known. */
export interface PendingWrite<T> {
  /** It succeeded; `object` is as the API server has it, with its resource version. */
  acknowledge(object: T): void;
  /** It failed, or nobody knows. */
  abandon(): void;
}

/** A list on its way. */
export interface Replacement<T> {
  /** The store now holds these objects, and no others. */
  finish(objects: Iterable<T>): void;
}

/**
 * The objects as the watch has shown them, with the answers of our own writes laid over them until the watch
 * shows the same. Objects are given out as they are: nobody may change them.
 */
export class Store<T extends Identified> {
  /** As the watch shows them, by UID. */
  readonly #watched = new Map<string, T>();
  /** UIDs by namespace, then name. */
  readonly #names = new Map<string, Map<string, string>>();
  readonly #overlays = new Overlays<T>();
  readonly #listeners = new Set<(change: Change<T>) => void>();

  get size(): number {
    return this.#watched.size;
  }

  getByUid(uid: string): T | undefined {
    return this.#overlays.get(uid) ?? this.#watched.get(uid);
  }

  get(namespace: string, name: string): T | undefined {
    const uid = this.#names.get(namespace)?.get(name);
    return uid === undefined ? undefined : this.getByUid(uid);
  }

  list(namespace: string): T[] {
    return this.#resolve(this.#names.get(namespace)?.values() ?? []);
  }

  all(): T[] {
    return this.#resolve(this.#watched.keys());
  }

  /** Calls `listener` after each change of what `get` shows; the function returned ends that. */
  subscribe(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Calls `relist` when a list is needed to find out whether the watch has passed one of our own writes. */
  onDoubt(relist: () => void): void {
    this.#overlays.onDoubt = relist;
  }

  /**
   * To be called before a write of the object with this UID is sent. A read that shows the present state (no
   * resourceVersion asked for) may be acknowledged likewise.
   */
  beginWrite(uid: string): PendingWrite<T> {
    const write = this.#overlays.begin(uid, this.#watched.get(uid)?.metadata.resourceVersion);
    return {
      acknowledge: (object) => {
        const previous = this.getByUid(uid);
        this.#overlays.acknowledge(write, object, this.#watched.has(uid));
        const visible = this.getByUid(uid);
        if (visible !== undefined) this.#emit(difference(previous, visible));
      },
      abandon: () => this.#overlays.abandon(write),
    };
  }

  /** To be called before a list is asked for. */
  beginReplace(): Replacement<T> {
    const begun = this.#overlays.now();
    return { finish: (objects) => this.#replace(objects, begun) };
  }

  /** Takes in what a watch has shown. */
  apply(event: { type: 'ADDED' | 'MODIFIED'; object: T } | { type: 'DELETED'; object: Identified }): void {
    const { uid, resourceVersion } = event.object.metadata;
    const previous = this.getByUid(uid);
    if (event.type === 'DELETED') {
      this.#overlays.deleted(uid, resourceVersion);
      this.#emit(this.#remove(uid, previous));
    } else if (this.#overlays.shown(uid, resourceVersion)) {
      this.#emit(this.#put(event.object, previous));
    }
  }

  #replace(objects: Iterable<T>, begun: number): void {
    const listed = new Map([...objects].map((object) => [object.metadata.uid, object]));
    const before = new Map([...this.#watched.keys()].map((uid) => [uid, this.getByUid(uid)]));
    this.#overlays.listed(listed, begun);
    const gone = [...before].filter(([uid]) => !listed.has(uid));
    this.#emit([
      ...gone.flatMap(([uid, previous]) => this.#remove(uid, previous)),
      ...[...listed].flatMap(([uid, object]) => this.#put(object, before.get(uid))),
    ]);
  }

  #put(object: T, previous: T | undefined): Change<T>[] {
    const { uid, namespace, name } = object.metadata;
    const formerUid = this.#names.get(namespace)?.get(name);
    const former =
      formerUid === undefined || formerUid === uid ? [] : this.#remove(formerUid, this.getByUid(formerUid));
    const names = this.#names.get(namespace) ?? new Map<string, string>();
    this.#names.set(namespace, names.set(name, uid));
    this.#watched.set(uid, object);
    return [...former, ...difference(previous, this.#overlays.get(uid) ?? object)];
  }

  #remove(uid: string, previous: T | undefined): Change<T>[] {
    const watched = this.#watched.get(uid);
    if (watched === undefined) return [];
    this.#overlays.forget(uid);
    this.#watched.delete(uid);
    const { namespace, name } = watched.metadata;
    const names = this.#names.get(namespace);
    if (names?.get(name) === uid) names.delete(name);
    if (names?.size === 0) this.#names.delete(namespace);
    return [{ type: 'deleted', object: previous ?? watched }];
  }

  #resolve(uids: Iterable<string>): T[] {
    return [...uids].flatMap((uid) => this.getByUid(uid) ?? []);
  }

  // Only once the whole change is in: a listener that reads the store must not see half a list.
  #emit(changes: readonly Change<T>[]): void {
    for (const change of changes) for (const listener of this.#listeners) listener(change);
  }
}

const difference = <T extends Identified>(previous: T | undefined, object: T): Change<T>[] => {
  if (previous === undefined) return [{ type: 'added', object }];
  if (previous.metadata.resourceVersion === object.metadata.resourceVersion) return [];
  return [{ type: 'updated', object, previous }];
};
