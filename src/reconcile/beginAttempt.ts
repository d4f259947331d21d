import type { FlagEvent } from '../api/flagEvent.ts';
import type { UID } from '../api/objectMeta.ts';
import { ageOf } from '../delivery/age.ts';
import type { AttemptRecord } from '../delivery/attemptRecord.ts';
import { FIRST_WRITE_AFTER_REQUEST_MILLISECONDS, gatherFor, type Start } from '../delivery/plan.ts';
import { mayBeTried } from '../delivery/waiting.ts';
import { makeAttempt } from './attempts.ts';
import type { EventContext } from './context.ts';
import type { MutableEventWork } from './eventWorks.ts';
import { readPayload } from './gatherTakeUp.ts';

const RETRY_MILLISECONDS = 1000;

/** Hands an attempt to its endpoint's lane. What came of it returns as a reconcile of the event. */
export function beginAttempt(
  context: EventContext,
  event: FlagEvent,
  work: MutableEventWork,
  start: Start,
): void {
  const { endpointUID } = start.delivery;
  let failed = false;
  let record: AttemptRecord | undefined;
  work.busy.add(endpointUID);
  context.lanes.offer({
    namespace: event.metadata.namespace,
    eventUID: event.metadata.uid,
    endpointUID,
    dueAt: start.dueAt,
    age: ageOf(event),
    run: async (signal) => {
      work.inFlight.add(endpointUID);
      try {
        record = await attempt(context, event, work, start, signal);
      } catch (error) {
        failed = true;
        context.hooks.failed(work.key, 'make an attempt', error);
      }
      work.inFlight.delete(endpointUID);
    },
    ended: () => {
      const free = () => {
        work.busy.delete(endpointUID);
        if (context.works.get(work.uid) !== work) return;
        if (record) context.enqueue(work.key, pauseAfterOutcome(context, work));
        // Else it comes again once there is room.
        else if (!isHeld(context, work, start)) context.enqueue(work.key);
      };
      // Busy until then: any reconcile would begin it again.
      if (failed) context.clock.schedule(RETRY_MILLISECONDS, free);
      else free();
    },
  });
}

/** In how many milliseconds to plan an event one of whose attempts has an outcome: not before it may be written. */
function pauseAfterOutcome({ clock }: EventContext, { nextWriteAt, busy }: MutableEventWork): number {
  return Math.max(nextWriteAt - clock.now(), gatherFor(busy.size));
}

/** Whether too many outcomes are unwritten; the event comes again once they are not. */
function isHeld({ works }: EventContext, { key }: MutableEventWork, { attempt: number }: Start): boolean {
  return works.hold(key, number === 1 ? 'first' : 'retry');
}

/** Takes an attempt back, in the lane or in flight. It then counts as none. */
export function abortAttempt({ lanes }: EventContext, work: MutableEventWork, endpointUID: UID): void {
  lanes.cancel(work.uid, endpointUID);
  work.busy.delete(endpointUID);
  work.inFlight.delete(endpointUID);
}

/** Makes an attempt that has got its turn, unless something has come in between; gives what came of it. */
async function attempt(
  context: EventContext,
  event: FlagEvent,
  work: MutableEventWork,
  start: Start,
  signal: AbortSignal,
): Promise<AttemptRecord | undefined> {
  const { delivery, attempt: number } = start;
  const { registry, works, order, clock, attempts, enqueue, hooks } = context;
  const { endpointUID, endpointName, deliveryID, redeliveries = 0, firstAttemptTime } = delivery;
  const payload = await readPayload(context, event, work);
  // Nothing is there to be sent: the next reconcile is to read the event before it begins anything.
  if (!payload) work.mustRead = true;
  if (payload?.ok === false)
    throw new Error('this version can not send the payload of an event that was taken up');
  // Read last: a key that was rotated while the attempt waited for its turn is used.
  const endpoint = registry.get(endpointUID);
  const view = registry.view(endpointUID);
  const config = registry.config(endpointUID);
  if (!payload || !endpoint || !config || signal.aborted) return undefined;
  if (!view || !mayBeTried(view) || isHeld(context, work, start)) return undefined;
  if (!order.begin(work.uid, endpointUID)) return undefined;
  work.begun.set(endpointUID, endpointName);
  if (work.firstSentAt === undefined) {
    work.firstSentAt = clock.now();
    enqueue(work.key, FIRST_WRITE_AFTER_REQUEST_MILLISECONDS);
    if (number === 1 && redeliveries === 0) hooks.firstRequest(event);
  }
  const firstAttemptAt = firstAttemptTime === undefined ? undefined : Date.parse(firstAttemptTime);
  const input = {
    endpoint,
    retry: () => (registry.get(endpointUID) ?? endpoint).spec.retry,
    config,
    body: payload.body,
    deliveryID,
    redeliveries,
    attempt: number,
    firstAttemptAt,
    signal,
  };
  let isDelivered = false;
  try {
    const record = await makeAttempt(input, attempts);
    if (!record || signal.aborted) return undefined;
    works.record(work.uid, record);
    isDelivered = record.outcome.success;
    hooks.attempted({ event, deliveryID, record });
    return record;
  } finally {
    order.end(work.uid, endpointUID, isDelivered);
  }
}
