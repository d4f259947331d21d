import type { FlagEvent, FlagEventStatus } from '../api/flagEvent.ts';
import { endedStatus } from '../delivery/eventStatus.ts';
import { eventNotices } from '../delivery/notices.ts';
import type { Clock } from '../runtime/clock.ts';
import { retryAfterOf } from '../runtime/apiError.ts';
import type { Notify } from './notify.ts';
import { Recording } from './recording.ts';

/**
 * What came of a status write: `refused` for what it holds, whatever was left out; `failed` for a reason that concerns
 * all, also where the answer was lost, so that the write may have gone through.
 */
export type WriteResult = 'written' | 'conflict' | 'gone' | 'refused' | 'failed';

export interface StatusRecorderOptions {
  /** Writes the status and, once that is acknowledged, shows it to the store; gives the event as it is then. */
  readonly replaceStatus: (event: FlagEvent, status: FlagEventStatus) => Promise<FlagEvent>;
  /** Why a write failed: `other` where that says nothing about the object. */
  readonly refusalOf: (
    error: unknown,
  ) => 'conflict' | 'gone' | 'forbidden' | 'invalid' | 'too large' | 'other';
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

/**
 * Writes events' statuses, and knows whether what is sent can be recorded: it can once a write has succeeded since the
 * start, as long as the last one did not fail for a reason that concerns all (design.md, "What the store may be wrong
 * about").
 */
export class StatusRecorder {
  readonly #options: StatusRecorderOptions;
  readonly #everywhere: Recording;
  /** Namespaces in which we may not write: that says nothing about others, and must not hold them up. */
  readonly #forbidden = new Map<string, Recording>();

  constructor(options: StatusRecorderOptions) {
    this.#options = options;
    this.#everywhere = new Recording(options.clock);
  }

  /** Whether what is sent in the namespace can be recorded. */
  isRecording(namespace: string): boolean {
    return this.#everywhere.works && !this.#forbidden.has(namespace);
  }

  /** When a write that has just failed may be tried again, milliseconds since 1970. Any that succeeds resets it. */
  retryAt(namespace: string): number {
    const { retryInMilliseconds } = this.#forbidden.get(namespace) ?? this.#everywhere;
    return this.#options.clock.now() + retryInMilliseconds;
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
    const wasForbidden = this.#forbidden.delete(event.metadata.namespace);
    if (this.#everywhere.succeeded() || wasForbidden) onRecovered();
    if (status.completionTime !== undefined) await onFinished(written);
    return 'written';
  }

  #failed(event: FlagEvent, status: FlagEventStatus, error: unknown): WriteResult {
    const { refusalOf, onError, onMaybeFinished } = this.#options;
    const refusal = refusalOf(error);
    if (refusal === 'conflict' || refusal === 'gone') return refusal;
    onError(event, error);
    if (refusal === 'invalid' || refusal === 'too large') return 'refused';
    const recording =
      refusal === 'forbidden' ? this.#forbiddenIn(event.metadata.namespace) : this.#everywhere;
    recording.failed(retryAfterOf(error));
    if (status.completionTime !== undefined) onMaybeFinished(event);
    return 'failed';
  }

  #forbiddenIn(namespace: string): Recording {
    const recording = this.#forbidden.get(namespace) ?? new Recording(this.#options.clock);
    this.#forbidden.set(namespace, recording);
    return recording;
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
