import type { FlagEvent, FlagEventStatus } from '../api/flagEvent.ts';
import { withRedelivery, withRedeliverySince } from '../delivery/redeliver.ts';
import type { RedeliveryOf } from '../delivery/redeliverSince.ts';
import { storedSize } from '../delivery/storedSize.ts';
import { keyOf, splitKey, type EventContext, type ReconcileResult } from './context.ts';

const PAUSE_AFTER_CONFLICT_MILLISECONDS = 50;
const PAUSE_AFTER_REFUSAL_MILLISECONDS = 30_000;

type Context = Pick<EventContext, 'client' | 'recorder' | 'budget' | 'registry' | 'clock'>;

/**
 * The events that the label's watch has shown. It is another watch than that of unfinished events, may be older or newer,
 * and tells nothing but that there is a label: so whatever is done about one of them begins with a read.
 */
export class Redeliveries {
  readonly #context: Context;
  readonly #shown = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
  }

  show(key: string): void {
    this.#shown.add(key);
  }

  /** Shows an event that has just finished, or may have, where an annotation asks for it that came while that was under way. */
  finished(event: FlagEvent): void {
    const { metadata, status = {} } = event;
    if (withRedeliverySince(event, status, ...this.#now()) !== status) this.show(keyOf(metadata));
  }

  /** Whether the event is to be looked at once it is not among the unfinished ones. */
  has(key: string): boolean {
    return this.#shown.has(key);
  }

  /** Starts an event over that is not among the unfinished ones, where its label asks for it. That brings it back there. */
  async startOver(key: string): Promise<ReconcileResult> {
    if (!this.#shown.delete(key)) return {};
    try {
      const event = await this.#context.client.readEvent(...splitKey(key));
      const status = event && this.#startedOver(event);
      if (status) return await this.#write(key, event, status);
      this.#context.budget.forget(key);
      return {};
    } catch (error) {
      this.#shown.add(key);
      throw error;
    }
  }

  async #write(key: string, event: FlagEvent, status: FlagEventStatus): Promise<ReconcileResult> {
    const { recorder, budget, clock } = this.#context;
    const bytes = storedSize({ ...event, status });
    if (!budget.take({ key, bytes, priority: 'normal' })) {
      this.#shown.add(key);
      return {};
    }
    switch (await recorder.write(event, status)) {
      case 'written':
      case 'gone':
        return {};
      case 'conflict':
        return this.#again(key, PAUSE_AFTER_CONFLICT_MILLISECONDS);
      case 'failed':
        return this.#again(key, recorder.retryAt(event.metadata.namespace) - clock.now());
      case 'refused':
        return this.#again(key, PAUSE_AFTER_REFUSAL_MILLISECONDS);
    }
  }

  #again(key: string, requeueAfterMilliseconds: number): ReconcileResult {
    this.#shown.add(key);
    return { requeueAfterMilliseconds };
  }

  /** The status that starts a finished event over; nothing where it has not finished, or nobody asks for it. */
  #startedOver(event: FlagEvent): FlagEventStatus | undefined {
    const { metadata, status } = event;
    if (metadata.deletionTimestamp !== undefined || status?.completionTime === undefined) return undefined;
    const next = withRedelivery(event, status, ...this.#now());
    return next === status ? undefined : next;
  }

  #now(): [now: number, redeliveryOf: RedeliveryOf] {
    const { registry, clock } = this.#context;
    return [clock.now(), (uid) => registry.view(uid)?.redelivery];
  }
}
