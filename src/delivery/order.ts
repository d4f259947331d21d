import type { Delivery } from '../api/flagEvent.ts';
import type { UID } from '../api/objectMeta.ts';
import type { WebhookEndpointSpec } from '../api/webhookEndpoint.ts';
import { compareOccurrences, type Age } from './age.ts';

export type Ordering = WebhookEndpointSpec['ordering'];

/**
 * Whether a delivery's turn has come: it `waits` for another event's; it `hurries` where it waits for one that it would make
 * needless as soon as its own event has been taken up; a later one has made it needless, so that it is `superseded`.
 */
export type Turn = 'free' | 'waits' | 'hurries' | 'superseded';

/** An unfinished event among those of its feature, environment, identity and segment. */
export interface OrderedEvent {
  readonly age: Age;
  /** Whether its deliveries are all that there will be. */
  readonly listed: boolean;
  /** Whether a status that lists them was written. */
  readonly takenUp: boolean;
  /** As far as they are known, with what has come of them by now; by endpoint. */
  readonly deliveries: ReadonlyMap<UID, Delivery>;
}

export interface PlaceInput<E extends OrderedEvent> {
  /** The events of one order key in the order in which they happened. */
  readonly line: readonly E[];
  /** Where the event stands in it. */
  readonly at: number;
  readonly endpointUID: UID;
  readonly ordering: Ordering;
  /** The one of them whose request to the endpoint is in flight. */
  readonly sending?: E;
  /** The last event of the order key that was taken up for the endpoint, or delivered to it, as far as that is known. */
  readonly latest?: Age;
}

/** How an event's delivery to an endpoint stands among those of the other events of its order key. */
export interface Place<E> {
  readonly turn: Turn;
  readonly waitsFor?: E;
}

const FREE = { turn: 'free' } as const;
const SUPERSEDED = { turn: 'superseded' } as const;

/**
 * PerFeature: an earlier event holds later ones until it has ended, and one that arrives late waits only for what is in
 * flight; a redelivery neither waits nor holds. LatestPerFeature: moreover an event is superseded once a later one has
 * been taken up, or was delivered (api.md, Ordering), and a redelivery waits while a later one is in flight.
 */
export function placeOf<E extends OrderedEvent>(input: PlaceInput<E>): Place<E> {
  const { line, at, endpointUID, ordering, sending, latest } = input;
  const event = line[at];
  if (ordering === 'None' || !event) return FREE;
  const latestCounts = ordering === 'LatestPerFeature';
  if (latestCounts && latest && compareOccurrences(event.age, latest) < 0) return SUPERSEDED;
  if (isRedelivery(event.deliveries.get(endpointUID))) {
    // Lest it come after what would supersede it.
    const isOlder = latestCounts && sending && compareOccurrences(event.age, sending.age) < 0;
    return isOlder ? { turn: 'waits', waitsFor: sending } : FREE;
  }
  const earlier = lastBefore(line, at, (other) => holds(other, endpointUID));
  const waitsFor = earlier ?? (sending === event ? undefined : sending);
  if (!waitsFor) return FREE;
  return { turn: latestCounts && !sending ? 'hurries' : 'waits', waitsFor };
}

/** Whether earlier ones are needless where only the latest counts. */
export function supersedes({ takenUp, deliveries }: OrderedEvent, endpointUID: UID): boolean {
  return takenUp && deliveries.has(endpointUID);
}

/** Whether later events wait for this one. One whose list is not known yet may turn out to go to any endpoint. */
export function holds({ listed, deliveries }: OrderedEvent, endpointUID: UID): boolean {
  const delivery = deliveries.get(endpointUID);
  return delivery ? delivery.state === 'Pending' && !isRedelivery(delivery) : !listed;
}

/** Whether the delivery was started over. */
export function isRedelivery(delivery: Delivery | undefined): boolean {
  return (delivery?.redeliveries ?? 0) > 0;
}

/** The last item before a place that is wanted. By index, since a line may be long and what is looked for is near. */
export function lastBefore<T>(line: readonly T[], at: number, isWanted: (item: T) => boolean): T | undefined {
  for (let index = at - 1; index >= 0; index -= 1) {
    const item = line[index];
    if (item !== undefined && isWanted(item)) return item;
  }
  return undefined;
}
