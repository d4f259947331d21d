import { hash } from 'node:crypto';
import type { UID } from '../api/objectMeta.ts';

/**
 * The id of an event's delivery to an endpoint, sent as `webhook-id`: the same through every attempt, redelivery and
 * restart, another for every other pair. 47 characters that are safe in a URL, without the dot, which separates the parts
 * of what Standard Webhooks signs.
 */
export function deliveryId(eventUid: UID, endpointUid: UID): string {
  return `msg_${hash('sha256', `${eventUid}/${endpointUid}`, 'base64url')}`;
}
