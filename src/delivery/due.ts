import { hash } from 'node:crypto';
import type { Delivery } from '../api/flagEvent.ts';

/** A change after which an endpoint's pending deliveries are due at once, spread out. Milliseconds, since 1970. */
export interface Renewal {
  readonly at: number;
  /** Over how long they are spread. */
  readonly withinMilliseconds: number;
}

const SPREAD_MILLISECONDS = 5000;
const WIDEST_SPREAD_MILLISECONDS = 60_000;

/** The renewal by a change now: within 5 s where all that is pending may be in flight at once, else over longer. */
export function renewal(now: number, pendingDeliveries: number, maxInFlight: number): Renewal {
  const wanted = SPREAD_MILLISECONDS * Math.max(1, Math.ceil(pendingDeliveries / maxInFlight));
  return { at: now, withinMilliseconds: Math.min(wanted, WIDEST_SPREAD_MILLISECONDS) };
}

/**
 * When the delivery's next attempt is due, in milliseconds since 1970; 0 for the first. A renewal makes it due where the
 * last attempt was begun before it.
 */
export function dueAt(
  { nextAttemptTime, lastAttemptTime, deliveryID }: Delivery,
  renewed: Renewal | undefined,
): number {
  if (nextAttemptTime === undefined) return 0;
  const planned = Date.parse(nextAttemptTime);
  const applies = renewed && lastAttemptTime !== undefined && Date.parse(lastAttemptTime) < renewed.at;
  return applies
    ? Math.min(planned, renewed.at + Math.floor(renewed.withinMilliseconds * fraction(deliveryID)))
    : planned;
}

/**
 * A due time as far as it can be true: one that is further ahead than the longest legal delay was written under a wrong
 * clock, and is taken for that delay after the event was first seen.
 */
export function credible(dueTime: number, longestDelay: number, seenAt: number, now: number): number {
  return dueTime - now > longestDelay ? seenAt + longestDelay : dueTime;
}

/** The same for a delivery whenever it is asked, from 0 to below 1. */
function fraction(deliveryID: string): number {
  return hash('sha256', deliveryID, 'buffer').readUInt32BE(0) / 2 ** 32;
}
