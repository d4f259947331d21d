import { z } from 'zod';
import { eventType } from './flagEvent.ts';
import { conditions, observedGeneration, STATUS_DEFAULT } from './condition.ts';
import { crdKeywords } from './crdKeywords.ts';
import { count, integer, text, time } from './scalars.ts';

/** One attempt, as an endpoint's status shows it. */
export const recentDelivery = z
  .object({
    flagEvent: text({ max: 253 }).describe('Name of the FlagEvent.'),
    deliveryID: text({ max: 128 }).describe('The webhook-id that was sent.'),
    time: time().describe('When the attempt was made.'),
    attempt: count().describe('Which attempt of the delivery it was, from 1.'),
    statusCode: count()
      .optional()
      .describe('The HTTP status code that was answered; absent if there was no answer.'),
    durationMilliseconds: integer(0).optional().describe('How long the attempt took.'),
    reason: text({ max: 64 }).describe('What became of it, in CamelCase.'),
    message: text({ max: 256 }).describe(
      "Details for people; no secret, no header, no query string, nothing of the receiver's answer.",
    ),
  })
  .describe('One attempt.');
export type RecentDelivery = Readonly<z.infer<typeof recentDelivery>>;

const testResult = z
  .object({
    eventType: eventType.describe('The type of the sample that was sent.'),
    statusCode: count()
      .optional()
      .describe('The HTTP status code that was answered; absent if there was no answer.'),
    durationMilliseconds: integer(0).optional().describe('How long the attempt took.'),
    reason: text({ max: 64 }).describe('What became of it, or why nothing was sent, in CamelCase.'),
    message: text({ max: 256 }).describe(
      "Details for people; no secret, no header, no query string, nothing of the receiver's answer.",
    ),
  })
  .describe('What became of a sample.');
export type TestResult = Readonly<z.infer<typeof testResult>>;

/** A value of the annotation that asks for a test. */
export const testToken = text({ max: 63 });

const lastTest = z.object({
  token: testToken.describe('The value of the annotation flagpost.dev/test that asked for it.'),
  time: time().describe('When it began.'),
  results: z
    .array(testResult)
    .max(2)
    .register(crdKeywords, { 'x-kubernetes-list-type': 'atomic' })
    .describe('One for each of the event types of the endpoint.'),
});
export type LastTest = Readonly<z.infer<typeof lastTest>>;

/** A value of the annotation that asks for redelivery since a time. */
export const redeliverSince = time();

const redelivery = z.object({
  since: redeliverSince.describe(
    'The value of the annotation flagpost.dev/redeliver-since; what ended Failed from then on is sent again.',
  ),
  startTime: time().describe('When the operator saw the annotation; what failed later is left alone.'),
  completionTime: time().optional().describe('When all of it had been started over; absent until then.'),
  events: count().describe(
    'How many events had their delivery to the endpoint started over since startTime.',
  ),
});
export type Redelivery = Readonly<z.infer<typeof redelivery>>;

export const webhookEndpointStatus = z
  .object({
    observedGeneration,
    conditions: conditions
      .optional()
      .describe(
        'Ready: the configuration can be used. SecretsResolved: what is referenced was found. Delivering: the ' +
          'receiver answers. Reconciling and Stalled: see kstatus.',
      ),
    // A host may be as long as a URL, and an internationalised one several times that in its ASCII form.
    host: text({ max: 16384 })
      .optional()
      .describe(
        'The host of the URL, without port or brackets; never the path or query, since they may be secret.',
      ),
    pendingDeliveries: count().optional().describe('Deliveries to this endpoint that have not ended.'),
    consecutiveFailures: count().optional().describe('Failed attempts in a row.'),
    lastSuccessTime: time().optional().describe('When the receiver last answered 2xx.'),
    lastFailureTime: time().optional().describe('When an attempt last failed.'),
    retryAfterTime: time()
      .optional()
      .describe(
        'Before this time nothing is sent, because the circuit is open or the receiver asked for it (Retry-After).',
      ),
    recentDeliveries: z
      .array(recentDelivery)
      .max(10)
      .register(crdKeywords, { 'x-kubernetes-list-type': 'atomic' })
      .optional()
      .describe('The last 10 attempts, newest first.'),
    lastTest: lastTest.optional().describe('The last test that the annotation flagpost.dev/test asked for.'),
    redelivery: redelivery
      .optional()
      .describe('The last redelivery that the annotation flagpost.dev/redeliver-since asked for.'),
    lastHandledRedeliverSince: text({ max: 256 })
      .optional()
      .describe('The value of the annotation flagpost.dev/redeliver-since that was handled last.'),
  })
  .register(crdKeywords, { default: STATUS_DEFAULT });
export type WebhookEndpointStatus = Readonly<z.infer<typeof webhookEndpointStatus>>;
