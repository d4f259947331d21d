import type { Delivery, FlagEvent, FlagEventStatus } from '../api/flagEvent.ts';
import type { ObjectMeta } from '../api/objectMeta.ts';
import { planEvent } from '../delivery/plan.ts';
import { resumeAt } from '../delivery/resume.ts';
import { sizeWith, storedSize } from '../delivery/storedSize.ts';
import type { TakeUp } from '../delivery/takeUp.ts';
import { abortAttempt, beginAttempt } from './beginAttempt.ts';
import { keyOf, splitKey, type EventContext, type ReconcileResult } from './context.ts';
import type { MutableEventWork } from './eventWorks.ts';
import { gatherTakeUp, readPayload } from './gatherTakeUp.ts';
import { Redeliveries } from './redeliveries.ts';
import type { WritePriority } from './writeBudget.ts';

// An event's next write waits for its size at this rate, and at least for the pause: etcd keeps every version.
const BYTES_PER_MILLISECOND = 100;
const PAUSE_BETWEEN_WRITES_MILLISECONDS = 200;
// So that it is no race without a pause with somebody who writes all the time.
const PAUSE_AFTER_CONFLICT_MILLISECONDS = 50;
// What is refused whatever it holds is most likely refused again.
const PAUSE_AFTER_REFUSAL_MILLISECONDS = 30_000;
const AT_ONCE: ReconcileResult = { requeueAfterMilliseconds: 0 };

/** The reconciler of FlagEvents: gathers, lets the planner decide, hands attempts to the lanes, writes status once. */
export class FlagEvents {
  readonly #context: EventContext;
  readonly #redeliveries: Redeliveries;

  constructor(context: EventContext) {
    this.#context = context;
    this.#redeliveries = new Redeliveries(context);
  }

  /** Brings an event a step on; repeated at any time it leads to the same place. Waits for no receiver. */
  async reconcile(key: string): Promise<ReconcileResult> {
    try {
      return await this.#reconcile(key);
    } finally {
      this.#releaseHeld();
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const { works, order, clock, registry, budget } = this.#context;
    const stored = this.#context.store.get(...splitKey(key));
    if (!stored) return this.#redeliveries.startOver(key);
    // Its watch is to let go of it before it is started over: what that shows later would end what goes on then.
    if (stored.status?.completionTime !== undefined) return {};
    const work = works.open(key, stored.metadata.uid, clock.now());
    const event = work.mustRead ? await this.#readAgain(stored, work) : stored;
    if (!event) return {};
    // A finalizer may keep it for ever: an outcome that nobody writes must not count as unwritten for so long.
    if (event.metadata.deletionTimestamp !== undefined) {
      this.forget(event);
      return {};
    }
    works.settle(work, event.status?.deliveries ?? []);

    const isFresh = event.status?.startTime === undefined;
    const takeUp = isFresh ? await gatherTakeUp(this.#context, event, work) : undefined;
    if (isFresh && !takeUp) return {};
    // The store may have let go of the event meanwhile.
    if (works.get(work.uid) !== work) return {};
    const plan = planEvent({
      event,
      takeUp,
      endpoint: (uid) => registry.view(uid),
      gone: (uid) => registry.isGone(uid),
      turn: (uid) => order.turn(work.uid, uid),
      work,
      mayBegin: !works.hold(key, 'first') && (!takeUp || this.#mayTakeUp(work, takeUp)),
      mayExpire: this.#context.clockIsTrusted(),
      now: clock.now(),
    });

    order.update(work.uid, {
      listed: takeUp?.kind !== 'open' || takeUp.listed,
      takenUp: !isFresh,
      deliveries: plan.deliveries,
    });
    for (const uid of plan.abort) abortAttempt(this.#context, work, uid);
    for (const start of plan.begin) beginAttempt(this.#context, event, work, start);
    this.#setPending(work, plan.deliveries);
    await Promise.all(
      plan.verify.map(({ endpointName, endpointUID }) =>
        registry.verify(event.metadata.namespace, endpointName, endpointUID),
      ),
    );
    if (plan.write && plan.write.at <= clock.now()) {
      // Its payload was not read since the start.
      if (work.storedBytes === undefined) {
        await readPayload(this.#context, event, work);
        return AT_ONCE;
      }
      const { status } = plan.write;
      const bytes = work.storedBytes + storedSize(status);
      const priority = priorityOf(event, work, status);
      if (budget.take({ key, bytes, priority })) return this.#write(event, work, status, bytes);
    } else if (!isFresh) {
      // What waited for its turn is no longer to be written.
      budget.forget(key);
    }
    if (plan.verify.length > 0) return AT_ONCE;
    return plan.wakeAt === undefined ? {} : { requeueAfterMilliseconds: plan.wakeAt - clock.now() };
  }

  /** Counts what an event that was taken up before the start still has to go to, ahead of its reconcile, and spreads it. */
  resume({ metadata, status }: FlagEvent): void {
    const { works, clock, attempts } = this.#context;
    const open = status?.deliveries?.filter(isPending) ?? [];
    if (open.length === 0) return;
    const work = works.open(keyOf(metadata), metadata.uid, clock.now());
    work.resumeAt ??= resumeAt(open, clock.now(), attempts.random());
    this.#setPending(work, open);
  }

  /** To be called when an event has got a label that asks for redelivery, or another value of it; then reconcile it. */
  redeliver(metadata: ObjectMeta): void {
    this.#redeliveries.show(keyOf(metadata));
  }

  /** Ends what is under way for an event that was deleted, or has finished. */
  forget({ metadata }: FlagEvent): void {
    const { works, order, prepared, pending, hooks, budget, enqueue } = this.#context;
    const key = keyOf(metadata);
    if (this.#redeliveries.has(key)) enqueue(key);
    prepared.forget(metadata.uid);
    order.remove(metadata.uid);
    const work = works.forget(metadata.uid);
    if (!work) return;
    budget.forget(work.key);
    for (const endpointUID of work.busy) abortAttempt(this.#context, work, endpointUID);
    for (const endpointUID of pending.set(metadata.uid, work.key, [])) hooks.pendingChanged(endpointUID);
    this.#releaseHeld();
  }

  /** To be called when a status write has succeeded after others had failed: what waited for its backoff goes on. */
  recovered(): void {
    for (const work of this.#context.works.all()) {
      if (!work.backsOff) continue;
      work.backsOff = false;
      work.nextWriteAt = 0;
      this.#context.enqueue(work.key);
    }
  }

  /** Whether what is sent of a fresh event can be recorded soon: its first write is paid for ahead. */
  #mayTakeUp({ key, storedBytes = 0 }: MutableEventWork, takeUp: TakeUp): boolean {
    const deliveries = takeUp.kind === 'open' ? takeUp.endpoints.length : 0;
    return this.#context.budget.begin(key, sizeWith(storedBytes, deliveries));
  }

  async #readAgain(stored: FlagEvent, work: MutableEventWork): Promise<FlagEvent | undefined> {
    const event = await this.#context.store.refresh(stored);
    if (event?.metadata.uid !== stored.metadata.uid) return undefined;
    work.mustRead = false;
    return event;
  }

  #setPending({ uid, key }: MutableEventWork, deliveries: readonly Delivery[]): void {
    const { pending, hooks } = this.#context;
    const endpointUIDs = deliveries.filter(isPending).map(({ endpointUID }) => endpointUID);
    for (const endpointUID of pending.set(uid, key, endpointUIDs)) hooks.pendingChanged(endpointUID);
  }

  async #write(
    event: FlagEvent,
    work: MutableEventWork,
    status: FlagEventStatus,
    bytes: number,
  ): Promise<ReconcileResult> {
    const { recorder, works, clock } = this.#context;
    switch (await recorder.write(event, status)) {
      case 'gone':
        this.forget(event);
        return {};
      case 'conflict':
        work.mustRead = true;
        return { requeueAfterMilliseconds: PAUSE_AFTER_CONFLICT_MILLISECONDS };
      case 'failed':
        work.backsOff = true;
        if (status.completionTime !== undefined) this.#redeliveries.finished({ ...event, status });
        work.nextWriteAt = recorder.retryAt(event.metadata.namespace);
        return this.#readThenWrite(work);
      case 'refused':
        work.nextWriteAt = clock.now() + PAUSE_AFTER_REFUSAL_MILLISECONDS;
        return this.#readThenWrite(work);
      case 'written': {
        works.settle(work, status.deliveries ?? []);
        // The list is recorded; nobody asks for it again.
        work.fence = undefined;
        const pause = Math.max(PAUSE_BETWEEN_WRITES_MILLISECONDS, bytes / BYTES_PER_MILLISECOND);
        work.nextWriteAt = clock.now() + pause;
        if (status.completionTime === undefined) return AT_ONCE;
        this.#redeliveries.finished({ ...event, status });
        this.forget(event);
        return {};
      }
    }
  }

  #readThenWrite(work: MutableEventWork): ReconcileResult {
    work.mustRead = true;
    return { requeueAfterMilliseconds: work.nextWriteAt - this.#context.clock.now() };
  }

  #releaseHeld(): void {
    for (const key of this.#context.works.release()) this.#context.enqueue(key);
  }
}

function isPending({ state }: Delivery): boolean {
  return state === 'Pending';
}

/** A first write lists the deliveries; one that tells no more than that they wait can wait itself. */
function priorityOf(
  { status: before }: FlagEvent,
  { records }: MutableEventWork,
  { completionTime }: FlagEventStatus,
): WritePriority {
  if (before?.startTime === undefined) return 'first';
  return records.size > 0 || completionTime !== undefined ? 'normal' : 'low';
}
