/** The conditions of a FlagEvent, all always present. */
export type EventConditionType = 'Succeeded' | 'Reconciling' | 'Stalled';

/** The conditions of a WebhookEndpoint, all always present. */
export type EndpointConditionType = 'Ready' | 'SecretsResolved' | 'Delivering' | 'Reconciling' | 'Stalled';

/** What became of an attempt. */
export type AttemptReason =
  | 'Delivered'
  | 'BadStatus'
  | 'Redirected'
  | 'Gone'
  | 'Timeout'
  | 'ConnectionRefused'
  | 'ConnectionReset'
  | 'DNSLookupFailed'
  | 'TLSFailed'
  | 'InvalidResponse'
  | 'AddressForbidden';

/** Why an attempt got no answer. */
export type AttemptFailure = Exclude<AttemptReason, 'Delivered' | 'BadStatus' | 'Redirected' | 'Gone'>;

/** What a delivery waits for. */
export type WaitingReason =
  'Suspended' | 'URLForbidden' | 'SecretNotReady' | 'CircuitOpen' | 'WaitingForEarlier';

/** Why an event ended before anything was sent. */
export type RefusedReason = 'InvalidPayload' | 'PayloadTooLarge' | 'TooManyEndpoints';

/** The reasons of an event's conditions. */
export type EventReason =
  | 'Waiting'
  | 'Delivering'
  | 'AllDelivered'
  | 'Canceled'
  | 'NoMatchingEndpoint'
  | 'DeliveryFailed'
  | RefusedReason;

/** What may be wrong with a Secret or ConfigMap that an endpoint references. */
export type ReferenceReason =
  | 'SecretNotFound'
  | 'SecretKeyNotFound'
  | 'SecretForbidden'
  | 'InvalidSecret'
  | 'ConfigMapNotFound'
  | 'ConfigMapKeyNotFound'
  | 'ConfigMapForbidden';

/** The reasons of an endpoint's Ready; Reconciling and Stalled carry the same. */
type ReadyReason = 'Ready' | 'Suspended' | 'Gone' | 'InvalidURL' | 'URLForbidden' | ReferenceReason;

/** The reasons of an endpoint's SecretsResolved. */
type SecretsResolvedReason = 'Resolved' | ReferenceReason;

/** The reasons of an endpoint's Delivering. */
type DeliveringReason = 'CircuitOpen' | 'Healthy' | 'NoDeliveries';

/** Every reason that a condition may have. */
export type ConditionReason = EventReason | ReadyReason | SecretsResolvedReason | DeliveringReason;
