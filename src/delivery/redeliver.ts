import type { FinishedEvent } from '../api/finishedEvent.ts';
import type { Delivery, FlagEvent, FlagEventStatus } from '../api/flagEvent.ts';
import { sameItems, timestamp } from './conditions.ts';
import { eventStatus } from './eventStatus.ts';
import { isToStartOver, startsOverAt, type RedeliveryOf } from './redeliverSince.ts';

/** The label that asks for what has failed to be sent again; its value is any token that was not handled yet. */
export const REDELIVER_LABEL = 'flagpost.dev/redeliver';

/** The value of the label, where it is one that was not handled yet. */
export function unhandledRedeliver({ metadata, status }: FinishedEvent): string | undefined {
  const token = metadata.labels?.[REDELIVER_LABEL];
  return token === status?.lastHandledRedeliver ? undefined : token;
}

/**
 * The status as it is to be written, given what asks for redelivery; the same object where nothing does yet. What ends the
 * event starts its Failed deliveries over instead where it has the label, as the label does on one that has ended; with none
 * Failed, and when the event is taken up, the label's value only counts as handled.
 */
export function withRedelivery(
  event: FlagEvent,
  status: FlagEventStatus,
  now: number,
  redeliveryOf: RedeliveryOf,
): FlagEventStatus {
  const since = withRedeliverySince(event, status, now, redeliveryOf);
  const token = unhandledRedeliver(event);
  if (token === undefined) return since;
  const isTakenUp = event.status?.startTime !== undefined;
  if (isTakenUp && since.completionTime === undefined) return since;
  const again = isTakenUp ? withFailedAgain(event, since, now, () => now) : since;
  return { ...again, lastHandledRedeliver: token };
}

/** The status with what annotations of endpoints ask for started over; the same object where they ask for nothing. */
export function withRedeliverySince(
  event: FlagEvent,
  status: FlagEventStatus,
  now: number,
  redeliveryOf: RedeliveryOf,
): FlagEventStatus {
  return withFailedAgain(event, status, now, (delivery) => {
    const redelivery = redeliveryOf(delivery.endpointUID);
    return redelivery && isToStartOver(delivery, redelivery) ? startsOverAt(redelivery, now) : undefined;
  });
}

/** The status with Failed deliveries started over where `startAt` gives a time; the same object where it gives none. */
function withFailedAgain(
  event: FlagEvent,
  status: FlagEventStatus,
  now: number,
  startAt: (delivery: Delivery) => number | undefined,
): FlagEventStatus {
  const before = status.deliveries ?? [];
  const deliveries = before.map((delivery) => {
    const at = delivery.state === 'Failed' ? startAt(delivery) : undefined;
    return at === undefined ? delivery : startOver(delivery, at);
  });
  return sameItems(before, deliveries) ? status : eventStatus(event, deliveries, now);
}

/** A delivery as it was when it was taken up, with a retry window and 14 days of its own. */
function startOver(
  { endpointName, endpointUID, deliveryID, redeliveries = 0 }: Delivery,
  at: number,
): Delivery {
  return {
    endpointName,
    endpointUID,
    deliveryID,
    state: 'Pending',
    startTime: timestamp(at),
    redeliveries: redeliveries + 1,
    attempts: 0,
  };
}
