import { z } from 'zod';
import { crdKeywords } from './crdKeywords.ts';
import { integer, text, time } from './scalars.ts';

// The bounds and patterns are those of metav1.Condition.
const TYPE =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*[/])?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/;
const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

/** A condition as the API conventions have it; conditions of one object are known by their type. */
export const condition = z
  .object({
    type: text({ max: 316 }).regex(TYPE).describe('Type of the condition in CamelCase.'),
    status: z
      .enum(['True', 'False', 'Unknown'])
      .describe('Status of the condition, one of True, False, Unknown.'),
    observedGeneration: integer(0)
      .optional()
      .describe('The generation of the spec that the condition was set upon.'),
    lastTransitionTime: time().describe('When the status of the condition last changed.'),
    reason: text({ min: 1, max: 1024 })
      .regex(REASON)
      .describe("The reason for the condition's last transition, in CamelCase."),
    message: text({ max: 32768 }).describe('Details for people. May be empty.'),
  })
  .describe('One aspect of the current state.');

export type Condition = Readonly<z.infer<typeof condition>>;

/** The conditions of an object, one a type. */
export const conditions = z
  .array(condition)
  .max(16)
  .register(crdKeywords, {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  });

/** The generation that a status is about. */
export const observedGeneration = integer(-1)
  .register(crdKeywords, { default: -1 })
  .optional()
  .describe('The generation of the spec that this status is about; -1 before the operator has seen it.');

/**
 * The default of a status. Its field has the same default of its own, since a status write of {} would lose this one.
 * Of the CRD only: the operator reads what is stored.
 */
export const STATUS_DEFAULT = { observedGeneration: -1 };
