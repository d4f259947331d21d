import type { EventType } from '../api/flagEvent.ts';
import type { UID } from '../api/objectMeta.ts';
import type { LastTest, TestResult, WebhookEndpoint } from '../api/webhookEndpoint.ts';
import { bodyOf } from '../delivery/body.ts';
import { timestamp } from '../delivery/conditions.ts';
import {
  hasSucceeded,
  isTooLong,
  pauseAfter,
  refusalOf,
  resultOf,
  TEST_ANNOTATION,
  TEST_HEADER,
  testId,
} from '../delivery/endpointTest.ts';
import { annotationNotice } from '../delivery/notices.ts';
import { sampleSpec } from '../delivery/sample.ts';
import { makeAttempt, type AttemptDependencies } from './attempts.ts';
import type { EndpointRegistry } from './endpointRegistry.ts';
import type { Histories } from './histories.ts';
import type { Lanes } from './lanes.ts';
import type { Notify } from './notify.ts';

export interface EndpointTestsOptions {
  readonly registry: Pick<EndpointRegistry, 'get' | 'view' | 'config'>;
  readonly histories: Pick<Histories, 'tested'>;
  readonly lanes: Pick<Lanes, 'offerTest' | 'cancel'>;
  readonly attempts: AttemptDependencies;
  readonly notify: Notify<WebhookEndpoint>;
  /** Has the endpoint reconciled. */
  readonly enqueue: (endpoint: WebhookEndpoint, afterMilliseconds?: number) => void;
  readonly failed: (endpoint: WebhookEndpoint, error: unknown) => void;
}

/** An endpoint that was tested, or told of a token that can't be one, by this process. */
interface Tested {
  /** When its last test began, in milliseconds since 1970. */
  begunAt?: number;
  isRunning: boolean;
  last?: LastTest;
  /** The ids of the requests that have not ended. */
  readonly open: Set<UID>;
  refusedToken?: string;
}

/**
 * The tests that annotations of endpoints ask for. A test goes through its endpoint's lane, ahead of deliveries, and counts
 * neither for its circuit nor as gone, unless all of it succeeds.
 */
export class EndpointTests {
  readonly #options: EndpointTestsOptions;
  readonly #tested = new Map<UID, Tested>();

  constructor(options: EndpointTestsOptions) {
    this.#options = options;
  }

  /** The endpoint's last test that has ended. */
  last({ metadata, status }: WebhookEndpoint): LastTest | undefined {
    return this.#tested.get(metadata.uid)?.last ?? status?.lastTest;
  }

  /** Begins a test where the annotation asks for one; to be called whenever the endpoint may have changed. */
  look(endpoint: WebhookEndpoint): void {
    const { attempts, enqueue } = this.#options;
    const token = endpoint.metadata.annotations?.[TEST_ANNOTATION];
    if (token === undefined) return;
    const tested = this.#of(endpoint.metadata.uid);
    if (isTooLong(token)) return this.#refuse(endpoint, tested, token);
    const last = this.last(endpoint);
    if (tested.isRunning || last?.token === token) return;
    const lastBegunAt = tested.begunAt ?? (last && Date.parse(last.time)) ?? -Infinity;
    const pause = pauseAfter(lastBegunAt, attempts.clock.now());
    if (pause > 0) return enqueue(endpoint, pause);
    void this.#test(endpoint, tested, token);
  }

  /** Ends what is under way for an endpoint that is gone. */
  forget(endpointUID: UID): void {
    const tested = this.#tested.get(endpointUID);
    this.#tested.delete(endpointUID);
    for (const id of tested?.open ?? []) this.#options.lanes.cancel(id, endpointUID);
  }

  #of(uid: UID): Tested {
    const tested = this.#tested.get(uid) ?? { isRunning: false, open: new Set() };
    this.#tested.set(uid, tested);
    return tested;
  }

  #refuse(endpoint: WebhookEndpoint, tested: Tested, token: string): void {
    if (tested.refusedToken === token) return;
    tested.refusedToken = token;
    this.#options.notify(endpoint, [
      annotationNotice('Test', TEST_ANNOTATION, 'is ignored, since its value has more than 63 characters'),
    ]);
  }

  /** Never rejects. Never ends where the endpoint is gone, or the process stops, before its turn. */
  async #test(endpoint: WebhookEndpoint, tested: Tested, token: string): Promise<void> {
    const { attempts, enqueue, histories, registry } = this.#options;
    const { clock } = attempts;
    const { uid } = endpoint.metadata;
    const begunAt = clock.now();
    Object.assign(tested, { begunAt, isRunning: true });
    const results = await Promise.all(
      endpoint.spec.eventTypes.map((type) => this.#queue(endpoint, tested, type, begunAt)),
    );
    tested.isRunning = false;
    if (this.#tested.get(uid) !== tested) return;
    const complete = results.filter((result) => result !== undefined);
    if (complete.length === results.length) {
      tested.last = { token, time: timestamp(begunAt), results: complete };
      const current = registry.get(uid);
      if (current && hasSucceeded(tested.last)) histories.tested(current, begunAt, clock.now());
    }
    enqueue(endpoint);
  }

  #queue(
    endpoint: WebhookEndpoint,
    { open }: Tested,
    type: EventType,
    begunAt: number,
  ): Promise<TestResult | undefined> {
    const { namespace, uid } = endpoint.metadata;
    const deliveryID = testId(uid, type, begunAt);
    // Unlike any event's.
    const id = deliveryID as UID;
    const { promise, resolve } = Promise.withResolvers<TestResult | undefined>();
    let result: TestResult | undefined;
    open.add(id);
    this.#options.lanes.offerTest({
      namespace,
      eventUID: id,
      endpointUID: uid,
      run: async (signal) => {
        result = await this.#send(uid, type, deliveryID, signal).catch((error: unknown) => {
          this.#options.failed(endpoint, error);
          return undefined;
        });
      },
      ended: () => {
        open.delete(id);
        resolve(result);
      },
    });
    return promise;
  }

  /** Nothing where it was aborted, or the endpoint is gone. */
  async #send(
    uid: UID,
    type: EventType,
    deliveryID: string,
    signal: AbortSignal,
  ): Promise<TestResult | undefined> {
    const { registry, attempts } = this.#options;
    const endpoint = registry.get(uid);
    const view = registry.view(uid);
    if (!endpoint || !view) return undefined;
    const refusal = refusalOf(type, view);
    if (refusal) return refusal;
    const config = registry.config(uid);
    if (!config) return undefined;
    const body = bodyOf(sampleSpec(type, attempts.clock.now()));
    const input = {
      endpoint,
      retry: () => endpoint.spec.retry,
      body,
      deliveryID,
      redeliveries: 0,
      attempt: 1,
      signal,
    };
    const headers = [TEST_HEADER, ...config.headers];
    const record = await makeAttempt({ ...input, config: { ...config, headers } }, attempts);
    return record && resultOf(type, record.outcome);
  }
}
