import type { FlagEvent, FlagEventStatus } from '../api/flagEvent.ts';
import { endedStatus } from '../delivery/eventStatus.ts';
import { eventNotices } from '../delivery/notices.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Notify } from './notify.ts';

/**
 * What came of a status write: `refused` for what it holds, whatever was left out; `failed` for a reason that concerns
 * all, also where the answer was lost, so that the write may have gone through.
 */
export type WriteResult = 'written' | 'conflict' | 'gone' | 'refused' | 'failed';

export interface StatusRecorderOptions {
  /** Writes the status and, once that is acknowledged, shows it to the store; gives the event as it is then. */
  readonly replaceStatus: (event: FlagEvent, status: FlagEventStatus) => Promise<FlagEvent>;
  /** Why a write failed: `other` where that says nothing about the object. */
  readonly refusalOf: (error: unknown) => 'conflict' | 'gone' | 'invalid' | 'too large' | 'other';
  /** A write has succeeded after others had failed. */
  readonly onRecovered: () => void;
  readonly onError: (event: FlagEvent, error: unknown) => void;
  /** A write has finished this event. Must not reject. */
  readonly onFinished: (event: FlagEvent) => Promise<void>;
  /** A write that was to finish this event has failed, or its answer was lost. */
  readonly onMaybeFinished: (event: FlagEvent) => void;
  readonly notify: Notify<FlagEvent>;
  readonly clock: Clock;
}

const FIRST_BACKOFF_MILLISECONDS = 500;
const LONGEST_BACKOFF_MILLISECONDS = 30_000;

/**
 * Writes events' statuses, and knows whether what is sent can be recorded: it can once a write has succeeded since the
 * start, as long as the last one did not fail for a reason that concerns all (design.md, "What the store may be wrong
 * about").
 */
export class StatusRecorder {
  readonly #options: StatusRecorderOptions;
  #recording = false;
  #failures = 0;
  /** When the backoff ends, in monotonic milliseconds. */
  #retryDue = -Infinity;

  constructor(options: StatusRecorderOptions) {
    this.#options = options;
  }

  get recording(): boolean {
    return this.#recording;
  }

  /** When a write that has just failed may be tried again, milliseconds since 1970. Any that succeeds resets it. */
  get retryAt(): number {
    const { clock } = this.#options;
    return clock.now() + this.#retryDue - clock.monotonic();
  }

  /** Writes a status. One that is refused for what it holds is written without messages, then ends the event. */
  async write(event: FlagEvent, status: FlagEventStatus): Promise<WriteResult> {
    for (const candidate of smallerAndSmaller(event, status, this.#options.clock.now())) {
      const result = await this.#try(event, candidate);
      if (result !== 'refused') return result;
    }
    return 'refused';
  }

  async #try(event: FlagEvent, status: FlagEventStatus): Promise<WriteResult> {
    const { replaceStatus, notify, onRecovered, onFinished } = this.#options;
    let written: FlagEvent;
    try {
      written = await replaceStatus(event, status);
    } catch (error) {
      return this.#failed(event, status, error);
    }
    notify(event, eventNotices(event.status, status));
    this.#recording = true;
    const recovered = this.#failures > 0;
    this.#failures = 0;
    this.#retryDue = -Infinity;
    if (recovered) onRecovered();
    if (status.completionTime !== undefined) await onFinished(written);
    return 'written';
  }

  #failed(event: FlagEvent, status: FlagEventStatus, error: unknown): WriteResult {
    const { refusalOf, onError, onMaybeFinished } = this.#options;
    const refusal = refusalOf(error);
    if (refusal === 'conflict' || refusal === 'gone') return refusal;
    onError(event, error);
    if (refusal === 'invalid' || refusal === 'too large') return 'refused';
    this.#recording = false;
    this.#backOff();
    if (status.completionTime !== undefined) onMaybeFinished(event);
    return 'failed';
  }

  /** Writes that fail before the backoff has ended are no further step of it: they failed together. */
  #backOff(): void {
    const now = this.#options.clock.monotonic();
    if (now < this.#retryDue) return;
    const backoff = FIRST_BACKOFF_MILLISECONDS * 2 ** this.#failures;
    this.#failures += 1;
    this.#retryDue = now + Math.min(backoff, LONGEST_BACKOFF_MILLISECONDS);
  }
}

/** The status, then without messages, then the least that ends the event. */
function* smallerAndSmaller(
  event: FlagEvent,
  status: FlagEventStatus,
  now: number,
): Generator<FlagEventStatus> {
  yield status;
  yield {
    ...status,
    deliveries: status.deliveries?.map((delivery) => ({ ...delivery, message: undefined })),
  };
  const message =
    'The status is too large to be stored; make the payload smaller or let fewer endpoints match.';
  yield endedStatus(event, 'PayloadTooLarge', message, now);
}
