import type { WebhookEndpoint, WebhookEndpointStatus } from '../api/webhookEndpoint.ts';
import { isOpen, retryAfterAt } from './circuit.ts';
import type { EndpointHistory } from './endpointHistory.ts';
import { setConditions, timestamp, type WantedCondition } from './conditions.ts';
import type { Refusal } from './readReference.ts';
import type { Resolution } from './resolve.ts';

/** What is wrong with an endpoint. */
type Problem = Refusal | typeof GONE;

export type KnownResolution = Exclude<Resolution, { state: 'unknown' }>;

/** The status of an endpoint whose references were all read. */
export function endpointStatus(
  { metadata, spec, status: before }: WebhookEndpoint,
  resolution: KnownResolution,
  history: EndpointHistory,
  pendingDeliveries: number,
  now: number,
): WebhookEndpointStatus {
  const wanted = endpointConditions(resolution, history, spec.suspend);
  const retryAfter = retryAfterAt(history.circuit, now);
  return {
    observedGeneration: metadata.generation,
    conditions: setConditions(before?.conditions ?? [], wanted, metadata.generation, timestamp(now)),
    host: resolution.state === 'usable' ? resolution.config.host : resolution.host,
    pendingDeliveries,
    consecutiveFailures: history.circuit.failures,
    lastSuccessTime: history.lastSuccessTime,
    lastFailureTime: history.lastFailureTime,
    retryAfterTime: retryAfter === undefined ? undefined : timestamp(retryAfter),
    recentDeliveries: [...history.recentDeliveries],
  };
}

const READY = { reason: 'Ready', message: 'The configuration can be used.' } as const;
const SUSPENDED = {
  reason: 'Suspended',
  message: 'Deliveries are held; set spec.suspend to false to let them go.',
} as const;
const GONE = {
  reason: 'Gone',
  message:
    'The receiver answered 410, so nothing more is sent to it; change the spec, or test the endpoint, once it wants events again.',
} as const;
const ONLY_A_PERSON_HELPS: ReadonlySet<Problem['reason']> = new Set([
  'Gone',
  'InvalidURL',
  'URLForbidden',
  'InvalidSecret',
]);

function endpointConditions(
  resolution: KnownResolution,
  history: EndpointHistory,
  suspended: boolean,
): WantedCondition[] {
  const refusal = resolution.state === 'refused' ? resolution.refusal : undefined;
  const problem = history.gone ? GONE : refusal;
  const ready = problem ?? (suspended ? SUSPENDED : READY);
  const stalled = problem !== undefined && ONLY_A_PERSON_HELPS.has(problem.reason);
  return [
    { type: 'Ready', status: problem ? 'False' : 'True', ...ready },
    secretsResolved(resolution, problem),
    delivering(history),
    { type: 'Reconciling', status: problem && !stalled ? 'True' : 'False', ...ready },
    { type: 'Stalled', status: stalled ? 'True' : 'False', ...ready },
  ];
}

function secretsResolved(resolution: KnownResolution, problem: Problem | undefined): WantedCondition {
  const type = 'SecretsResolved';
  if (problem) {
    const { reason, message } = problem;
    const aboutReferences = reason !== 'Gone' && reason !== 'InvalidURL' && reason !== 'URLForbidden';
    if (aboutReferences) return { type, status: 'False', reason, message };
  }
  const found =
    resolution.state === 'usable'
      ? ['Everything that is referenced was found', ...resolution.notes]
      : ['Something else is wrong, see Ready'];
  const message = found.map((note) => `${note}.`).join(' ');
  return { type, status: 'True', reason: 'Resolved', message };
}

function delivering({ circuit, lastSuccessTime }: EndpointHistory): WantedCondition {
  if (isOpen(circuit)) {
    // Without a count: a condition that changes is written at once.
    const message =
      'Attempt after attempt has failed; now and then one is made to find out whether the receiver is back.';
    return { type: 'Delivering', status: 'False', reason: 'CircuitOpen', message };
  }
  return lastSuccessTime === undefined
    ? {
        type: 'Delivering',
        status: 'Unknown',
        reason: 'NoDeliveries',
        message: 'Nothing has been delivered yet.',
      }
    : {
        type: 'Delivering',
        status: 'True',
        reason: 'Healthy',
        message: 'The receiver takes what is sent to it.',
      };
}
