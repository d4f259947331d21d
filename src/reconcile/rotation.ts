import type { UID } from '../api/objectMeta.ts';

/** What takes its turn. */
interface Turner {
  readonly namespace: string;
  readonly endpointUID: UID;
  readonly isTroubled: boolean;
}

interface Place<Lane> {
  readonly lane: Lane;
  /** Whose is lower came first. */
  readonly number: number;
}

/** The lanes of a namespace. Those in trouble stand apart, so that they can be passed over without being looked at. */
interface Queues<Lane> {
  readonly healthy: Map<UID, Place<Lane>>;
  readonly troubled: Map<UID, Place<Lane>>;
}

/** Lanes that want to start something. Namespaces take turns, and within one its lanes do. */
export class Rotation<Lane extends Turner> {
  // The order of each Map is whose turn it is.
  readonly #namespaces = new Map<string, Queues<Lane>>();
  #number = 0;

  /** Puts a lane at the end of its namespace's; one that has a place keeps it, unless it got into trouble or out of it. */
  add(lane: Lane): void {
    const { namespace, endpointUID, isTroubled } = lane;
    const queues: Queues<Lane> = this.#namespaces.get(namespace) ?? {
      healthy: new Map(),
      troubled: new Map(),
    };
    this.#namespaces.set(namespace, queues);
    const [queue, other] = isTroubled ? [queues.troubled, queues.healthy] : [queues.healthy, queues.troubled];
    const known = queue.get(endpointUID) ?? other.get(endpointUID);
    other.delete(endpointUID);
    queue.set(endpointUID, { lane, number: known?.number ?? (this.#number += 1) });
  }

  delete({ namespace, endpointUID }: Lane): void {
    const queues = this.#namespaces.get(namespace);
    queues?.healthy.delete(endpointUID);
    queues?.troubled.delete(endpointUID);
    if (queues && isEmpty(queues)) this.#namespaces.delete(namespace);
  }

  /** Takes out the lane whose turn it is, of those that may go; its namespace's next turn comes after all others'. */
  next(mayGo: (namespace: string, isTroubled: boolean) => boolean): Lane | undefined {
    for (const [namespace, queues] of this.#namespaces) {
      const healthy = mayGo(namespace, false) ? first(queues.healthy) : undefined;
      const troubled = mayGo(namespace, true) ? first(queues.troubled) : undefined;
      const place = healthy && troubled ? lower(healthy, troubled) : (healthy ?? troubled);
      if (!place) continue;
      this.delete(place.lane);
      if (this.#namespaces.delete(namespace)) this.#namespaces.set(namespace, queues);
      return place.lane;
    }
    return undefined;
  }
}

function isEmpty({ healthy, troubled }: Queues<unknown>): boolean {
  return healthy.size + troubled.size === 0;
}

function first<T>(items: ReadonlyMap<unknown, T>): T | undefined {
  return items.values().next().value;
}

function lower<T extends { readonly number: number }>(a: T, b: T): T {
  return a.number < b.number ? a : b;
}
