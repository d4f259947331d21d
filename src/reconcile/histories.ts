import type { UID } from '../api/objectMeta.ts';
import type { WebhookEndpoint } from '../api/webhookEndpoint.ts';
import type { AttemptRecord } from '../delivery/attemptRecord.ts';
import { afterChange, allowed, isHolding, reopensAt } from '../delivery/circuit.ts';
import { timestamp } from '../delivery/conditions.ts';
import { renewal, type Renewal } from '../delivery/due.ts';
import { historyOf, withAttempt, type EndpointHistory } from '../delivery/endpointHistory.ts';
import type { Clock } from '../runtime/clock.ts';

export interface HistoriesOptions {
  readonly clock: Clock;
  /** How many deliveries to the endpoint have not ended. */
  readonly pendingDeliveries: (uid: UID) => number;
  /** An endpoint began to hold its deliveries. */
  readonly onHold: (endpoint: WebhookEndpoint) => void;
  /** An endpoint holds its deliveries no longer, or lets a probe through. */
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

  /** Takes in an attempt. */
  add(endpoint: WebhookEndpoint, flagEvent: string, deliveryID: string, record: AttemptRecord): void {
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
    this.#replace(endpoint, withAttempt(this.of(endpoint), attempt, record));
  }

  /** Takes in that the endpoint has got another spec, or a Secret other content. */
  changed(endpoint: WebhookEndpoint, what: 'spec' | 'content'): void {
    const { clock, pendingDeliveries } = this.#options;
    const { metadata, spec } = endpoint;
    const history = this.of(endpoint);
    this.#renewals.set(metadata.uid, renewal(clock.now(), pendingDeliveries(metadata.uid), spec.maxInFlight));
    this.#replace(endpoint, { ...history, circuit: afterChange(history.circuit, what) });
  }

  /** What its attempts, and changes of it, mean for when its deliveries go. */
  pace(endpoint: WebhookEndpoint): { readonly holding: boolean; readonly renewal?: Renewal } {
    return { holding: this.isHolding(endpoint), renewal: this.#renewals.get(endpoint.metadata.uid) };
  }

  /** Whether deliveries wait for the circuit, or for what Retry-After has asked for. */
  isHolding(endpoint: WebhookEndpoint): boolean {
    return isHolding(this.of(endpoint).circuit, this.#options.clock.now());
  }

  /** How many requests may be open at once now, as far as the circuit is concerned. */
  allowed(endpoint: WebhookEndpoint): number {
    return allowed(this.of(endpoint).circuit, endpoint.spec.maxInFlight, this.#options.clock.now());
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
    const before = this.isHolding(endpoint);
    this.#set(endpoint, history);
    const after = this.isHolding(endpoint);
    if (after && !before) this.#options.onHold(endpoint);
    if (before && !after) this.#options.onRelease(endpoint);
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
