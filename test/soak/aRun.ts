import type { Condition } from '../../src/api/condition.ts';
import type { Delivery, FlagEventStatus } from '../../src/api/flagEvent.ts';
import type { WebhookEndpointStatus } from '../../src/api/webhookEndpoint.ts';
import { uid } from '../support/fixtures.ts';
import { attemptsOf, isFailureInRow, isGone, isSuccess, reasonOf, type Attempt } from './attempts.ts';
import type { LoggedRequest, Run, SoakEndpoint, SoakEvent } from './run.ts';

/** A request of a hand-made log, in milliseconds after its begin; answered 200 after 10 ms. */
export interface Try extends Partial<LoggedRequest> {
  readonly at: number;
  readonly lasts?: number;
}

export interface RunOptions {
  readonly endpoint?: Partial<SoakEndpoint>;
  /** For each event, which has one delivery, what was tried. */
  readonly tries?: readonly (readonly Try[])[];
  /** For each event, how many milliseconds after the begin it was created; before it where absent. */
  readonly created?: readonly number[];
  /** What the first event says otherwise than its log. */
  readonly event?: Partial<SoakEvent> & { readonly status?: Partial<FlagEventStatus> };
  readonly delivery?: Partial<Delivery>;
  readonly endpointStatus?: Partial<WebhookEndpointStatus>;
}

export const BEGIN = Date.parse('2026-11-25T00:00:00Z');

/** A run of one endpoint; its statuses say what its log does, where nothing else is asked for. */
export function aRun(options: RunOptions = {}): Run {
  const {
    tries = [[{ at: 0 }]],
    created = [],
    event: changed = {},
    delivery: changedDelivery = {},
  } = options;
  const endpoint: SoakEndpoint = {
    name: 'flag-cache',
    path: '/hooks/flag-cache',
    retry: { initialDelaySeconds: 2, maxDelaySeconds: 8, giveUpAfterSeconds: 60 },
    timeoutSeconds: 2,
    maxInFlight: 2,
    status: {},
    ...options.endpoint,
  };
  const logs = tries.map((own, index) => own.map((tried) => requestOf(endpoint, index, tried)));
  const attempts = logs.map((requests) => attemptsOf(endpoint, requests));
  const goneFrom = Math.min(
    ...attempts
      .flat()
      .filter(isGone)
      .map(({ endedAt }) => endedAt),
  );
  const events = attempts.map((own, index) => {
    const delivery = deliveryOf(endpoint, index, own, goneFrom);
    return eventOf(
      index,
      created[index] ?? -1000,
      index === 0 ? { ...delivery, ...changedDelivery } : delivery,
    );
  });
  const [first, ...others] = events;
  return {
    endpoints: [{ ...endpoint, status: { ...statusOf(attempts.flat()), ...options.endpointStatus } }],
    events: first
      ? [{ ...first, ...changed, status: { ...first.status, ...changed.status } }, ...others]
      : others,
    requests: logs.flat(),
  };
}

function requestOf(
  { path }: SoakEndpoint,
  index: number,
  { at, lasts = 10, ...changes }: Try,
): LoggedRequest {
  return {
    method: 'POST',
    path,
    deliveryID: `msg_${index}`,
    timestamp: Math.floor((BEGIN + at) / 1000),
    isSigned: true,
    body: `{"event":${index}}`,
    isReused: false,
    arrivedAt: BEGIN + at,
    endedAt: BEGIN + at + lasts,
    answer: { status: 200 },
    ...changes,
  };
}

function deliveryOf(
  endpoint: SoakEndpoint,
  index: number,
  attempts: readonly Attempt[],
  goneFrom: number,
): Delivery {
  const [first, last] = [attempts[0], attempts.at(-1)];
  const named = {
    endpointName: endpoint.name,
    endpointUID: uid(endpoint.name),
    deliveryID: `msg_${index}`,
    attempts: attempts.length,
    message: 'What became of it.',
  };
  if (!first || !last)
    return {
      ...named,
      state: 'Failed',
      reason: 'Gone',
      completionTime: toTime(Math.min(goneFrom, BEGIN + 60_000)),
    };
  return {
    ...named,
    state: isSuccess(last) ? 'Succeeded' : 'Failed',
    reason: reasonOf(last),
    lastStatusCode: typeof last.answer === 'object' ? last.answer.status : undefined,
    firstAttemptTime: toTime(first.arrivedAt),
    lastAttemptTime: toTime(last.arrivedAt),
    lastDurationMilliseconds: last.endedAt - last.arrivedAt,
    completionTime: toTime(last.endedAt),
  };
}

function eventOf(index: number, created: number, delivery: Delivery): SoakEvent {
  const isDelivered = delivery.state === 'Succeeded';
  const reason = isDelivered ? 'AllDelivered' : 'DeliveryFailed';
  return {
    name: `event-${index}`,
    createdAt: BEGIN + created,
    body: `{"event":${index}}`,
    wantedBy: [delivery.endpointName],
    status: {
      conditions: conditionsOf({
        Succeeded: [isDelivered ? 'True' : 'False', reason],
        Reconciling: ['False', reason],
        Stalled: [isDelivered ? 'False' : 'True', reason],
      }),
      completionTime: delivery.completionTime,
      delivered: `${isDelivered ? 1 : 0}/1`,
      deliveries: [delivery],
    },
  };
}

function statusOf(unordered: readonly Attempt[]): WebhookEndpointStatus {
  const attempts = unordered.toSorted((a, b) => b.endedAt - a.endedAt);
  const lastReset = attempts.findIndex((attempt) => !isFailureInRow(attempt));
  const failures = lastReset < 0 ? attempts.length : lastReset;
  const lastSuccess = attempts.find(isSuccess);
  const lastFailure = attempts.find((attempt) => !isSuccess(attempt));
  const isOver = attempts.some(isGone);
  const ready = isOver ? 'Gone' : 'Ready';
  return {
    conditions: conditionsOf({
      Ready: [isOver ? 'False' : 'True', ready],
      SecretsResolved: ['True', 'Resolved'],
      Delivering:
        failures >= 5
          ? ['False', 'CircuitOpen']
          : lastSuccess
            ? ['True', 'Healthy']
            : ['Unknown', 'NoDeliveries'],
      Reconciling: ['False', ready],
      Stalled: [isOver ? 'True' : 'False', ready],
    }),
    pendingDeliveries: 0,
    consecutiveFailures: failures,
    lastSuccessTime: lastSuccess && toTime(lastSuccess.endedAt),
    lastFailureTime: lastFailure && toTime(lastFailure.endedAt),
    recentDeliveries: attempts.slice(0, 10).map((attempt) => ({
      flagEvent: 'event',
      deliveryID: attempt.deliveryID,
      time: toTime(attempt.arrivedAt),
      attempt: attempt.number,
      statusCode: typeof attempt.answer === 'object' ? attempt.answer.status : undefined,
      durationMilliseconds: attempt.endedAt - attempt.arrivedAt,
      reason: reasonOf(attempt),
      message: 'What became of it.',
    })),
  };
}

function conditionsOf(
  wanted: Readonly<Record<string, readonly [status: 'True' | 'False' | 'Unknown', string]>>,
) {
  return Object.entries(wanted).map(([type, [status, reason]]): Condition => ({
    type,
    status,
    reason,
    message: '',
    observedGeneration: 1,
    lastTransitionTime: toTime(BEGIN),
  }));
}

function toTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
