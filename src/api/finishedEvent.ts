import { z } from 'zod';
import { condition } from './condition.ts';
import { flagEvent, flagEventStatus } from './flagEvent.ts';
import { objectMeta } from './objectMeta.ts';

/**
 * A FlagEvent as far as it says how long it is kept: nothing that grows with its payload or its deliveries. A FlagEvent is
 * one too.
 */
export const finishedEvent = z.object({
  metadata: objectMeta.omit({ annotations: true }),
  spec: flagEvent.shape.spec.pick({ ttlSecondsAfterFinished: true }),
  status: flagEventStatus
    .pick({ completionTime: true, lastHandledRedeliver: true })
    .extend({ conditions: z.array(condition.pick({ type: true, status: true })).optional() })
    .optional(),
});
export type FinishedEvent = Readonly<z.infer<typeof finishedEvent>>;
