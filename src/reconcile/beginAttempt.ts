import type { FlagEvent } from '../api/flagEvent.ts';
import type { UID } from '../api/objectMeta.ts';
import { ageOf } from '../delivery/age.ts';
import { FIRST_WRITE_AFTER_REQUEST_MILLISECONDS, type Start } from '../delivery/plan.ts';
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
  const free = () => {
    work.busy.delete(endpointUID);
    context.enqueue(work.key);
  };
  let failed = false;
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
        await attempt(context, event, work, start, signal);
      } catch (error) {
        failed = true;
        context.hooks.failed(work.key, 'make an attempt', error);
      }
      work.inFlight.delete(endpointUID);
    },
    ended: () => {
      // Busy until then: any reconcile would begin it again.
      if (failed) context.clock.schedule(RETRY_MILLISECONDS, free);
      else free();
    },
  });
}

/** Takes an attempt back, in the lane or in flight. It then counts as none. */
export function abortAttempt({ lanes }: EventContext, work: MutableEventWork, endpointUID: UID): void {
  lanes.cancel(work.uid, endpointUID);
  work.busy.delete(endpointUID);
  work.inFlight.delete(endpointUID);
}

async function attempt(
  context: EventContext,
  event: FlagEvent,
  work: MutableEventWork,
  { delivery, attempt: number }: Start,
  signal: AbortSignal,
): Promise<void> {
  const { registry, works, clock, attempts, enqueue, hooks } = context;
  const { endpointUID, endpointName, deliveryID, firstAttemptTime } = delivery;
  const payload = await readPayload(context, event);
  // Nothing is there to be sent: the next reconcile is to read the event before it begins anything.
  if (!payload) work.mustRead = true;
  if (payload?.ok === false)
    throw new Error('this version can not send the payload of an event that was taken up');
  // Read last: a key that was rotated while the attempt waited for its turn is used.
  const endpoint = registry.get(endpointUID);
  const view = registry.view(endpointUID);
  const config = registry.config(endpointUID);
  if (!payload || !endpoint || !config || signal.aborted || works.hold(work.key)) return;
  if (!view || !mayBeTried(view)) return;
  work.begun.set(endpointUID, endpointName);
  if (work.firstSentAt === undefined) {
    work.firstSentAt = clock.now();
    enqueue(work.key, FIRST_WRITE_AFTER_REQUEST_MILLISECONDS);
    if (number === 1) hooks.firstRequest(event);
  }
  const firstAttemptAt = firstAttemptTime === undefined ? undefined : Date.parse(firstAttemptTime);
  const input = { endpoint, config, body: payload.body, deliveryID, attempt: number, firstAttemptAt, signal };
  const record = await makeAttempt(input, attempts);
  if (!record || signal.aborted) return;
  works.record(event.metadata.uid, record);
  hooks.attempted({ event, deliveryID, record });
}
