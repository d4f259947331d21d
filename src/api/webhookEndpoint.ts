import { z } from 'zod';
import { objectMeta } from './objectMeta.ts';
import { webhookEndpointSpec } from './webhookEndpointSpec.ts';
import { webhookEndpointStatus } from './webhookEndpointStatus.ts';
import { crdKeywords } from './crdKeywords.ts';

export type { Action, IdOrName, Match } from './match.ts';
export type { LabelSelector } from './labelSelector.ts';
export { webhookEndpointSpec, type RetryPolicy, type WebhookEndpointSpec } from './webhookEndpointSpec.ts';
export {
  redeliverSince,
  testToken,
  type LastTest,
  type RecentDelivery,
  type Redelivery,
  type TestResult,
  type WebhookEndpointStatus,
} from './webhookEndpointStatus.ts';

/** A WebhookEndpoint as the operator reads it. */
export const webhookEndpoint = z.object({
  metadata: objectMeta,
  spec: webhookEndpointSpec,
  status: webhookEndpointStatus.optional(),
});
export type WebhookEndpoint = Readonly<z.infer<typeof webhookEndpoint>>;

/** A WebhookEndpoint as the API server checks it. */
export const webhookEndpointResource = z
  .object({
    // Only so that the rule on the name can have a fieldPath; everything else of it is the API server's own.
    metadata: z.object({ name: z.string().optional() }).optional(),
    spec: webhookEndpointSpec.describe('What is wanted of the endpoint.'),
    status: webhookEndpointStatus.optional().describe('What the operator has seen of the endpoint.'),
  })
  .register(crdKeywords, {
    'x-kubernetes-validations': [
      {
        rule: 'size(self.metadata.name) <= 63',
        message: 'must have at most 63 characters',
        fieldPath: '.metadata.name',
      },
    ],
  })
  .describe(
    'WebhookEndpoint says where the FlagEvents of its namespace are sent, and which of them. Its name has at most 63 ' +
      'characters.',
  );
