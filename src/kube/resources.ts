import type { Resource } from './resourceClient.ts';

const FLAGPOST = { group: 'flagpost.dev', version: 'v1alpha1' };

export const FLAG_EVENTS: Resource = { ...FLAGPOST, plural: 'flagevents', kind: 'FlagEvent' };
export const WEBHOOK_ENDPOINTS: Resource = {
  ...FLAGPOST,
  plural: 'webhookendpoints',
  kind: 'WebhookEndpoint',
};
/** Kubernetes' own, which `kubectl describe` shows; not to be confused with FlagEvents. */
export const KUBERNETES_EVENTS: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
};
