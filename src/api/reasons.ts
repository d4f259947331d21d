/** The conditions of a FlagEvent, all always present, in this order. */
export const eventConditionTypes = ['Succeeded', 'Reconciling', 'Stalled'] as const;
export type EventConditionType = (typeof eventConditionTypes)[number];

/** The conditions of a WebhookEndpoint, all always present, in this order. */
export const endpointConditionTypes = [
  'Ready',
  'SecretsResolved',
  'Delivering',
  'Reconciling',
  'Stalled',
] as const;
export type EndpointConditionType = (typeof endpointConditionTypes)[number];

/** What became of an attempt. */
export type AttemptReason =
  | 'Delivered'
  | 'BadStatus'
  | 'Redirected'
  | 'Timeout'
  | 'ConnectionRefused'
  | 'ConnectionReset'
  | 'DNSLookupFailed'
  | 'TLSFailed'
  | 'InvalidResponse'
  | 'AddressForbidden';

/** What a delivery waits for. */
export type WaitingReason = 'URLForbidden' | 'SecretNotReady';

/** Why a delivery ended without an attempt. */
export type EndingReason = 'EndpointDeleted';

/** Every reason that a delivery may have. */
export type DeliveryReason = AttemptReason | WaitingReason | EndingReason;

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
export type ReadyReason = 'Ready' | 'InvalidURL' | 'URLForbidden' | ReferenceReason;

/** The reasons of an endpoint's SecretsResolved. */
export type SecretsResolvedReason = 'Resolved' | ReferenceReason;

/** The reasons of an endpoint's Delivering. */
export type DeliveringReason = 'Healthy' | 'NoDeliveries';
