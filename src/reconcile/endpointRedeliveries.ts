import type { FlagEvent } from '../api/flagEvent.ts';
import type { UID } from '../api/objectMeta.ts';
import type { Redelivery, WebhookEndpoint } from '../api/webhookEndpoint.ts';
import { timestamp } from '../delivery/conditions.ts';
import {
  askedFor,
  isOpen,
  redeliverSinceValue,
  wasStartedOver,
  type RedeliveryStatus,
} from '../delivery/redeliverSince.ts';
import { isExpired } from '../runtime/apiError.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleep.ts';
import type { Redeliverer } from './redeliverer.ts';

export interface EndpointRedeliveriesOptions {
  /** The events of a namespace, finished or not, page by page. */
  readonly list: (namespace: string) => AsyncIterable<{ readonly items: readonly FlagEvent[] }>;
  readonly redeliverer: Pick<Redeliverer, 'startOver'>;
  /** Has the endpoint reconciled. */
  readonly enqueue: (endpoint: WebhookEndpoint) => void;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** A list or a read has failed; it is tried again. */
  readonly onError: (namespace: string, error: unknown) => void;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** A redelivery that the status of its endpoint tells of, and that has not ended there. */
interface Run {
  readonly endpoint: WebhookEndpoint;
  readonly redelivery: Redelivery;
  /** How many events were started over, as far as the present pass has seen. */
  events: number;
  /** When all was started over, in milliseconds since 1970. */
  completedAt?: number;
}

/** The annotation's present value, and when it was first seen. */
interface Seen {
  readonly value: string | undefined;
  /** In milliseconds since 1970. */
  readonly at: number;
}

const PAUSE_AFTER_PAGE_MILLISECONDS = 20;
const BACKOFF = { initialMilliseconds: 1000, maxMilliseconds: 60_000 };

/**
 * The redeliveries that annotations of endpoints ask for. Each begins once its two times are in the endpoint's status, so
 * that it can be gone on with after a restart; then a pass over all events of the namespace starts over what was asked for
 * by then, and tells what was started over before.
 */
export class EndpointRedeliveries {
  readonly #options: EndpointRedeliveriesOptions;
  readonly #backoff: Backoff;
  readonly #seen = new Map<UID, Seen>();
  readonly #runs = new Map<UID, Run>();
  /** Namespaces whose events are gone over. */
  readonly #passing = new Set<string>();

  constructor(options: EndpointRedeliveriesOptions) {
    this.#options = options;
    this.#backoff = new Backoff(BACKOFF, options.random);
  }

  /** What the endpoint's status is to say. To be called whenever the endpoint, or that, may have changed. */
  look(endpoint: WebhookEndpoint): RedeliveryStatus {
    const { metadata, status } = endpoint;
    const asked = askedFor(endpoint, this.#seenAt(endpoint));
    const { redelivery } = status ?? {};
    if (!isOpen(redelivery)) {
      this.#runs.delete(metadata.uid);
      return asked;
    }
    const { events, completedAt } = this.#runs.get(metadata.uid) ?? this.#begin(endpoint, redelivery);
    const progress = { ...redelivery, events: Math.max(redelivery.events, events) };
    if (completedAt === undefined) return { ...asked, redelivery: progress };
    return {
      redelivery: { ...progress, completionTime: timestamp(completedAt) },
      lastHandledRedeliverSince: redelivery.since,
    };
  }

  /** Ends what is under way for an endpoint that is gone. */
  forget(endpointUID: UID): void {
    this.#seen.delete(endpointUID);
    this.#runs.delete(endpointUID);
  }

  /** When the annotation's present value was first seen. */
  #seenAt(endpoint: WebhookEndpoint): number {
    const { uid } = endpoint.metadata;
    const value = redeliverSinceValue(endpoint);
    const known = this.#seen.get(uid);
    if (known && known.value === value) return known.at;
    const at = this.#options.clock.now();
    this.#seen.set(uid, { value, at });
    return at;
  }

  #begin(endpoint: WebhookEndpoint, redelivery: Redelivery): Run {
    const run = { endpoint, redelivery, events: 0 };
    this.#runs.set(endpoint.metadata.uid, run);
    void this.#passOver(endpoint.metadata.namespace);
    return run;
  }

  /** Goes over a namespace's events as long as there is a run that they were not gone over for. Never rejects. */
  async #passOver(namespace: string): Promise<void> {
    const { clock, onError, signal } = this.#options;
    if (this.#passing.has(namespace)) return;
    this.#passing.add(namespace);
    for (let runs = this.#waiting(namespace); runs.length > 0; runs = this.#waiting(namespace)) {
      try {
        await this.#pass(namespace, runs);
        this.#backoff.reset(namespace);
      } catch (error) {
        if (signal.aborted) break;
        // A list whose beginning was forgotten before its end came begins anew; what was started over stays so.
        if (!isExpired(error)) onError(namespace, error);
        const pause = isExpired(error) ? PAUSE_AFTER_PAGE_MILLISECONDS : this.#backoff.next(namespace);
        await sleep(clock, pause, signal);
      }
      if (signal.aborted) break;
    }
    this.#passing.delete(namespace);
  }

  async #pass(namespace: string, runs: readonly Run[]): Promise<void> {
    const { list, redeliverer, enqueue, clock, signal } = this.#options;
    for (const run of runs) run.events = 0;
    for await (const { items } of list(namespace)) {
      for (const listed of items) {
        const event = await redeliverer.startOver(listed, signal);
        for (const run of runs) {
          if (!event || !isStartedOver(event, run)) continue;
          run.events += 1;
          if (this.#isCurrent(run)) enqueue(run.endpoint);
        }
      }
      if (!runs.some((run) => this.#isCurrent(run))) return;
      await sleep(clock, PAUSE_AFTER_PAGE_MILLISECONDS, signal);
      signal.throwIfAborted();
    }
    for (const run of runs) {
      run.completedAt = clock.now();
      enqueue(run.endpoint);
    }
  }

  #waiting(namespace: string): Run[] {
    return [...this.#runs.values()].filter(
      ({ endpoint, completedAt }) => endpoint.metadata.namespace === namespace && completedAt === undefined,
    );
  }

  #isCurrent(run: Run): boolean {
    return this.#runs.get(run.endpoint.metadata.uid) === run;
  }
}

function isStartedOver({ status }: FlagEvent, { endpoint, redelivery }: Run): boolean {
  return (
    status?.deliveries?.some(
      (delivery) => delivery.endpointUID === endpoint.metadata.uid && wasStartedOver(delivery, redelivery),
    ) ?? false
  );
}
