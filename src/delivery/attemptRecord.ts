import type { UID } from '../api/objectMeta.ts';
import type { Delivery } from '../api/flagEvent.ts';
import type { Outcome } from './classify.ts';
import { timestamp } from './conditions.ts';

/** What came of one attempt. It is kept until a status write that holds it was acknowledged. Times in milliseconds. */
export interface AttemptRecord {
  readonly endpointUID: UID;
  /** The endpoint's, when the attempt began. */
  readonly generation: number;
  /** How often the delivery had been started over. */
  readonly redeliveries: number;
  /** Counted from 1, since then. */
  readonly attempt: number;
  readonly firstAttemptAt: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
  /** Until when the receiver has asked to be left alone. */
  readonly heldUntil?: number;
  /** When the next attempt is due; absent where this was the last one. */
  readonly nextAttemptAt?: number;
}

/**
 * Whether a delivery's status already holds the attempt. Counts never go down, so a higher one holds it too; one that was
 * started over since has held it before.
 */
export function isRecorded(delivery: Delivery, { redeliveries, attempt }: AttemptRecord): boolean {
  const startedOver = (delivery.redeliveries ?? 0) - redeliveries;
  if (startedOver !== 0) return startedOver > 0;
  return delivery.state !== 'Pending' || (delivery.attempts ?? 0) >= attempt;
}

/** The delivery after the attempt; the same object where the attempt is already in it. */
export function recordAttempt(delivery: Delivery, record: AttemptRecord): Delivery {
  if (isRecorded(delivery, record)) return delivery;
  const { outcome, nextAttemptAt } = record;
  const ended = nextAttemptAt === undefined;
  return {
    ...delivery,
    state: outcome.success ? 'Succeeded' : ended ? 'Failed' : 'Pending',
    attempts: record.attempt,
    firstAttemptTime: timestamp(record.firstAttemptAt),
    lastAttemptTime: timestamp(record.startedAt),
    lastStatusCode: outcome.statusCode,
    lastDurationMilliseconds: outcome.durationMilliseconds,
    reason: outcome.reason,
    message: outcome.message,
    nextAttemptTime: ended ? undefined : timestamp(nextAttemptAt),
    completionTime: ended ? timestamp(record.endedAt) : undefined,
  };
}
