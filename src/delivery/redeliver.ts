import type { FinishedEvent } from '../api/finishedEvent.ts';
import type { Delivery, FlagEvent, FlagEventStatus } from '../api/flagEvent.ts';
import { timestamp } from './conditions.ts';
import { eventStatus } from './eventStatus.ts';

/** The label that asks for what has failed to be sent again; its value is any token that was not handled yet. */
export const REDELIVER_LABEL = 'flagpost.dev/redeliver';

/** The value of the label, where it is one that was not handled yet. */
export function unhandledRedeliver({ metadata, status }: FinishedEvent): string | undefined {
  const token = metadata.labels?.[REDELIVER_LABEL];
  return token === status?.lastHandledRedeliver ? undefined : token;
}

/**
 * The status as it is to be written, given the label. What ends the event starts its Failed deliveries over instead, as the
 * label does on one that has ended; with none Failed, and when the event is taken up, the value only counts as handled.
 * The same object where there is nothing to handle yet.
 */
export function withRedelivery(event: FlagEvent, status: FlagEventStatus, now: number): FlagEventStatus {
  const token = unhandledRedeliver(event);
  if (token === undefined) return status;
  const handled = { ...status, lastHandledRedeliver: token };
  if (event.status?.startTime === undefined) return handled;
  if (status.completionTime === undefined) return status;
  const { deliveries = [] } = status;
  if (deliveries.every(({ state }) => state !== 'Failed')) return handled;
  const again = deliveries.map((delivery) =>
    delivery.state === 'Failed' ? startOver(delivery, now) : delivery,
  );
  return { ...eventStatus(event, again, now), lastHandledRedeliver: token };
}

/** A delivery as it was when it was taken up, with a retry window and 14 days of its own. */
function startOver(
  { endpointName, endpointUID, deliveryID, redeliveries = 0 }: Delivery,
  now: number,
): Delivery {
  return {
    endpointName,
    endpointUID,
    deliveryID,
    state: 'Pending',
    startTime: timestamp(now),
    redeliveries: redeliveries + 1,
    attempts: 0,
  };
}
