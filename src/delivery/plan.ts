import type { UID } from '../api/objectMeta.ts';
import type { Delivery, FlagEvent, FlagEventStatus } from '../api/flagEvent.ts';
import { recordAttempt, type AttemptRecord } from './attemptRecord.ts';
import { sameItems, timestamp } from './conditions.ts';
import { deliveryId } from './deliveryId.ts';
import { credible, dueAt } from './due.ts';
import { endedStatus, eventStatus, isWaiting } from './eventStatus.ts';
import type { Turn } from './order.ts';
import { withRedelivery } from './redeliver.ts';
import { longestDelay } from './retry.ts';
import type { EndpointView, TakeUp } from './takeUp.ts';
import { endOfWait, tellsOf, waitingFor } from './waiting.ts';

/** What the process knows of an event beyond what the API server has. Times in milliseconds since 1970. */
export interface EventWork {
  readonly seenAt: number;
  readonly firstSentAt?: number;
  /** Name by UID of every endpoint that a request was begun to. */
  readonly begun: ReadonlyMap<UID, string>;
  /** Endpoints with an attempt that is in their lane, waiting or in flight. */
  readonly busy: ReadonlySet<UID>;
  /** Of these, the ones whose attempt has begun. */
  readonly inFlight: ReadonlySet<UID>;
  /** Attempts that no acknowledged status write holds yet. */
  readonly records: ReadonlyMap<UID, AttemptRecord>;
  /** The event's next status write may not come before it. */
  readonly nextWriteAt: number;
  /** No attempt is begun before it: see resumeAt. */
  readonly resumeAt?: number;
}

export interface PlanInput {
  readonly event: FlagEvent;
  /** Which endpoints the event goes to; only until the event has been taken up. */
  readonly takeUp?: TakeUp;
  /** Endpoints by UID, as the process knows them; one that is missing may be gone, or the store may lag. */
  readonly endpoint: (uid: UID) => EndpointView | undefined;
  /** Whether a read, or a fence, has said that an endpoint is gone. */
  readonly gone: (uid: UID) => boolean;
  /** Whether other events of the same feature let the delivery to an endpoint go. */
  readonly turn: (endpointUID: UID) => Turn;
  readonly work: EventWork;
  /** False while too many outcomes wait to be written: then nothing is sent. */
  readonly mayBegin: boolean;
  /** Whether our clock is trusted: else nothing is ended by age. */
  readonly mayExpire: boolean;
  readonly now: number;
}

/** An attempt to hand out. */
export interface Start {
  readonly delivery: Delivery;
  /** Counted from 1. */
  readonly attempt: number;
  /** Since when it is due, in milliseconds since 1970; 0 for the first, unless the delivery was started over. */
  readonly dueAt: number;
}

/** What to do about an event now. */
export interface Plan {
  readonly begin: readonly Start[];
  /** The event's deliveries as far as they are known, with what has come of them by now. */
  readonly deliveries: readonly Delivery[];
  /** Endpoints to read before anything is concluded from their absence. */
  readonly verify: readonly Delivery[];
  /** Endpoints whose attempt is of no use any more. */
  readonly abort: readonly UID[];
  /** What the status should be, and when it is to be written at the earliest; absent where nothing changed. */
  readonly write?: { readonly status: FlagEventStatus; readonly at: number };
  /** When to plan again if nothing happens before. */
  readonly wakeAt?: number;
}

/** The first write of an event comes at the latest this long after its first request (api.md, FlagEvent). */
export const FIRST_WRITE_AFTER_REQUEST_MILLISECONDS = 1000;
// An event for which nothing could be sent is taken up within 5 s of its creation; a second is left for the write.
const FIRST_WRITE_WITHOUT_REQUEST_MILLISECONDS = 4000;
// Outcomes that arrive together are written together.
const GATHER_OUTCOMES_MILLISECONDS = 200;
const ASK_CLOCK_AGAIN_MILLISECONDS = 60_000;

/** Decides what to send now, what the status should be, and when to look again. */
export function planEvent(input: PlanInput): Plan {
  const { event, takeUp, work, now } = input;
  if (event.metadata.deletionTimestamp !== undefined || event.status?.completionTime !== undefined) {
    return { begin: [], deliveries: [], verify: [], abort: [...work.busy] };
  }
  if (takeUp?.kind === 'ended') {
    const ended = endedStatus(event, takeUp.reason, takeUp.message, now);
    const status = withRedelivery(event, ended, now, () => undefined);
    return {
      begin: [],
      deliveries: [],
      verify: [],
      abort: [...work.busy],
      write: { status, at: work.nextWriteAt },
    };
  }
  const before = takeUp ? listDeliveries(event, takeUp, input) : (event.status?.deliveries ?? []);
  const deliveries = before.map((delivery) => advance(delivery, input));
  const pending = deliveries.filter(({ state }) => state === 'Pending');
  const free = pending.filter((delivery) => canBegin(delivery, input));
  const readyAt = (delivery: Delivery) => Math.max(dueOf(delivery, input), work.resumeAt ?? 0);
  const due = free.filter((delivery) => readyAt(delivery) <= now && !isHeld(delivery.endpointUID, input));
  const write = planWrite(input, before, deliveries);
  const wanted = new Set(pending.map(({ endpointUID }) => endpointUID));
  return {
    begin: input.mayBegin && (takeUp?.mayBegin ?? true) ? due.map((delivery) => start(delivery, input)) : [],
    deliveries,
    verify: pending.filter(({ endpointUID }) => !input.endpoint(endpointUID)),
    abort: [...work.busy].filter(
      (uid) => !wanted.has(uid) || (!work.inFlight.has(uid) && isHeld(uid, input)),
    ),
    write,
    wakeAt: wakeAt(
      [...free.map(readyAt), ...expiries(pending, input), ...(write ? [write.at] : [])],
      now,
      pending.length,
    ),
  };
}

/**
 * For how many milliseconds what happens to an event is gathered before it is planned again, where so many deliveries are
 * under way: a plan costs as much as the event has deliveries.
 */
export function gatherFor(deliveries: number): number {
  return Math.min(deliveries, GATHER_OUTCOMES_MILLISECONDS);
}

function wakeAt(times: readonly number[], now: number, deliveries: number): number | undefined {
  const next = earliest(times.filter((at) => at > now));
  return next === undefined ? undefined : Math.max(next, now + gatherFor(deliveries));
}

/**
 * The deliveries of an event that is being taken up: what matches, and what was begun before the fence knew better. What
 * went to an endpoint that the fence no longer finds is Canceled, whatever came of it.
 */
function listDeliveries(event: FlagEvent, takeUp: TakeUp & { kind: 'open' }, input: PlanInput): Delivery[] {
  const startTime = timestamp(input.now);
  const fresh = (name: string, uid: UID): Delivery => ({
    endpointName: name,
    endpointUID: uid,
    deliveryID: deliveryId(event.metadata.uid, uid),
    state: 'Pending',
    startTime,
    redeliveries: 0,
    attempts: 0,
  });
  const listed = new Map(takeUp.endpoints.map(({ uid, name }) => [uid, fresh(name, uid)]));
  for (const [uid, name] of input.work.begun) {
    if (listed.has(uid)) continue;
    listed.set(uid, input.gone(uid) ? cancel(fresh(name, uid), DELETED, input.now) : fresh(name, uid));
  }
  return [...listed.values()].toSorted((a, b) => (a.endpointName < b.endpointName ? -1 : 1));
}

const DELETED = { reason: 'EndpointDeleted', message: 'The WebhookEndpoint was deleted.' } as const;

const SUPERSEDED = {
  reason: 'Superseded',
  message: 'A later event of the same feature has taken its place; see spec.ordering of the WebhookEndpoint.',
} as const;

const RECEIVER_GONE = {
  reason: 'Gone',
  message: 'The receiver has answered 410 and gets no more events; see the WebhookEndpoint.',
} as const;

/** The delivery as it should be recorded by now; the same object where nothing has changed. */
function advance(delivery: Delivery, input: PlanInput): Delivery {
  const { endpoint, gone, turn, work, now } = input;
  const { endpointUID: uid } = delivery;
  if (delivery.state !== 'Pending') return delivery;
  const record = work.records.get(uid);
  const current = record ? recordAttempt(delivery, record) : delivery;
  if (current.state === 'Succeeded') return current;
  const view = endpoint(uid);
  const isSuperseded = view !== undefined && view.stoppedBy !== 'gone' && turn(uid) === 'superseded';
  if (current.state !== 'Pending') return isSuperseded ? cancel(current, SUPERSEDED, now) : current;
  if (gone(uid) || view?.deleting) return cancel(current, DELETED, now);
  if (!view || work.inFlight.has(uid)) return current;
  if (view.stoppedBy === 'gone') return fail({ ...current, ...RECEIVER_GONE }, now);
  if (isSuperseded) return cancel(current, SUPERSEDED, now);
  const wait = waitingFor(view, dueOf(current, input) <= now, isHeld(uid, input));
  if (!wait) return current;
  const waiting = tellsOf(current.reason, wait) ? current : { ...current, ...wait };
  return input.mayExpire && endOfWait(waiting, view.spec.retry) <= now ? fail(waiting, now) : waiting;
}

/** Ends a delivery without an attempt, for the reason that it has. */
function fail(delivery: Delivery, now: number): Delivery {
  return { ...delivery, state: 'Failed', nextAttemptTime: undefined, completionTime: timestamp(now) };
}

/** When deliveries that wait end by that, or when to ask again whether our clock is trusted. */
function expiries(pending: readonly Delivery[], { endpoint, now }: PlanInput): number[] {
  return pending.flatMap((delivery) => {
    const view = isWaiting(delivery) ? endpoint(delivery.endpointUID) : undefined;
    if (!view) return [];
    const end = endOfWait(delivery, view.spec.retry);
    return end > now ? end : now + ASK_CLOCK_AGAIN_MILLISECONDS;
  });
}

function cancel(
  delivery: Delivery,
  why: Required<Pick<Delivery, 'reason' | 'message'>>,
  now: number,
): Delivery {
  return {
    ...delivery,
    ...why,
    state: 'Canceled',
    nextAttemptTime: undefined,
    completionTime: timestamp(now),
  };
}

/**
 * Whether nothing but time stands between a delivery and its place in the lane, which opens once the endpoint can be
 * used. A retry waits for its failure to be written.
 */
function canBegin({ endpointUID }: Delivery, { endpoint, work }: PlanInput): boolean {
  const idle = !work.busy.has(endpointUID) && !work.records.has(endpointUID);
  return idle && endpoint(endpointUID) !== undefined;
}

/** Whether another event goes first. */
function isHeld(endpointUID: UID, { turn }: PlanInput): boolean {
  const its = turn(endpointUID);
  return its === 'waits' || its === 'hurries';
}

function dueOf(delivery: Delivery, { endpoint, work, now }: PlanInput): number {
  const view = endpoint(delivery.endpointUID);
  const due = dueAt(delivery, view?.renewal);
  return view ? credible(due, longestDelay(view.spec.retry), work.seenAt, now) : due;
}

function start(delivery: Delivery, input: PlanInput): Start {
  const { attempts = 0, redeliveries = 0, startTime } = delivery;
  const isFirstAgain = attempts === 0 && redeliveries > 0 && startTime !== undefined;
  const since = isFirstAgain ? Date.parse(startTime) : dueOf(delivery, input);
  return { delivery, attempt: attempts + 1, dueAt: since };
}

function planWrite(
  input: PlanInput,
  before: readonly Delivery[],
  deliveries: readonly Delivery[],
): Plan['write'] {
  const { event, takeUp, work, now } = input;
  if (takeUp?.kind === 'open' && !takeUp.listed) return undefined;
  const redeliveryOf = (uid: UID) => input.endpoint(uid)?.redelivery;
  const status = withRedelivery(event, eventStatus(event, deliveries, now), now, redeliveryOf);
  const changed =
    !event.status ||
    !sameItems(before, status.deliveries ?? []) ||
    !sameItems(event.status.conditions ?? [], status.conditions ?? []) ||
    event.status.observedGeneration !== status.observedGeneration;
  if (!changed) return undefined;
  const urgent =
    status.completionTime !== undefined || [...work.records.values()].some(({ outcome }) => !outcome.success);
  const at = urgent ? now : takeUp ? firstWriteAt(input, deliveries) : gatheredAt(input);
  return { status, at: Math.max(at, work.nextWriteAt) };
}

function firstWriteAt({ takeUp, turn, work, now }: PlanInput, deliveries: readonly Delivery[]): number {
  const planFirst = takeUp?.kind === 'open' && !takeUp.mayBegin;
  // For each other the events of a feature wait all the time, and mostly not for long.
  const allWait = deliveries.every(
    (delivery) => isWaiting(delivery) && delivery.reason !== 'WaitingForEarlier',
  );
  const hurries = deliveries.some(
    ({ endpointUID, state }) => state === 'Pending' && turn(endpointUID) === 'hurries',
  );
  if (planFirst || allWait || hurries) return now;
  return work.firstSentAt === undefined
    ? work.seenAt + FIRST_WRITE_WITHOUT_REQUEST_MILLISECONDS
    : work.firstSentAt + FIRST_WRITE_AFTER_REQUEST_MILLISECONDS;
}

function gatheredAt({ work, now }: PlanInput): number {
  const oldest = earliest([...work.records.values()].map(({ endedAt }) => endedAt));
  return oldest === undefined ? now : oldest + GATHER_OUTCOMES_MILLISECONDS;
}

function earliest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b));
}
