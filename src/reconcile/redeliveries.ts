import type { FlagEvent } from '../api/flagEvent.ts';
import { withRedelivery, withRedeliverySince } from '../delivery/redeliver.ts';
import type { RedeliveryOf } from '../delivery/redeliverSince.ts';
import { keyOf, splitKey, type EventContext, type ReconcileResult } from './context.ts';

const PAUSE_AFTER_CONFLICT_MILLISECONDS = 50;
const PAUSE_AFTER_REFUSAL_MILLISECONDS = 30_000;

type Context = Pick<EventContext, 'client' | 'recorder' | 'registry' | 'clock'>;

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

  /** Shows an event that has just finished where an annotation asks for it that came while that was under way. */
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
      const result = event ? await this.#write(event) : {};
      if (result.requeueAfterMilliseconds !== undefined) this.#shown.add(key);
      return result;
    } catch (error) {
      this.#shown.add(key);
      throw error;
    }
  }

  async #write(event: FlagEvent): Promise<ReconcileResult> {
    const { recorder, clock } = this.#context;
    const { metadata, status } = event;
    if (metadata.deletionTimestamp !== undefined || status?.completionTime === undefined) return {};
    const next = withRedelivery(event, status, ...this.#now());
    if (next === status) return {};
    switch (await recorder.write(event, next)) {
      case 'written':
      case 'gone':
        return {};
      case 'conflict':
        return { requeueAfterMilliseconds: PAUSE_AFTER_CONFLICT_MILLISECONDS };
      case 'failed':
        return { requeueAfterMilliseconds: recorder.retryAt(metadata.namespace) - clock.now() };
      case 'refused':
        return { requeueAfterMilliseconds: PAUSE_AFTER_REFUSAL_MILLISECONDS };
    }
  }

  #now(): [now: number, redeliveryOf: RedeliveryOf] {
    const { registry, clock } = this.#context;
    return [clock.now(), (uid) => registry.view(uid)?.redelivery];
  }
}
