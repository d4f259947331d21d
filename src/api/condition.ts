import { z } from 'zod';

/** A condition as the API conventions have it; conditions of one object are known by their type. */
export const condition = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.number().optional(),
  lastTransitionTime: z.string(),
  reason: z.string(),
  message: z.string(),
});

export type Condition = Readonly<z.infer<typeof condition>>;
