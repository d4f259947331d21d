import type { UID } from '../api/objectMeta.ts';

/** Which events have deliveries to which endpoint that have not ended. */
export class PendingDeliveries {
  readonly #endpointsByEvent = new Map<UID, readonly UID[]>();
  readonly #eventsByEndpoint = new Map<UID, Map<UID, string>>();
  #size = 0;

  /** Sets the endpoints that an event still has to go to; none where it has ended. Returns those whose count changed. */
  set(eventUID: UID, eventKey: string, endpointUIDs: readonly UID[]): UID[] {
    const before = this.#endpointsByEvent.get(eventUID) ?? [];
    const now = new Set(endpointUIDs);
    const removed = before.filter((uid) => !now.has(uid));
    const added = endpointUIDs.filter((uid) => !this.#eventsByEndpoint.get(uid)?.has(eventUID));
    for (const uid of removed) this.#remove(uid, eventUID);
    for (const uid of added) this.#eventsOf(uid).set(eventUID, eventKey);
    if (endpointUIDs.length > 0) this.#endpointsByEvent.set(eventUID, endpointUIDs);
    else this.#endpointsByEvent.delete(eventUID);
    this.#size += added.length - removed.length;
    return [...removed, ...added];
  }

  /** Deliveries that have not ended, to all endpoints together. */
  get size(): number {
    return this.#size;
  }

  count(endpointUID: UID): number {
    return this.#eventsByEndpoint.get(endpointUID)?.size ?? 0;
  }

  /** Keys of the events that wait for the endpoint. */
  keys(endpointUID: UID): Iterable<string> {
    return this.#eventsByEndpoint.get(endpointUID)?.values() ?? [];
  }

  #eventsOf(endpointUID: UID): Map<UID, string> {
    const known = this.#eventsByEndpoint.get(endpointUID);
    if (known) return known;
    const events = new Map<UID, string>();
    this.#eventsByEndpoint.set(endpointUID, events);
    return events;
  }

  #remove(endpointUID: UID, eventUID: UID): void {
    const events = this.#eventsByEndpoint.get(endpointUID);
    events?.delete(eventUID);
    if (events?.size === 0) this.#eventsByEndpoint.delete(endpointUID);
  }
}
