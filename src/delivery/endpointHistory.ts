import type { RecentDelivery, WebhookEndpoint, WebhookEndpointStatus } from '../api/webhookEndpoint.ts';
import type { AttemptRecord } from './attemptRecord.ts';
import { afterAttempt, afterChange, isHolding, isOpen, restored, type Circuit } from './circuit.ts';
import { timestamp } from './conditions.ts';
import type { StoppedBy } from './takeUp.ts';

/** What an endpoint's attempts came to, best effort across a crash. */
export interface EndpointHistory {
  readonly circuit: Circuit;
  /** Whether the receiver has answered 410 to what was sent under the endpoint's generation. */
  readonly gone: boolean;
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
    gone: saysGone(status, metadata.generation),
    lastSuccessTime,
    lastFailureTime,
    recentDeliveries: status.recentDeliveries ?? [],
  };
}

/**
 * The history with one more attempt.
 *
 * @param generation the endpoint's; a 410 to an attempt that began under another says nothing of this one
 */
export function withAttempt(
  { circuit, gone, lastSuccessTime, lastFailureTime, recentDeliveries }: EndpointHistory,
  attempt: RecentDelivery,
  { startedAt, endedAt, outcome, heldUntil, generation: begunUnder }: AttemptRecord,
  generation: number,
): EndpointHistory {
  return {
    gone: gone || (outcome.reason === 'Gone' && begunUnder === generation),
    circuit: afterAttempt(circuit, { startedAt, endedAt, counts: outcome.countsAgainstEndpoint, heldUntil }),
    lastSuccessTime: outcome.success ? latest(lastSuccessTime, endedAt) : lastSuccessTime,
    lastFailureTime: outcome.success ? lastFailureTime : latest(lastFailureTime, endedAt),
    recentDeliveries: [attempt, ...recentDeliveries].slice(0, MAX_RECENT_DELIVERIES),
  };
}

/** The history after the endpoint has got another spec, or a Secret other content: it may be well again. */
export function withChange(history: EndpointHistory, what: 'spec' | 'content'): EndpointHistory {
  return {
    ...history,
    circuit: afterChange(history.circuit, what),
    gone: history.gone && what !== 'spec',
  };
}

/** The history after a test whose samples were all taken: the receiver is well. */
export function withTest(history: EndpointHistory, startedAt: number, endedAt: number): EndpointHistory {
  return {
    ...history,
    gone: false,
    circuit: afterAttempt(history.circuit, { startedAt, endedAt, counts: 'success' }),
    lastSuccessTime: latest(history.lastSuccessTime, endedAt),
  };
}

/** What lets none of the endpoint's deliveries go, by what came of the attempts. */
export function stoppedBy({ circuit, gone }: EndpointHistory, now: number): StoppedBy | undefined {
  if (gone) return 'gone';
  return isHolding(circuit, now) ? 'circuit' : undefined;
}

/** Whether two histories lead to the same conditions, and differ in counters and times alone. */
export function sameStanding(a: EndpointHistory, b: EndpointHistory): boolean {
  return (
    a.gone === b.gone &&
    isOpen(a.circuit) === isOpen(b.circuit) &&
    (a.lastSuccessTime === undefined) === (b.lastSuccessTime === undefined)
  );
}

/** `Gone` holds while Ready's observedGeneration is the endpoint's generation (api.md, Gone). */
function saysGone({ conditions = [] }: WebhookEndpointStatus, generation: number): boolean {
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready?.status === 'False' && ready.reason === 'Gone' && ready.observedGeneration === generation;
}

function parse(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}

function latest(before: string | undefined, at: number): string {
  return before !== undefined && Date.parse(before) > at ? before : timestamp(at);
}
