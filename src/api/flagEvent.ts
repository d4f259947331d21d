import { z } from 'zod';
import { condition } from './condition.ts';
import { objectMeta } from './objectMeta.ts';

export const eventType = z.enum(['FLAG_UPDATED', 'AUDIT_LOG']);
export type EventType = z.infer<typeof eventType>;

/** What became of the event at one endpoint. */
export const delivery = z.object({
  endpointName: z.string(),
  endpointUID: z.string().brand<'UID'>(),
  deliveryID: z.string(),
  state: z.enum(['Pending', 'Succeeded', 'Failed', 'Canceled']),
  startTime: z.string().optional(),
  attempts: z.number().optional(),
  firstAttemptTime: z.string().optional(),
  lastAttemptTime: z.string().optional(),
  lastStatusCode: z.number().optional(),
  lastDurationMilliseconds: z.number().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  nextAttemptTime: z.string().optional(),
  completionTime: z.string().optional(),
});
export type Delivery = Readonly<z.infer<typeof delivery>>;

export const flagEventStatus = z.object({
  observedGeneration: z.number().optional(),
  conditions: z.array(condition).optional(),
  startTime: z.string().optional(),
  completionTime: z.string().optional(),
  delivered: z.string().optional(),
  deliveries: z.array(delivery).optional(),
});
export type FlagEventStatus = Readonly<z.infer<typeof flagEventStatus>>;

/** A FlagEvent as the operator reads it; the payload stays unknown, since unknown fields must be passed on. */
export const flagEvent = z.object({
  metadata: objectMeta,
  spec: z.object({ type: eventType, flagUpdated: z.unknown(), auditLog: z.unknown() }),
  status: flagEventStatus.optional(),
});
export type FlagEvent = Readonly<z.infer<typeof flagEvent>>;
