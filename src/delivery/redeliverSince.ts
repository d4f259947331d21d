import type { Delivery } from '../api/flagEvent.ts';
import type { UID } from '../api/objectMeta.ts';
import {
  redeliverSince,
  type Redelivery,
  type WebhookEndpoint,
  type WebhookEndpointStatus,
} from '../api/webhookEndpoint.ts';
import { timestamp } from './conditions.ts';

/** The annotation that asks for what has failed since a time to be sent again; its value is that time, not handled yet. */
export const REDELIVER_SINCE_ANNOTATION = 'flagpost.dev/redeliver-since';

/** What was last asked to be sent again to an endpoint; nothing where it is gone. */
export type RedeliveryOf = (endpointUID: UID) => Redelivery | undefined;

export type RedeliveryStatus = Pick<WebhookEndpointStatus, 'redelivery' | 'lastHandledRedeliverSince'>;

// A time is shorter; what is longer is none, and need not be kept whole to be known again.
const LONGEST_VALUE = 256;

/** The value of the annotation, as the status has it once it was handled. */
export function redeliverSinceValue({ metadata }: WebhookEndpoint): string | undefined {
  return metadata.annotations?.[REDELIVER_SINCE_ANNOTATION]?.slice(0, LONGEST_VALUE).toWellFormed();
}

/** Whether a value of the annotation is a time. */
export function isSince(value: string): boolean {
  return redeliverSince.safeParse(value).success;
}

/**
 * What the status of an endpoint is to say, given when the value of its annotation was first seen, in milliseconds since
 * 1970. A redelivery that was begun is ended first; a value that is no time is handled already.
 */
export function askedFor(endpoint: WebhookEndpoint, seenAt: number): RedeliveryStatus {
  const { redelivery, lastHandledRedeliverSince } = endpoint.status ?? {};
  const value = redeliverSinceValue(endpoint);
  const isUnhandled = value !== undefined && value !== lastHandledRedeliverSince;
  if (isOpen(redelivery) || !isUnhandled) return { redelivery, lastHandledRedeliverSince };
  if (!isSince(value)) return { redelivery, lastHandledRedeliverSince: value };
  return { redelivery: { since: value, startTime: timestamp(seenAt), events: 0 }, lastHandledRedeliverSince };
}

/** Whether a redelivery was begun and has not ended. */
export function isOpen(redelivery: Redelivery | undefined): redelivery is Redelivery {
  return redelivery !== undefined && redelivery.completionTime === undefined;
}

/** Whether a redelivery starts the delivery over, and has not done so: it ended Failed between its two times. */
export function isToStartOver(delivery: Delivery, redelivery: Redelivery): boolean {
  if (delivery.state !== 'Failed' || wasStartedOver(delivery, redelivery)) return false;
  const endedAt = timeOf(delivery.completionTime);
  return endedAt >= timeOf(redelivery.since) && endedAt <= timeOf(redelivery.startTime);
}

/** Whether the delivery was started over since the redelivery began. */
export function wasStartedOver({ redeliveries = 0, startTime }: Delivery, redelivery: Redelivery): boolean {
  return redeliveries > 0 && timeOf(startTime) >= timeOf(redelivery.startTime);
}

/** When the redelivery starts deliveries over: also by a clock that was set back no earlier than it began. */
export function startsOverAt({ startTime }: Redelivery, now: number): number {
  return Math.max(now, timeOf(startTime));
}

function timeOf(time: string | undefined): number {
  return Date.parse(time ?? '');
}
