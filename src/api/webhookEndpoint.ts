import { z } from 'zod';
import { condition } from './condition.ts';
import { eventType } from './flagEvent.ts';
import { objectMeta } from './objectMeta.ts';

const keyRef = z.object({ name: z.string(), key: z.string() });
export type KeyRef = Readonly<z.infer<typeof keyRef>>;

const idOrName = z.object({ id: z.number().optional(), name: z.string().optional() });
export type IdOrName = Readonly<z.infer<typeof idOrName>>;

export const action = z.enum(['Created', 'Updated', 'IdentityOverridden', 'SegmentOverridden']);
export type Action = z.infer<typeof action>;

const requirement = z.object({
  key: z.string(),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
  values: z.array(z.string()).optional(),
});
const labelSelector = z.object({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z.array(requirement).optional(),
});
export type LabelSelector = Readonly<z.infer<typeof labelSelector>>;

const match = z.object({
  environments: z.array(idOrName).optional(),
  projects: z.array(idOrName).optional(),
  organisations: z.array(z.object({ id: z.number() })).optional(),
  features: z.array(idOrName).optional(),
  actions: z.array(action).optional(),
  selector: labelSelector.optional(),
});
export type Match = Readonly<z.infer<typeof match>>;

const signingKey = z.object({ secretKeyRef: keyRef.extend({ optional: z.boolean().optional() }) });

const header = z.object({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z.object({ secretKeyRef: keyRef }).optional(),
});

const tls = z.object({
  caFrom: z.object({ configMapKeyRef: keyRef.optional(), secretKeyRef: keyRef.optional() }).optional(),
  clientCertificateSecretRef: z.object({ name: z.string() }).optional(),
  serverName: z.string().optional(),
});

const retry = z.object({
  initialDelaySeconds: z.number().default(5),
  maxDelaySeconds: z.number().default(3600),
  giveUpAfterSeconds: z.number().default(259200),
  maxAttempts: z.number().optional(),
});
export type RetryPolicy = Readonly<z.infer<typeof retry>>;

export const webhookEndpointSpec = z.object({
  url: z.string().optional(),
  urlSecretKeyRef: keyRef.optional(),
  eventTypes: z.array(eventType),
  match: match.optional(),
  signingKeys: z.array(signingKey).optional(),
  headers: z.array(header).optional(),
  tls: tls.optional(),
  timeoutSeconds: z.number().default(10),
  retry: retry.prefault({}),
  maxInFlight: z.number().default(8),
});
export type WebhookEndpointSpec = Readonly<z.infer<typeof webhookEndpointSpec>>;

/** One attempt, as an endpoint's status shows it. */
export const recentDelivery = z.object({
  flagEvent: z.string(),
  deliveryID: z.string(),
  time: z.string(),
  attempt: z.number(),
  statusCode: z.number().optional(),
  durationMilliseconds: z.number().optional(),
  reason: z.string(),
  message: z.string(),
});
export type RecentDelivery = Readonly<z.infer<typeof recentDelivery>>;

export const webhookEndpointStatus = z.object({
  observedGeneration: z.number().optional(),
  conditions: z.array(condition).optional(),
  host: z.string().optional(),
  pendingDeliveries: z.number().optional(),
  consecutiveFailures: z.number().optional(),
  lastSuccessTime: z.string().optional(),
  lastFailureTime: z.string().optional(),
  recentDeliveries: z.array(recentDelivery).optional(),
});
export type WebhookEndpointStatus = Readonly<z.infer<typeof webhookEndpointStatus>>;

export const webhookEndpoint = z.object({
  metadata: objectMeta,
  spec: webhookEndpointSpec,
  status: webhookEndpointStatus.optional(),
});
export type WebhookEndpoint = Readonly<z.infer<typeof webhookEndpoint>>;
