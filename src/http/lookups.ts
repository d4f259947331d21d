import { lookup as getaddrinfo } from 'node:dns/promises';

/** One address of a name. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Asks for all addresses of a name. It may never answer. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** Asks for all addresses of a name on behalf of a namespace; the signal ends the wait, not the lookup. */
export type Lookup = (
  namespace: string,
  hostname: string,
  signal: AbortSignal,
) => Promise<readonly ResolvedAddress[]>;

// getaddrinfo knows search lists and /etc/hosts as other Pods see them; dns.Resolver does not.
const resolveWithGetaddrinfo: Resolve = (hostname) => getaddrinfo(hostname, { all: true, order: 'verbatim' });

const AT_ONCE = 4;

/**
 * Bounds lookups to `atOnce` a namespace: each holds one of libuv's threads until it answers, abandoned or not, so that
 * names that never answer would else stop everyone's.
 */
export function createLookup(resolve: Resolve = resolveWithGetaddrinfo, atOnce = AT_ONCE): Lookup {
  const places = new Map<string, Places>();
  return async (namespace, hostname, signal) => {
    let own = places.get(namespace);
    if (!own) places.set(namespace, (own = new Places(atOnce, () => places.delete(namespace))));
    await own.take(signal);
    const answer = resolve(hostname).finally(() => own.giveBack());
    return untilAborted(answer, signal);
  };
}

/** A bounded number of places, given out in order. */
class Places {
  readonly #number: number;
  readonly #onEmpty: () => void;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(number: number, onEmpty: () => void) {
    this.#number = number;
    this.#onEmpty = onEmpty;
  }

  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#taken < this.#number) {
      this.#taken += 1;
      return;
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.add(turn.resolve);
    try {
      await untilAborted(turn.promise, signal);
    } catch (error) {
      // Where the turn came at the same moment, the place goes on to the next.
      if (!this.#waiting.delete(turn.resolve)) this.giveBack();
      throw error;
    }
  }

  giveBack(): void {
    const [next] = this.#waiting;
    if (next) {
      this.#waiting.delete(next);
      next();
      return;
    }
    this.#taken -= 1;
    if (this.#taken === 0) this.#onEmpty();
  }
}

/** The promise's result, or the signal's reason if that comes first. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: result, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  return result;
}
