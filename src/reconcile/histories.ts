import type { UID } from '../api/objectMeta.ts';
import type { WebhookEndpoint } from '../api/webhookEndpoint.ts';
import type { AttemptRecord } from '../delivery/attemptRecord.ts';
import { allowed, isOpen, reopensAt } from '../delivery/circuit.ts';
import { timestamp } from '../delivery/conditions.ts';
import { renewal, type Renewal } from '../delivery/due.ts';
import {
  historyOf,
  sameStanding,
  stoppedBy,
  withAttempt,
  withChange,
  withTest,
  type EndpointHistory,
} from '../delivery/endpointHistory.ts';
import type { EndpointView } from '../delivery/takeUp.ts';
import type { Clock } from '../runtime/clock.ts';

export interface HistoriesOptions {
  readonly clock: Clock;
  /** How many deliveries to the endpoint have not ended. */
  readonly pendingDeliveries: (uid: UID) => number;
  /** Something stops an endpoint's deliveries from now on. */
  readonly onStop: (endpoint: WebhookEndpoint) => void;
  /** It does so no longer, or a probe may go. */
  readonly onRelease: (endpoint: WebhookEndpoint) => void;
}

/** What the attempts of each endpoint came to: begun with what its status says, then kept in memory. */
export class Histories {
  readonly #options: HistoriesOptions;
  readonly #histories = new Map<UID, EndpointHistory>();
  readonly #renewals = new Map<UID, Renewal>();
  readonly #timers = new Map<UID, () => void>();

  constructor(options: HistoriesOptions) {
    this.#options = options;
  }

  of(endpoint: WebhookEndpoint): EndpointHistory {
    const known = this.#histories.get(endpoint.metadata.uid);
    if (known) return known;
    const history = historyOf(endpoint, this.#options.clock.now());
    this.#set(endpoint, history);
    return history;
  }

  /** Takes in an attempt; the endpoint as it is by now. Whether its conditions may say something else from now on. */
  add(endpoint: WebhookEndpoint, flagEvent: string, deliveryID: string, record: AttemptRecord): boolean {
    const { outcome } = record;
    const attempt = {
      flagEvent,
      deliveryID,
      time: timestamp(record.startedAt),
      attempt: record.attempt,
      statusCode: outcome.statusCode,
      durationMilliseconds: outcome.durationMilliseconds,
      reason: outcome.reason,
      message: outcome.message,
    };
    const before = this.of(endpoint);
    const after = withAttempt(before, attempt, record, endpoint.metadata.generation);
    this.#replace(endpoint, after);
    return !sameStanding(before, after);
  }

  /** Takes in a test whose samples were all taken; the endpoint as it is by now, the times in milliseconds since 1970. */
  tested(endpoint: WebhookEndpoint, startedAt: number, endedAt: number): void {
    this.#replace(endpoint, withTest(this.of(endpoint), startedAt, endedAt));
  }

  /** Takes in that the endpoint has got another spec, or a Secret other content. */
  changed(endpoint: WebhookEndpoint, what: 'spec' | 'content'): void {
    const { clock, pendingDeliveries } = this.#options;
    const { metadata, spec } = endpoint;
    this.#renewals.set(metadata.uid, renewal(clock.now(), pendingDeliveries(metadata.uid), spec.maxInFlight));
    this.#replace(endpoint, withChange(this.of(endpoint), what));
  }

  /** What its attempts, and changes of it, mean for when its deliveries go. */
  pace(endpoint: WebhookEndpoint): Pick<EndpointView, 'stoppedBy' | 'renewal'> {
    return { stoppedBy: this.#stoppedBy(endpoint), renewal: this.#renewals.get(endpoint.metadata.uid) };
  }

  #stoppedBy(endpoint: WebhookEndpoint): EndpointView['stoppedBy'] {
    return stoppedBy(this.of(endpoint), this.#options.clock.now());
  }

  /** How many requests may be open at once now, as far as its attempts tell; those that are open were begun at `begun`. */
  allowed(endpoint: WebhookEndpoint, begun: readonly number[]): number {
    const { circuit, gone } = this.of(endpoint);
    return gone ? 0 : allowed(circuit, endpoint.spec.maxInFlight, begun, this.#options.clock.now());
  }

  /** How many circuits are open. */
  get openCircuits(): number {
    return this.#histories.values().reduce((count, { circuit }) => count + (isOpen(circuit) ? 1 : 0), 0);
  }

  forget(uid: UID): void {
    this.#histories.delete(uid);
    this.#renewals.delete(uid);
    this.#timers.get(uid)?.();
    this.#timers.delete(uid);
  }

  /** Ends what is scheduled. */
  stop(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #replace(endpoint: WebhookEndpoint, history: EndpointHistory): void {
    const before = this.#stoppedBy(endpoint);
    this.#set(endpoint, history);
    const after = this.#stoppedBy(endpoint);
    if (after === before) return;
    if (after) this.#options.onStop(endpoint);
    else this.#options.onRelease(endpoint);
  }

  #set(endpoint: WebhookEndpoint, history: EndpointHistory): void {
    const { uid } = endpoint.metadata;
    this.#histories.set(uid, history);
    this.#timers.get(uid)?.();
    this.#timers.delete(uid);
    this.#arm(endpoint, history);
  }

  #arm(endpoint: WebhookEndpoint, { circuit }: EndpointHistory): void {
    const { clock, onRelease } = this.#options;
    const { uid } = endpoint.metadata;
    const at = reopensAt(circuit, clock.now());
    if (at === undefined) return;
    const wake = () => {
      this.#timers.delete(uid);
      // A timer may come a moment before the wall clock's time: then nothing may go yet, and nobody would wake it again.
      if (reopensAt(circuit, clock.now()) === undefined) onRelease(endpoint);
      else this.#arm(endpoint, this.of(endpoint));
    };
    this.#timers.set(uid, clock.schedule(at - clock.now(), wake));
  }
}
