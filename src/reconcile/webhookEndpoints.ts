import { isDeepStrictEqual } from 'node:util';
import type { UID } from '../api/objectMeta.ts';
import type { WebhookEndpoint, WebhookEndpointStatus } from '../api/webhookEndpoint.ts';
import { sameItems } from '../delivery/conditions.ts';
import { endpointStatus } from '../delivery/endpointStatus.ts';
import { endpointNotices } from '../delivery/notices.ts';
import { storedSize } from '../delivery/storedSize.ts';
import type { Clock } from '../runtime/clock.ts';
import { keyOf, splitKey, type ReconcileResult } from './context.ts';
import type { EndpointRegistry } from './endpointRegistry.ts';
import type { EndpointRedeliveries } from './endpointRedeliveries.ts';
import type { EndpointTests } from './endpointTests.ts';
import type { Histories } from './histories.ts';
import type { Notify } from './notify.ts';
import type { PendingDeliveries } from './pendingDeliveries.ts';
import type { WriteBudget } from './writeBudget.ts';

export interface EndpointContext {
  readonly store: { readonly get: (namespace: string, name: string) => WebhookEndpoint | undefined };
  /** Writes the status and, once that is acknowledged, shows it to the store. */
  readonly replaceStatus: (endpoint: WebhookEndpoint, status: WebhookEndpointStatus) => Promise<unknown>;
  readonly registry: EndpointRegistry;
  readonly histories: Histories;
  readonly pending: PendingDeliveries;
  readonly tests: Pick<EndpointTests, 'look' | 'last' | 'forget'>;
  readonly redeliveries: Pick<EndpointRedeliveries, 'look' | 'forget'>;
  readonly notify: Notify<WebhookEndpoint>;
  readonly budget: WriteBudget;
  readonly clock: Clock;
}

// While deliveries go on, an endpoint's status is written at most this often.
const PAUSE_BETWEEN_WRITES_MILLISECONDS = 5000;

/** The reconciler of WebhookEndpoints: writes what is known of each to its status, seldom. */
export class WebhookEndpoints {
  readonly #context: EndpointContext;
  /** When each was written last, monotonic. */
  readonly #writtenAt = new Map<UID, number>();

  constructor(context: EndpointContext) {
    this.#context = context;
  }

  async reconcile(key: string): Promise<ReconcileResult> {
    const { store, registry, histories, pending, tests, redeliveries, budget, clock, replaceStatus, notify } =
      this.#context;
    const endpoint = store.get(...splitKey(key));
    if (!endpoint || endpoint.metadata.deletionTimestamp !== undefined) return {};
    const { uid } = endpoint.metadata;
    const resolution = registry.resolution(uid);
    // What it references is being read for the first time; the answer brings it back.
    if (!resolution || resolution.state === 'unknown') return {};
    tests.look(endpoint);
    const history = histories.of(endpoint);
    const status = {
      ...endpointStatus(endpoint, resolution, history, pending.count(uid), clock.now()),
      lastTest: tests.last(endpoint),
      ...redeliveries.look(endpoint),
    };
    const pause = this.pause(endpoint);
    const urgent = isUrgent(endpoint.status, status);
    if (!urgent) {
      // Compared only once it may be written.
      if (pause > 0) return { requeueAfterMilliseconds: pause };
      if (isDeepStrictEqual(asStored(endpoint.status), asStored(status))) {
        budget.forget(key);
        return {};
      }
    }
    const bytes = storedSize({ ...endpoint, status });
    if (!budget.take({ key, bytes, priority: urgent ? 'first' : 'normal' })) return {};
    await replaceStatus(endpoint, status);
    notify(endpoint, endpointNotices(endpoint.status, status));
    this.#writtenAt.set(uid, clock.monotonic());
    return {};
  }

  /** In how many milliseconds an endpoint of which only counters and times have changed is to be reconciled. */
  pause({ metadata }: WebhookEndpoint): number {
    const writtenAt = this.#writtenAt.get(metadata.uid) ?? -Infinity;
    return Math.max(0, writtenAt + PAUSE_BETWEEN_WRITES_MILLISECONDS - this.#context.clock.monotonic());
  }

  forget({ metadata }: WebhookEndpoint): void {
    this.#writtenAt.delete(metadata.uid);
    this.#context.budget.forget(keyOf(metadata));
    this.#context.histories.forget(metadata.uid);
    this.#context.tests.forget(metadata.uid);
    this.#context.redeliveries.forget(metadata.uid);
  }
}

/** Whether a condition or the generation changes, and not only counters and times. */
function isUrgent(before: WebhookEndpointStatus | undefined, now: WebhookEndpointStatus): boolean {
  const sameConditions = sameItems(before?.conditions ?? [], now.conditions ?? []);
  return !sameConditions || before?.observedGeneration !== now.observedGeneration;
}

/** As the API server gives it back: without what is undefined. */
function asStored(status: WebhookEndpointStatus | undefined): unknown {
  return JSON.parse(JSON.stringify(status ?? {}));
}
