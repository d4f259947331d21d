import type { AttemptRecord } from '../../src/delivery/attemptRecord.ts';
import { classify } from '../../src/delivery/classify.ts';
import { uid } from './fixtures.ts';

const STARTED = Date.parse('2026-11-25T00:00:01Z');

/** An attempt at the delivery made by aDelivery, answered with 200, or with another status and then tried again. */
export function anAttempt({
  statusCode = 200,
  ...changes
}: Partial<AttemptRecord> & { statusCode?: number } = {}): AttemptRecord {
  const record: AttemptRecord = {
    endpointUID: uid('uid-flag-cache'),
    generation: 1,
    redeliveries: 0,
    attempt: 1,
    firstAttemptAt: STARTED,
    startedAt: STARTED,
    endedAt: STARTED + 20,
    outcome: classify({ kind: 'answered', statusCode, durationMilliseconds: 20 }),
    ...changes,
  };
  return record.outcome.success || 'nextAttemptAt' in changes
    ? record
    : { ...record, nextAttemptAt: STARTED + 5000 };
}
