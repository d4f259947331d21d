import type { Identified } from './identified.ts';

export type WatchEvent<T extends Identified> =
  | { readonly type: 'ADDED' | 'MODIFIED'; readonly object: T }
  | { readonly type: 'DELETED'; readonly object: Identified }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }
  | { readonly type: 'ERROR'; readonly code: number; readonly reason: string; readonly message: string };

export interface Page<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continueToken?: string | undefined;
  /** The size of the answer. */
  readonly bytes: number;
}

export interface ListOptions {
  /** The most items of a page; no limit where absent. */
  readonly limit?: number | undefined;
  readonly continueToken?: string | undefined;
}

export interface WatchOptions {
  /** Where to go on from; absent with sendInitialEvents. */
  readonly resourceVersion?: string | undefined;
  /** Sends everything there is as ADDED events, then a BOOKMARK with initialEventsEnd (WatchList, KEP-3157). */
  readonly sendInitialEvents?: boolean;
  /** When the API server ends the watch. */
  readonly timeoutSeconds: number;
}

/** What a reflector needs of the API server. Both throw an ApiError where it answered with an error. */
export interface ListWatch<T extends Identified> {
  /** A consistent list: at least as new as everything acknowledged before it began. */
  list(options: ListOptions, signal: AbortSignal): Promise<Page<T>>;
  /** Ends without an error where the API server ended the watch. */
  watch(options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
}
