import type { Identified } from './store.ts';

/** A write whose outcome is not known yet, with what the store has seen of the object. */
export interface Write {
  readonly uid: string;
  /** Versions older than the write's, as long as none of them is the write's own. */
  readonly seen: Set<string | undefined>;
  /** A list that ended meanwhile showed a version that may be older or newer than the write's. */
  doubtful: boolean;
}

interface Overlay<T> {
  readonly object: T;
  /** Versions that were seen, all older. */
  readonly older: Set<string | undefined>;
  readonly acknowledged: number;
}

/**
 * The answers of our own writes, each until the watch shows its version. Versions can only be compared for
 * equality, but a watch shows each of them, in order: while it has not shown the write's version, whatever it
 * shows is older. Only a list can pass over it; a list that began after the answer ends the overlay, and where
 * an earlier one leaves doubt, `onDoubt` asks for another.
 */
export class Overlays<T extends Identified> {
  onDoubt: () => void = () => {};
  readonly #standing = new Map<string, Overlay<T>>();
  readonly #writes = new Map<string, Set<Write>>();
  #time = 0;

  get(uid: string): T | undefined {
    return this.#standing.get(uid)?.object;
  }

  /** A point in the order of lists' beginnings and answers of writes. */
  now(): number {
    return this.#time;
  }

  begin(uid: string, watchedVersion: string | undefined): Write {
    const overlay = this.#standing.get(uid);
    const seen = new Set(overlay?.older).add(overlay?.object.metadata.resourceVersion).add(watchedVersion);
    const write: Write = { uid, seen, doubtful: false };
    this.#writes.set(uid, (this.#writes.get(uid) ?? new Set()).add(write));
    return write;
  }

  /** Whether the answer now overlays the object: not where the watch has shown its version or removed it. */
  acknowledge(write: Write, object: T, watched: boolean): boolean {
    this.abandon(write);
    // A write that changed nothing is answered with a version that was there before.
    if (!watched || write.seen.has(object.metadata.resourceVersion)) return false;
    this.#time += 1;
    this.#standing.set(write.uid, { object, older: write.seen, acknowledged: this.#time });
    if (write.doubtful) this.onDoubt();
    return true;
  }

  abandon(write: Write): void {
    const writes = this.#writes.get(write.uid);
    writes?.delete(write);
    if (writes?.size === 0) this.#writes.delete(write.uid);
  }

  /** The watch showed this version of the object. Whether it is to be taken in: not while it is older. */
  shown(uid: string, resourceVersion: string): boolean {
    for (const write of this.#writes.get(uid) ?? []) write.seen.add(resourceVersion);
    const overlay = this.#standing.get(uid);
    if (overlay === undefined) return true;
    if (overlay.object.metadata.resourceVersion === resourceVersion) return this.#standing.delete(uid);
    overlay.older.add(resourceVersion);
    return false;
  }

  /**
   * The watch removed the object. Its version is our own write's where that took it out of the selection. An
   * overlay of another version ends too: had the object been deleted, its version might never be shown.
   */
  deleted(uid: string, resourceVersion: string): void {
    for (const write of this.#writes.get(uid) ?? []) write.seen.add(resourceVersion);
    this.#standing.delete(uid);
  }

  /** A list that was begun at `begun` has ended with these objects. */
  listed(objects: ReadonlyMap<string, Identified>, begun: number): void {
    for (const [uid, writes] of this.#writes) {
      const version = objects.get(uid)?.metadata.resourceVersion;
      for (const write of writes) {
        if (version === undefined || write.seen.has(version)) continue;
        write.seen.add(version);
        write.doubtful = true;
      }
    }
    let doubt = false;
    for (const [uid, overlay] of this.#standing) {
      const version = objects.get(uid)?.metadata.resourceVersion;
      const passed =
        overlay.acknowledged <= begun ||
        version === undefined ||
        version === overlay.object.metadata.resourceVersion;
      if (passed) this.#standing.delete(uid);
      else doubt ||= !overlay.older.has(version);
    }
    if (doubt) this.onDoubt();
  }

  /** The object is gone, and whatever lay over it. */
  forget(uid: string): void {
    this.#standing.delete(uid);
  }
}
