import type { FlagEvent, FlagEventStatus } from '../api/flagEvent.ts';
import { withRedeliverySince } from '../delivery/redeliver.ts';
import { storedSize } from '../delivery/storedSize.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleep.ts';
import { TokenBuckets } from '../runtime/tokenBuckets.ts';
import type { EndpointRegistry } from './endpointRegistry.ts';
import type { StatusRecorder, WriteResult } from './statusRecorder.ts';
import type { WriteBudget } from './writeBudget.ts';

export interface RedelivererOptions {
  /** An event with its payload; nothing where there is none of that name. */
  readonly read: (namespace: string, name: string) => Promise<FlagEvent | undefined>;
  /** Whether the watch of unfinished events has let go of the event, or has not shown it. */
  readonly isUnwatched: (event: FlagEvent) => boolean;
  readonly recorder: Pick<StatusRecorder, 'write' | 'retryAt'>;
  readonly budget: Pick<WriteBudget, 'turn'>;
  readonly registry: Pick<EndpointRegistry, 'view'>;
  /** Whether so many other events wait for their reconcile that none should be added now. */
  readonly isBusy: () => boolean;
  readonly clock: Clock;
}

const EVENTS_PER_SECOND = 100;
const LOOK_AGAIN_MILLISECONDS = 50;
// A load that never ends must not hold a redelivery up for ever.
const LONGEST_WAIT_MILLISECONDS = 1000;
const PAUSE_AFTER_CONFLICT_MILLISECONDS = 50;

/** Starts over what annotations of endpoints ask for, at a pace that leaves the API server and receivers to fresh events. */
export class Redeliverer {
  readonly #options: RedelivererOptions;
  readonly #tokens: TokenBuckets;

  constructor(options: RedelivererOptions) {
    this.#options = options;
    const { clock } = options;
    this.#tokens = new TokenBuckets({ clock, burst: 1, tokensPerSecond: EVENTS_PER_SECOND, maxBuckets: 1 });
  }

  /**
   * Given an event with its payload, gives it as it is after what is asked for was started over; nothing where it is gone.
   * Throws what a read throws, and the signal's reason.
   */
  async startOver(listed: FlagEvent, signal: AbortSignal): Promise<FlagEvent | undefined> {
    const { recorder, registry, clock } = this.#options;
    for (let event: FlagEvent | undefined = listed; event; event = await this.#readAgain(event)) {
      const { metadata, status = {} } = event;
      if (metadata.deletionTimestamp !== undefined) return undefined;
      const next = withRedeliverySince(event, status, clock.now(), (uid) => registry.view(uid)?.redelivery);
      if (next === status) return event;
      await this.#turn(signal);
      const result = this.#mayWrite(event) ? await this.#write(event, next, signal) : 'conflict';
      switch (result) {
        case 'written':
          return { ...event, status: next };
        case 'gone':
          return undefined;
        case 'refused':
          // Nothing that is tried again would be taken.
          return event;
        case 'conflict':
          await sleep(clock, PAUSE_AFTER_CONFLICT_MILLISECONDS, signal);
          break;
        case 'failed':
          await sleep(clock, recorder.retryAt(metadata.namespace) - clock.now(), signal);
          break;
      }
      signal.throwIfAborted();
    }
    return undefined;
  }

  /** What the watch has still to show of how the event finished would end what goes on then. */
  #mayWrite(event: FlagEvent): boolean {
    return event.status?.completionTime === undefined || this.#options.isUnwatched(event);
  }

  async #write(event: FlagEvent, status: FlagEventStatus, signal: AbortSignal): Promise<WriteResult> {
    const { namespace, uid } = event.metadata;
    const bytes = storedSize({ ...event, status });
    await this.#options.budget.turn({ key: `${namespace}/${uid}`, bytes, priority: 'normal' }, signal);
    signal.throwIfAborted();
    return this.#options.recorder.write(event, status);
  }

  async #readAgain({ metadata }: FlagEvent): Promise<FlagEvent | undefined> {
    const event = await this.#options.read(metadata.namespace, metadata.name);
    return event?.metadata.uid === metadata.uid ? event : undefined;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { isBusy, clock } = this.#options;
    const until = clock.monotonic() + LONGEST_WAIT_MILLISECONDS;
    while (isBusy() && clock.monotonic() < until) {
      await sleep(clock, LOOK_AGAIN_MILLISECONDS, signal);
      signal.throwIfAborted();
    }
    while (!this.#tokens.take('')) {
      await sleep(clock, this.#tokens.wait(''), signal);
      signal.throwIfAborted();
    }
  }
}
