import type { RecentDelivery, WebhookEndpoint } from '../api/webhookEndpoint.ts';
import type { AttemptRecord } from './attemptRecord.ts';
import { afterAttempt, afterChange, restored, type Circuit } from './circuit.ts';
import { timestamp } from './conditions.ts';

/** What an endpoint's attempts came to, best effort across a crash. */
export interface EndpointHistory {
  readonly circuit: Circuit;
  readonly lastSuccessTime?: string;
  readonly lastFailureTime?: string;
  /** At most 10, newest first. */
  readonly recentDeliveries: readonly RecentDelivery[];
}

const MAX_RECENT_DELIVERIES = 10;

/**
 * What an endpoint's status says of the attempts that were made before this process began. A spec that was changed since
 * closes its circuit, as it does while the process runs.
 */
export function historyOf({ metadata, spec, status = {} }: WebhookEndpoint, now: number): EndpointHistory {
  const { consecutiveFailures: failures = 0, retryAfterTime, lastSuccessTime, lastFailureTime } = status;
  const stored = { failures, retryAfter: parse(retryAfterTime), lastFailure: parse(lastFailureTime) };
  const circuit = restored(stored, spec.retry.maxDelaySeconds, now);
  return {
    circuit: status.observedGeneration === metadata.generation ? circuit : afterChange(circuit, 'spec'),
    lastSuccessTime,
    lastFailureTime,
    recentDeliveries: status.recentDeliveries ?? [],
  };
}

/** The history with one more attempt. */
export function withAttempt(
  { circuit, lastSuccessTime, lastFailureTime, recentDeliveries }: EndpointHistory,
  attempt: RecentDelivery,
  { startedAt, endedAt, outcome, heldUntil }: AttemptRecord,
): EndpointHistory {
  return {
    circuit: afterAttempt(circuit, { startedAt, endedAt, counts: outcome.countsAgainstEndpoint, heldUntil }),
    lastSuccessTime: outcome.success ? latest(lastSuccessTime, endedAt) : lastSuccessTime,
    lastFailureTime: outcome.success ? lastFailureTime : latest(lastFailureTime, endedAt),
    recentDeliveries: [attempt, ...recentDeliveries].slice(0, MAX_RECENT_DELIVERIES),
  };
}

function parse(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}

function latest(before: string | undefined, at: number): string {
  return before !== undefined && Date.parse(before) > at ? before : timestamp(at);
}
