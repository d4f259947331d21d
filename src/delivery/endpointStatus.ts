import type { RecentDelivery, WebhookEndpoint, WebhookEndpointStatus } from '../api/webhookEndpoint.ts';
import type { Outcome } from './classify.ts';
import { countFailures } from './failureRow.ts';
import { setConditions, timestamp, type WantedCondition } from './conditions.ts';
import type { Refusal } from './readReference.ts';
import type { Resolution } from './resolve.ts';

/** What the endpoint's attempts came to, best effort across a crash. */
export interface EndpointHistory {
  readonly consecutiveFailures: number;
  readonly lastSuccessTime?: string;
  readonly lastFailureTime?: string;
  /** At most 10, newest first. */
  readonly recentDeliveries: readonly RecentDelivery[];
}

export type KnownResolution = Exclude<Resolution, { state: 'unknown' }>;

/** The status of an endpoint whose references were all read. */
export function endpointStatus(
  { metadata, status: before }: WebhookEndpoint,
  resolution: KnownResolution,
  history: EndpointHistory,
  pendingDeliveries: number,
  now: number,
): WebhookEndpointStatus {
  const wanted = endpointConditions(resolution, history);
  return {
    observedGeneration: metadata.generation,
    conditions: setConditions(before?.conditions ?? [], wanted, metadata.generation, timestamp(now)),
    host: resolution.state === 'usable' ? resolution.config.host : resolution.host,
    pendingDeliveries,
    consecutiveFailures: history.consecutiveFailures,
    lastSuccessTime: history.lastSuccessTime,
    lastFailureTime: history.lastFailureTime,
    recentDeliveries: [...history.recentDeliveries],
  };
}

const ONLY_A_PERSON_HELPS: ReadonlySet<Refusal['reason']> = new Set([
  'InvalidURL',
  'URLForbidden',
  'InvalidSecret',
]);

function endpointConditions(resolution: KnownResolution, history: EndpointHistory): WantedCondition[] {
  const refusal = resolution.state === 'refused' ? resolution.refusal : undefined;
  const ready = refusal ?? { reason: 'Ready', message: 'The configuration can be used.' };
  const stalled = refusal !== undefined && ONLY_A_PERSON_HELPS.has(refusal.reason);
  return [
    { type: 'Ready', status: refusal ? 'False' : 'True', ...ready },
    secretsResolved(resolution),
    delivering(history),
    { type: 'Reconciling', status: refusal && !stalled ? 'True' : 'False', ...ready },
    { type: 'Stalled', status: stalled ? 'True' : 'False', ...ready },
  ];
}

function secretsResolved(resolution: KnownResolution): WantedCondition {
  const type = 'SecretsResolved';
  if (resolution.state === 'refused') {
    const { reason, message } = resolution.refusal;
    const aboutReferences = reason !== 'InvalidURL' && reason !== 'URLForbidden';
    if (aboutReferences) return { type, status: 'False', reason, message };
  }
  const notes = resolution.state === 'usable' ? resolution.notes : [];
  const message = ['Everything that is referenced was found.', ...notes.map((note) => `${note}.`)].join(' ');
  return { type, status: 'True', reason: 'Resolved', message };
}

function delivering({ lastSuccessTime }: EndpointHistory): WantedCondition {
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

const MAX_RECENT_DELIVERIES = 10;

/** What a status says of the attempts that were made before this process began. */
export function historyOf(status: WebhookEndpointStatus | undefined): EndpointHistory {
  const { consecutiveFailures = 0, lastSuccessTime, lastFailureTime, recentDeliveries = [] } = status ?? {};
  return { consecutiveFailures, lastSuccessTime, lastFailureTime, recentDeliveries };
}

/** The history with one more attempt. */
export function withAttempt(
  history: EndpointHistory,
  attempt: RecentDelivery,
  outcome: Outcome,
  endedAt: number,
): EndpointHistory {
  const { lastSuccessTime, lastFailureTime } = history;
  return {
    consecutiveFailures: countFailures(history.consecutiveFailures, outcome),
    lastSuccessTime: outcome.success ? latest(lastSuccessTime, endedAt) : lastSuccessTime,
    lastFailureTime: outcome.success ? lastFailureTime : latest(lastFailureTime, endedAt),
    recentDeliveries: [attempt, ...history.recentDeliveries].slice(0, MAX_RECENT_DELIVERIES),
  };
}

function latest(before: string | undefined, at: number): string {
  return before !== undefined && Date.parse(before) > at ? before : timestamp(at);
}
