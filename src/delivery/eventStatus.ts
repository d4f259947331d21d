import type { Delivery, FlagEvent, FlagEventStatus } from '../api/flagEvent.ts';
import type { EventReason, WaitingReason } from '../api/reasons.ts';
import { setConditions, timestamp, type WantedCondition } from './conditions.ts';
import type { Verdict } from './takeUp.ts';

/** What `Succeeded` says. */
interface Summary {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: EventReason;
  readonly message: string;
}

const WAITING: ReadonlySet<string | undefined> = new Set<WaitingReason>([
  'Suspended',
  'URLForbidden',
  'SecretNotReady',
  'CircuitOpen',
  'WaitingForEarlier',
]);

/** Whether the delivery says that it waits, instead of what its last attempt came to. */
export function isWaiting({ state, reason }: Delivery): boolean {
  return state === 'Pending' && WAITING.has(reason);
}

/** The status of an event that has these deliveries. */
export function eventStatus(event: FlagEvent, deliveries: readonly Delivery[], now: number): FlagEventStatus {
  const ended = deliveries.every(({ state }) => state !== 'Pending');
  const pending = deliveries.filter(({ state }) => state === 'Pending');
  // What was asked for is no progress that anything should wait for.
  const onlySuspended = pending.every(({ reason }) => reason === 'Suspended');
  return write(
    event,
    summarise(deliveries),
    deliveries,
    { ended, reconciling: !ended && !onlySuspended },
    now,
  );
}

/** The status of an event that ends before anything was sent. */
export function endedStatus(
  event: FlagEvent,
  reason: Verdict,
  message: string,
  now: number,
): FlagEventStatus {
  const status = reason === 'NoMatchingEndpoint' ? 'True' : 'False';
  return write(event, { status, reason, message }, [], { ended: true, reconciling: false }, now);
}

function write(
  { metadata, status: before }: FlagEvent,
  summary: Summary,
  deliveries: readonly Delivery[],
  { ended, reconciling }: { readonly ended: boolean; readonly reconciling: boolean },
  now: number,
): FlagEventStatus {
  return {
    observedGeneration: metadata.generation,
    conditions: setConditions(
      before?.conditions ?? [],
      conditionsOf(summary, reconciling),
      metadata.generation,
      timestamp(now),
    ),
    startTime: before?.startTime ?? timestamp(now),
    completionTime: ended ? timestamp(now) : undefined,
    lastHandledRedeliver: before?.lastHandledRedeliver,
    delivered: `${count(deliveries, 'Succeeded')}/${deliveries.length}`,
    deliveries: [...deliveries],
  };
}

function conditionsOf({ status, reason, message }: Summary, reconciling: boolean): WantedCondition[] {
  const stalled = status === 'False';
  return [
    { type: 'Succeeded', status, reason, message },
    { type: 'Reconciling', status: reconciling ? 'True' : 'False', reason, message },
    { type: 'Stalled', status: stalled ? 'True' : 'False', reason, message },
  ];
}

function summarise(deliveries: readonly Delivery[]): Summary {
  const of = deliveries.length;
  const [pending, succeeded, failed] = (['Pending', 'Succeeded', 'Failed'] as const).map((state) =>
    count(deliveries, state),
  );
  if (pending) {
    const waiting = deliveries.filter(isWaiting).length;
    return waiting === pending
      ? {
          status: 'Unknown',
          reason: 'Waiting',
          message: `${pending} of ${of} deliveries wait; see status.deliveries for what.`,
        }
      : { status: 'Unknown', reason: 'Delivering', message: `${pending} of ${of} deliveries are under way.` };
  }
  if (failed) {
    return {
      status: 'False',
      reason: 'DeliveryFailed',
      message: `${failed} of ${of} deliveries failed; see status.deliveries for why.`,
    };
  }
  return succeeded
    ? {
        status: 'True',
        reason: 'AllDelivered',
        message: `Delivered to ${succeeded} of ${of} endpoints; none failed.`,
      }
    : { status: 'True', reason: 'Canceled', message: `All ${of} deliveries were canceled.` };
}

function count(deliveries: readonly Delivery[], state: Delivery['state']): number {
  return deliveries.filter((delivery) => delivery.state === state).length;
}
