import type { FlagEvent } from '../api/flagEvent.ts';
import { withRedeliverySince } from '../delivery/redeliver.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleep.ts';
import { TokenBuckets } from '../runtime/tokenBuckets.ts';
import type { EndpointRegistry } from './endpointRegistry.ts';
import type { StatusRecorder } from './statusRecorder.ts';

export interface RedelivererOptions {
  /** An event without its payload; nothing where there is none of that name. */
  readonly read: (namespace: string, name: string) => Promise<FlagEvent | undefined>;
  /** Whether the watch of unfinished events has let go of the event, or has not shown it. */
  readonly isUnwatched: (event: FlagEvent) => boolean;
  readonly recorder: Pick<StatusRecorder, 'write' | 'retryAt'>;
  readonly registry: Pick<EndpointRegistry, 'view'>;
  readonly clock: Clock;
}

const EVENTS_PER_SECOND = 100;
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
   * Gives the event as it is after what is asked for was started over; nothing where it is gone. Throws what a read throws,
   * and the signal's reason.
   */
  async startOver(listed: FlagEvent, signal: AbortSignal): Promise<FlagEvent | undefined> {
    const { recorder, registry, clock } = this.#options;
    for (let event: FlagEvent | undefined = listed; event; event = await this.#readAgain(event)) {
      const { metadata, status = {} } = event;
      if (metadata.deletionTimestamp !== undefined) return undefined;
      const next = withRedeliverySince(event, status, clock.now(), (uid) => registry.view(uid)?.redelivery);
      if (next === status) return event;
      await this.#turn(signal);
      const result = this.#mayWrite(event) ? await recorder.write(event, next) : 'conflict';
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

  async #readAgain({ metadata }: FlagEvent): Promise<FlagEvent | undefined> {
    const event = await this.#options.read(metadata.namespace, metadata.name);
    return event?.metadata.uid === metadata.uid ? event : undefined;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (!this.#tokens.take('')) {
      await sleep(this.#options.clock, this.#tokens.wait(''), signal);
      signal.throwIfAborted();
    }
  }
}
