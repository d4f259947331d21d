import type { Clock } from './clock.ts';
import type { ListWatch } from './listWatch.ts';
import { Reflector } from './reflector.ts';
import type { Identified } from './identified.ts';
import { Store, type Change } from './store.ts';

export interface InformerOptions<T extends Identified> {
  /** The namespaces to follow, each by a watch of its own; empty: all, by one. */
  readonly namespaces: readonly string[];
  readonly listWatch: (namespace: string | undefined) => ListWatch<T>;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly onChange: (change: Change<T>) => void;
  readonly onError: (namespace: string | undefined, error: unknown, retryAfterMilliseconds: number) => void;
  /** The API server answers again after a failure. */
  readonly onRecovered?: (namespace: string | undefined) => void;
}

interface Part<T extends Identified> {
  readonly store: Store<T>;
  readonly reflector: Reflector<T>;
  /** When it last failed, in monotonic milliseconds. */
  failedAt: number;
  /** While it fails. */
  failure?: unknown;
}

// A watch that is alive shows a bookmark about each minute.
const CURRENT_WITHIN_MILLISECONDS = 90_000;

/** One kind of object, followed in all namespaces or in some. */
export class Informer<T extends Identified> {
  readonly #parts: ReadonlyMap<string | undefined, Part<T>>;
  readonly #clock: Clock;

  constructor(options: InformerOptions<T>) {
    const { namespaces, listWatch, clock, random, onChange, onError, onRecovered } = options;
    this.#clock = clock;
    const scopes = namespaces.length === 0 ? [undefined] : namespaces;
    this.#parts = new Map(
      scopes.map((namespace) => {
        const store = new Store<T>();
        store.subscribe(onChange);
        const reflector = new Reflector({
          listWatch: listWatch(namespace),
          store,
          clock,
          random,
          onError: (error, retryAfterMilliseconds) => {
            part.failedAt = clock.monotonic();
            part.failure = error;
            onError(namespace, error, retryAfterMilliseconds);
          },
          onRecovered: () => {
            part.failure = undefined;
            onRecovered?.(namespace);
          },
        });
        const part: Part<T> = { store, reflector, failedAt: -Infinity };
        return [namespace, part];
      }),
    );
  }

  /** Works until `signal` is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#parts.values()].map(({ reflector }) => reflector.start(signal)));
  }

  /** Resolves once everything was listed for the first time. */
  async synced(): Promise<void> {
    await Promise.all([...this.#parts.values()].map(({ reflector }) => reflector.synced));
  }

  /** Lists everything anew, beginning now; resolves once the stores hold that. */
  async refresh(): Promise<void> {
    await Promise.all([...this.#parts.values()].map(({ reflector }) => reflector.refresh()));
  }

  hasSynced(): boolean {
    return [...this.#parts.values()].every(({ reflector }) => reflector.hasSynced());
  }

  /** What a watch fails with now; nothing where all go well. */
  failure(): unknown {
    return [...this.#parts.values()].find(({ failure }) => failure !== undefined)?.failure;
  }

  /** Whether a watch has stood still for longer than could be right. */
  isStuck(): boolean {
    return [...this.#parts.values()].some(({ reflector }) => reflector.isStuck());
  }

  /** Whether the watch of a namespace has shown anything lately, so that the store may be taken for current. */
  isCurrent(namespace: string): boolean {
    const part = this.#part(namespace);
    const contact = part?.reflector.hasSynced() ? part.reflector.lastContact() : undefined;
    if (!part || contact === undefined || contact <= part.failedAt) return false;
    return this.#clock.monotonic() - contact < CURRENT_WITHIN_MILLISECONDS;
  }

  /** The store of a namespace; nothing where it is not followed. */
  store(namespace: string): Store<T> | undefined {
    return this.#part(namespace)?.store;
  }

  get(namespace: string, name: string): T | undefined {
    return this.store(namespace)?.get(namespace, name);
  }

  /** Everything that the stores hold. */
  all(): T[] {
    return [...this.#parts.values()].flatMap(({ store }) => store.all());
  }

  #part(namespace: string): Part<T> | undefined {
    return this.#parts.get(namespace) ?? this.#parts.get(undefined);
  }
}
