import type { Identified } from './identified.ts';

/** A write whose outcome is not known yet, with what the store has seen of the object. */
export interface Write {
  readonly uid: string;
  /** Versions older than the write's, as long as none of them is the write's own. */
  readonly seen: Set<string | undefined>;
  /** Whether the write's version may have been passed over: by a list, or while the object was not selected. */
  doubtful: boolean;
}

interface Overlay<T> {
  readonly object: T;
  /** Versions that were seen, all older. */
  readonly older: Set<string | undefined>;
  readonly acknowledged: number;
}

// Most never come back: they are kept until the next list, but no more than these.
const MOST_ABSENT = 1000;

/**
 * The answers of our own writes, each until the watch shows its version. Versions can only be compared for
 * equality, but a watch shows each of them, in order: while it has not shown the write's version, whatever it
 * shows is older. Only a list can pass over it; a list that began after the answer ends the overlay, and where
 * an earlier one leaves doubt, `onDoubt` asks for another.
 */
export class Overlays<T extends Identified> {
  onDoubt: () => void = () => {};
  readonly #standing = new Map<string, Overlay<T>>();
  /** Answers that the watch has not shown, of objects that it does not hold (any more), should they come back. */
  readonly #absent = new Map<string, Overlay<T>>();
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
    const write: Write = { uid, seen, doubtful: watchedVersion === undefined };
    this.#writes.set(uid, (this.#writes.get(uid) ?? new Set()).add(write));
    return write;
  }

  /**
   * Lays the answer over the object, unless its version was seen. `watched` says whether the watch holds the object:
   * what it does not hold it may never show, and an overlay would have no end.
   */
  acknowledge(write: Write, object: T, watched: boolean): void {
    this.abandon(write);
    const { resourceVersion } = object.metadata;
    // A write that changed nothing is answered with a version that was there before.
    if (write.seen.has(resourceVersion)) {
      // A list may have shown it while an earlier answer still overlays the object.
      if (this.get(write.uid)?.metadata.resourceVersion !== resourceVersion) this.#standing.delete(write.uid);
      return;
    }
    this.#time += 1;
    const overlay = { object, older: write.seen, acknowledged: this.#time };
    if (!watched) return this.#keepAbsent(overlay);
    this.#standing.set(write.uid, overlay);
    if (write.doubtful) this.onDoubt();
  }

  abandon(write: Write): void {
    const writes = this.#writes.get(write.uid);
    writes?.delete(write);
    if (writes?.size === 0) this.#writes.delete(write.uid);
  }

  /** The watch showed this version of the object. Whether it is to be taken in: not while it is older. */
  shown(uid: string, resourceVersion: string): boolean {
    for (const write of this.#writes.get(uid) ?? []) write.seen.add(resourceVersion);
    const absent = this.#absent.get(uid);
    if (absent !== undefined) {
      this.#absent.delete(uid);
      if (absent.object.metadata.resourceVersion === resourceVersion) return true;
      this.#standing.set(uid, absent);
      if (!absent.older.has(resourceVersion)) this.onDoubt();
      return true;
    }
    const overlay = this.#standing.get(uid);
    if (overlay === undefined) return true;
    if (overlay.object.metadata.resourceVersion === resourceVersion) return this.#standing.delete(uid);
    overlay.older.add(resourceVersion);
    return false;
  }

  /**
   * The watch removed the object, which ends the overlay. Its version is our own write's where that took it out of
   * the selection. Of another version, the object is gone, or left the selection before the write: should it come
   * back with a version that is not the write's, that may be older or newer.
   */
  deleted(uid: string, resourceVersion: string): void {
    for (const write of this.#writes.get(uid) ?? []) {
      write.seen.add(resourceVersion);
      write.doubtful = true;
    }
    const overlay = this.#standing.get(uid);
    this.#standing.delete(uid);
    if (overlay !== undefined && overlay.object.metadata.resourceVersion !== resourceVersion)
      this.#keepAbsent(overlay);
    if (this.#absent.get(uid)?.object.metadata.resourceVersion === resourceVersion) this.#absent.delete(uid);
  }

  /** A list that was begun at `begun` has ended with these objects. */
  listed(objects: ReadonlyMap<string, Identified>, begun: number): void {
    for (const [uid, overlay] of this.#absent) {
      const later = overlay.acknowledged > begun;
      if (later && objects.has(uid)) this.#standing.set(uid, overlay);
      if (!later || objects.has(uid)) this.#absent.delete(uid);
    }
    for (const [uid, writes] of this.#writes) {
      const version = objects.get(uid)?.metadata.resourceVersion;
      for (const write of writes) {
        if (version !== undefined && write.seen.has(version)) continue;
        // The list may have passed over the write's version, also where it lacks the object.
        write.seen.add(version);
        write.doubtful = true;
      }
    }
    let doubt = false;
    for (const [uid, overlay] of this.#standing) {
      const version = objects.get(uid)?.metadata.resourceVersion;
      const later = overlay.acknowledged > begun;
      if (later && version !== undefined && version !== overlay.object.metadata.resourceVersion) {
        doubt ||= !overlay.older.has(version);
        continue;
      }
      this.#standing.delete(uid);
      if (later && version === undefined) this.#keepAbsent(overlay);
    }
    if (doubt) this.onDoubt();
  }

  /** The object is gone, and whatever lay over it. */
  forget(uid: string): void {
    this.#standing.delete(uid);
  }

  #keepAbsent(overlay: Overlay<T>): void {
    this.#absent.set(overlay.object.metadata.uid, overlay);
    const oldest = this.#absent.keys().next();
    if (this.#absent.size > MOST_ABSENT && !oldest.done) this.#absent.delete(oldest.value);
  }
}
