import { z } from 'zod';
import { crdKeywords } from './crdKeywords.ts';
import { eventType } from './flagEvent.ts';
import { headers } from './header.ts';
import { match } from './match.ts';
import { keyRef, optionalKeyRef } from './references.ts';
import { integer } from './scalars.ts';
import { tls } from './tls.ts';
import { httpUrl } from './url.ts';

const signingKey = z
  .object({ secretKeyRef: optionalKeyRef.describe('A key of a Secret in the same namespace.') })
  .describe('One signing key.');

const signingKeys = z
  .array(signingKey)
  .max(5)
  .register(crdKeywords, {
    'x-kubernetes-list-type': 'atomic',
    'x-kubernetes-validations': [
      {
        rule: 'size(self) == 0 || !has(self[0].secretKeyRef.optional) || !self[0].secretKeyRef.optional',
        message: "the first one can't be optional: requests would go out without a signature",
        reason: 'FieldValueForbidden',
      },
    ],
  });

const retry = z.object({
  initialDelaySeconds: integer(1, 3600)
    .default(5)
    .describe(
      'The delay after the first failure. It doubles after each failure, up to maxDelaySeconds; each delay is then ' +
        'multiplied by 0.8 to 1.2 at random.',
    ),
  maxDelaySeconds: integer(1, 86400)
    .default(3600)
    .describe('The longest delay between two attempts; where it is less than initialDelaySeconds it wins.'),
  giveUpAfterSeconds: integer(0, 1209600)
    .default(259200)
    .describe(
      'The retry window: a delivery is given up where its next attempt would be later than this after its first ' +
        'one; 0 means one attempt.',
    ),
  maxAttempts: integer(1, 100)
    .optional()
    .describe('How many attempts are made at most. Absent means only giveUpAfterSeconds counts.'),
});
export type RetryPolicy = Readonly<z.infer<typeof retry>>;

export const webhookEndpointSpec = z
  .object({
    url: httpUrl()
      .optional()
      .describe(
        'Where events are sent: an absolute http or https URL with a host, without user info and fragment. Use ' +
          'urlSecretKeyRef for a URL that carries a token. Exactly one of the two is set.',
      ),
    urlSecretKeyRef: keyRef
      .optional()
      .describe(
        'A key of a Secret in the same namespace whose value is the URL. The rules for url hold for it too.',
      ),
    eventTypes: z
      .array(eventType)
      .min(1)
      .max(eventType.options.length)
      .register(crdKeywords, { 'x-kubernetes-list-type': 'set' })
      .describe('The types of events that are sent to this endpoint. Order has no meaning.'),
    match: match
      .optional()
      .describe(
        'Which events are sent to this endpoint; every criterion given must match. Absent or {}: all events of its ' +
          'eventTypes. A criterion about something that an event does not carry does not match. Unknown criteria ' +
          'and empty ones are refused: without them more events would match than was meant.',
      ),
    signingKeys: signingKeys
      .optional()
      .describe(
        'Keys that requests are signed with. The first is the current one, and the only one of ' +
          'X-Flagsmith-Signature; the others still sign in webhook-signature while receivers rotate. Absent: ' +
          'requests are not signed.',
      ),
    headers: headers
      .optional()
      .describe(
        'Further headers of each request, each with a value or a valueFrom. Names are unique without regard to case.',
      ),
    tls: tls.optional().describe('TLS settings for an https URL.'),
    timeoutSeconds: integer(1, 30)
      .default(10)
      .describe("How long an attempt may take, from DNS to the end of the answer's header."),
    retry: retry.prefault({}).describe('How failed attempts are repeated.'),
    maxInFlight: integer(1, 256)
      .default(8)
      .describe('How many requests to this endpoint may be open at once.'),
    ordering: z
      .enum(['None', 'PerFeature', 'LatestPerFeature'])
      .default('None')
      .describe(
        'In which order the FLAG_UPDATED events of one environment, feature, identity and segment are sent. None: each ' +
          'when it is due. PerFeature: one at a time, by their timestamp; an earlier one holds later ones until it has ' +
          'ended. LatestPerFeature: as PerFeature, and an earlier one that has not been delivered is left out once ' +
          'there is a later one. AUDIT_LOG events are not ordered.',
      ),
    suspend: z
      .boolean()
      .default(false)
      .describe("True holds this endpoint's deliveries; false lets them go, oldest first."),
  })
  .register(crdKeywords, {
    'x-kubernetes-validations': [
      {
        rule: 'has(self.url) || has(self.urlSecretKeyRef)',
        message: 'one of url and urlSecretKeyRef is required',
        reason: 'FieldValueRequired',
        fieldPath: '.url',
      },
      {
        rule: '!(has(self.url) && has(self.urlSecretKeyRef))',
        message: 'may not be set together with url',
        reason: 'FieldValueForbidden',
        fieldPath: '.urlSecretKeyRef',
      },
    ],
  });
export type WebhookEndpointSpec = Readonly<z.infer<typeof webhookEndpointSpec>>;
