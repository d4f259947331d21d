import type { FlagEvent } from '../api/flagEvent.ts';
import { canonicalJson } from './canonicalJson.ts';
import { readFacts, type EventFacts } from './facts.ts';
import { readPayload } from './payload.ts';
import { checkPayload } from './payloadCheck.ts';

/** The largest body that is sent: 512 KiB. */
const MAX_BODY_BYTES = 512 * 1024;

/** The bytes that are signed and sent in every attempt, and what matching needs of them. */
export interface PreparedBody {
  readonly body: Uint8Array;
  readonly facts: EventFacts;
}

/** Why an event can't be sent at all; the message is a sentence that names the field and the remedy. */
export interface BodyRefusal {
  readonly reason: 'InvalidPayload' | 'PayloadTooLarge';
  readonly message: string;
}

/** Makes an event's body, of the payload as stored, with fields that we don't know. InvalidPayload comes before its size. */
export function prepareBody({ spec }: Pick<FlagEvent, 'spec'>): PreparedBody | BodyRefusal {
  const unsendable =
    spec.type === 'FLAG_UPDATED'
      ? checkPayload(spec.flagUpdated, 'spec.flagUpdated', 2)
      : checkPayload(spec.auditLog, 'spec.auditLog', 1);
  if (unsendable !== undefined) return { reason: 'InvalidPayload', message: unsendable };
  const payload = readPayload(spec);
  if (typeof payload === 'string') return { reason: 'InvalidPayload', message: payload };

  const body = bodyOf(spec);
  if (body.length > MAX_BODY_BYTES) {
    return {
      reason: 'PayloadTooLarge',
      message: `The request's body would have ${body.length} bytes, and at most ${MAX_BODY_BYTES} are sent; make the payload smaller.`,
    };
  }
  return { body, facts: readFacts(payload) };
}

/** The bytes of a payload that can be sent. */
export function bodyOf(spec: FlagEvent['spec']): Uint8Array {
  return canonicalJson(
    spec.type === 'FLAG_UPDATED' ? { data: spec.flagUpdated, event_type: spec.type } : spec.auditLog,
  );
}
