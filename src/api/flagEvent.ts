import { z } from 'zod';
import { conditions, observedGeneration, STATUS_DEFAULT } from './condition.ts';
import { crdKeywords, type ValidationRule } from './crdKeywords.ts';
import { objectMeta } from './objectMeta.ts';
import { auditLog, flagUpdated } from './payload.ts';
import { count, integer, text, time } from './scalars.ts';

export const eventType = z.enum(['FLAG_UPDATED', 'AUDIT_LOG']);
export type EventType = z.infer<typeof eventType>;

/** What became of the event at one endpoint. */
export const delivery = z
  .object({
    endpointName: text({ min: 1, max: 63 }).describe('Name of the WebhookEndpoint.'),
    endpointUID: text({ max: 64 })
      .brand<'UID'>()
      .describe('UID of the WebhookEndpoint; one created again under the same name is another.'),
    deliveryID: text({ max: 128 }).describe('The webhook-id; the same through every attempt and restart.'),
    state: z
      .enum(['Pending', 'Succeeded', 'Failed', 'Canceled'])
      .describe('Pending until it has ended as Succeeded, Failed or Canceled.'),
    startTime: time()
      .optional()
      .describe('When the delivery was taken up or last started over; its 14 days count from here.'),
    redeliveries: count().optional().describe('How often the delivery was started over.'),
    attempts: count().optional().describe('How many attempts were made since startTime.'),
    firstAttemptTime: time()
      .optional()
      .describe('When the first of these attempts began; the retry window is counted from it.'),
    lastAttemptTime: time().optional().describe('When the last attempt began.'),
    lastStatusCode: count()
      .optional()
      .describe('The HTTP status code of the last attempt; absent if there was no answer.'),
    lastDurationMilliseconds: integer(0).optional().describe('How long the last attempt took.'),
    reason: text({ max: 64 })
      .optional()
      .describe('What became of the last attempt, or what the next one waits for, in CamelCase.'),
    message: text({ max: 256 })
      .optional()
      .describe(
        "Details for people; no secret, no header, no query string, nothing of the receiver's answer.",
      ),
    nextAttemptTime: time().optional().describe('When the next attempt is due.'),
    completionTime: time().optional().describe('When the delivery ended.'),
  })
  .describe('What became of the event at one endpoint.');
export type Delivery = Readonly<z.infer<typeof delivery>>;

export const flagEventStatus = z
  .object({
    observedGeneration,
    conditions: conditions
      .optional()
      .describe(
        'Succeeded: whether every delivery succeeded, Unknown while they are under way. Reconciling: deliveries are ' +
          'under way. Stalled: it has ended, and not well.',
      ),
    startTime: time().optional().describe('When the event was taken up.'),
    completionTime: time().optional().describe('When the last of its deliveries ended; absent until then.'),
    delivered: text({ max: 32 })
      .optional()
      .describe('Deliveries that succeeded, of all, for people; for example 2/3.'),
    lastHandledRedeliver: text({ max: 63 })
      .optional()
      .describe('The value of the label flagpost.dev/redeliver that was handled last.'),
    deliveries: z
      .array(delivery)
      .max(1000)
      .register(crdKeywords, { 'x-kubernetes-list-type': 'atomic' })
      .optional()
      .describe('One for each endpoint that matched when the event was taken up, sorted by name.'),
  })
  .register(crdKeywords, { default: STATUS_DEFAULT });
export type FlagEventStatus = Readonly<z.infer<typeof flagEventStatus>>;

const ttlSecondsAfterFinished = integer(-1, 2 ** 31 - 1)
  .optional()
  .describe(
    'How long the event is kept once every delivery has ended: 0 deletes it at once, -1 keeps it for ever. Absent means ' +
      "the operator's default. Can't be changed once the event has finished.",
  );

/** A FlagEvent as the operator reads it; the payload stays unknown, since unknown fields must be passed on. */
export const flagEvent = z.object({
  metadata: objectMeta,
  spec: z.object({
    type: eventType,
    flagUpdated: z.unknown().optional(),
    auditLog: z.unknown().optional(),
    ttlSecondsAfterFinished,
  }),
  status: flagEventStatus.optional(),
});
export type FlagEvent = Readonly<z.infer<typeof flagEvent>>;

const setExactlyFor = (type: EventType, field: string): ValidationRule => ({
  rule: `(self.type == '${type}') == has(dyn(self).${field})`,
  message: `must be set if and only if type is ${type}`,
  fieldPath: `.${field}`,
});

const IMMUTABLE = 'is immutable; create a new event instead';

// Through dyn() at the spec, so that all of the payload is compared: see payload.ts.
const immutable = (field: string): ValidationRule => ({
  rule: `!has(dyn(self).${field}) || !has(dyn(oldSelf).${field}) || dyn(self).${field} == dyn(oldSelf).${field}`,
  message: IMMUTABLE,
  fieldPath: `.${field}`,
});

const flagEventSpec = z
  .object({
    type: eventType.describe(
      "The type of the event; says which of flagUpdated and auditLog is set. Can't be changed.",
    ),
    flagUpdated: flagUpdated
      .optional()
      .describe(
        'The "data" of a FLAG_UPDATED web hook\'s body, in the wire\'s own names. Fields that are not described here ' +
          "are kept and sent. Can't be changed.",
      ),
    auditLog: auditLog
      .optional()
      .describe(
        "The body of an audit log web hook, in the wire's own names. Fields that are not described here are kept " +
          "and sent. Can't be changed.",
      ),
    ttlSecondsAfterFinished,
  })
  .register(crdKeywords, {
    'x-kubernetes-map-type': 'atomic',
    'x-kubernetes-validations': [
      { rule: 'self.type == oldSelf.type', message: IMMUTABLE, fieldPath: '.type' },
      setExactlyFor('FLAG_UPDATED', 'flagUpdated'),
      setExactlyFor('AUDIT_LOG', 'auditLog'),
      immutable('flagUpdated'),
      immutable('auditLog'),
    ],
  });

// At the root, from where status can be seen; a status write leaves the spec as it is and so passes.
const fixedOnceFinished: ValidationRule = {
  rule:
    '!has(oldSelf.status) || !has(oldSelf.status.completionTime) || ' +
    'self.spec.?ttlSecondsAfterFinished == oldSelf.spec.?ttlSecondsAfterFinished',
  message: "can't be changed once the event has finished",
  reason: 'FieldValueForbidden',
  fieldPath: '.spec.ttlSecondsAfterFinished',
};

/** A FlagEvent as the API server checks it, the payload's known fields included. */
export const flagEventResource = z
  .object({
    spec: flagEventSpec.describe('What changed.'),
    status: flagEventStatus.optional().describe('What became of the event.'),
  })
  .register(crdKeywords, { 'x-kubernetes-validations': [fixedOnceFinished] })
  .describe(
    'FlagEvent says what changed. It is sent to every WebhookEndpoint of its namespace that matches it when it is ' +
      "taken up. Its payload can't be changed.",
  );
