import { beforeEach, describe, expect, test } from '@jest/globals';
import type { LastTest, WebhookEndpoint, WebhookEndpointStatus } from '../../src/api/webhookEndpoint.ts';
import type { EndpointRegistry } from '../../src/reconcile/endpointRegistry.ts';
import { Histories } from '../../src/reconcile/histories.ts';
import { PendingDeliveries } from '../../src/reconcile/pendingDeliveries.ts';
import { WebhookEndpoints, type EndpointContext } from '../../src/reconcile/webhookEndpoints.ts';
import { ENDPOINT_WRITES, WriteBudget } from '../../src/reconcile/writeBudget.ts';
import { anAttempt } from '../support/anAttempt.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { anEndpoint, uid } from '../support/fixtures.ts';

type Resolution = ReturnType<EndpointRegistry['resolution']>;

const KEY = 'shop/flag-cache';
const USABLE: Resolution = {
  state: 'usable',
  config: {
    url: new URL('https://flag-cache.shop.svc'),
    host: 'flag-cache.shop.svc',
    signingKeys: [],
    headers: [],
  },
  notes: [],
};
const REFUSED: Resolution = {
  state: 'refused',
  refusal: { reason: 'SecretNotFound', message: 'is missing' },
};

let clock: FakeClock;
let stored: WebhookEndpoint | undefined;
let resolution: Resolution;
let writes: WebhookEndpointStatus[];
let fails: boolean;
let told: string[];
let histories: Histories;
let released: string[];
let budget: WriteBudget;
let turns: string[];
let pending: PendingDeliveries;
let lastTest: LastTest | undefined;
let redelivery: ReturnType<EndpointContext['redeliveries']['look']>;
let reconciler: WebhookEndpoints;

beforeEach(() => {
  clock = new FakeClock('2026-11-25T00:00:00Z');
  stored = anEndpoint();
  resolution = USABLE;
  writes = [];
  fails = false;
  told = [];
  released = [];
  redelivery = {};
  turns = [];
  histories = new Histories({
    clock,
    pendingDeliveries: () => 0,
    onStop: () => {},
    onRelease: ({ metadata }) => released.push(metadata.name),
  });
  pending = new PendingDeliveries();
  lastTest = undefined;
  budget = new WriteBudget({ ...ENDPOINT_WRITES, clock, queue: { add: (key) => turns.push(key) } });
  reconciler = new WebhookEndpoints({
    store: { get: (namespace, name) => (`${namespace}/${name}` === KEY ? stored : undefined) },
    replaceStatus: async (endpoint, status) => {
      if (fails) throw new Error('unavailable');
      writes.push(status);
      // As the API server gives it back.
      stored = { ...endpoint, status: JSON.parse(JSON.stringify(status)) as WebhookEndpointStatus };
    },
    registry: { resolution: () => resolution } as unknown as EndpointRegistry,
    histories,
    pending,
    tests: { look: () => {}, last: ({ status }) => lastTest ?? status?.lastTest, forget: () => {} },
    redeliveries: { look: () => redelivery, forget: () => {} },
    notify: ({ metadata }, notices) => {
      for (const { reason } of notices) told.push(`${metadata.name} ${reason}`);
    },
    budget,
    clock,
  });
});

const attempt = (statusCode = 200) => {
  if (stored) histories.add(stored, 'butter-bar', 'msg_1', anAttempt({ statusCode }));
};
const wait = (events: number) => {
  for (let index = 0; index < 3; index += 1) {
    pending.set(uid(`event-${index}`), `shop/${index}`, index < events ? [uid('uid-flag-cache')] : []);
  }
};

describe('an endpoint', () => {
  test('that is new gets all five conditions at once', async () => {
    expect(await reconciler.reconcile(KEY)).toEqual({});
    expect(writes).toHaveLength(1);
    expect(writes[0]?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
      'Ready True Ready',
      'SecretsResolved True Resolved',
      'Delivering Unknown NoDeliveries',
      'Reconciling False Ready',
      'Stalled False Ready',
    ]);
    expect(writes[0]).toMatchObject({
      observedGeneration: 1,
      host: 'flag-cache.shop.svc',
      pendingDeliveries: 0,
    });
  });

  test('is not written where nothing has changed', async () => {
    await reconciler.reconcile(KEY);
    await clock.advance(3_600_000);
    expect(await reconciler.reconcile(KEY)).toEqual({});
    expect(writes).toHaveLength(1);
  });

  test.each<[what: string, change: () => void]>([
    ['a condition', () => (resolution = REFUSED)],
    ['the first success', () => attempt(200)],
    [
      'a circuit that opens',
      () => {
        for (let index = 0; index < 5; index += 1) attempt(500);
      },
    ],
    [
      'the generation',
      () =>
        (stored = stored && { ...stored, metadata: anEndpoint({ metadata: { generation: 2 } }).metadata }),
    ],
  ])('is written at once for %s', async (_what, change) => {
    await reconciler.reconcile(KEY);
    await clock.advance(1);
    change();
    expect(await reconciler.reconcile(KEY)).toEqual({});
    expect(writes).toHaveLength(2);
  });

  test.each<[what: string, change: () => void]>([
    ['a failure', () => attempt(500)],
    ['a pending delivery', () => wait(1)],
  ])('is written for %s 5 s after the last time', async (_what, change) => {
    await reconciler.reconcile(KEY);
    await clock.advance(1000);
    change();
    expect(await reconciler.reconcile(KEY)).toEqual({ requeueAfterMilliseconds: 4000 });
    await clock.advance(3999);
    expect(await reconciler.reconcile(KEY)).toEqual({ requeueAfterMilliseconds: 1 });
    expect(writes).toHaveLength(1);
    await clock.advance(1);
    expect(await reconciler.reconcile(KEY)).toEqual({});
    expect(writes).toHaveLength(2);
  });

  test('is written for a test that has ended', async () => {
    await reconciler.reconcile(KEY);
    await clock.advance(5000);
    lastTest = { token: '1', time: '2026-11-25T00:00:00.000Z', results: [] };
    await reconciler.reconcile(KEY);
    expect(writes.at(-1)).toMatchObject({ lastTest });
    lastTest = undefined;
    await clock.advance(5000);
    expect(await reconciler.reconcile(KEY)).toEqual({});
    expect(writes).toHaveLength(2);
  });

  test('says how long its counters have to wait', async () => {
    const endpoint = anEndpoint();
    expect(reconciler.pause(endpoint)).toBe(0);
    await reconciler.reconcile(KEY);
    await clock.advance(1000);
    expect(reconciler.pause(endpoint)).toBe(4000);
    await clock.advance(60_000);
    expect(reconciler.pause(endpoint)).toBe(0);
  });

  test('is written for a redelivery 5 s after the last time, and tells of a value that is no time once', async () => {
    await reconciler.reconcile(KEY);
    redelivery = { lastHandledRedeliverSince: 'yesterday' };
    expect(await reconciler.reconcile(KEY)).toEqual({ requeueAfterMilliseconds: 5000 });
    await clock.advance(5000);
    await reconciler.reconcile(KEY);
    await clock.advance(5000);
    await reconciler.reconcile(KEY);
    expect(writes.slice(1)).toMatchObject([redelivery]);
    expect(told).toEqual(['flag-cache InvalidAnnotation']);
  });

  test('is written at most once in 5 s while deliveries go on, and the last state always comes', async () => {
    await reconciler.reconcile(KEY);
    for (let index = 0; index < 100; index += 1) {
      attempt(500);
      await reconciler.reconcile(KEY);
      await clock.advance(200);
    }
    expect(writes.length).toBeLessThanOrEqual(5);
    await clock.advance(5000);
    await reconciler.reconcile(KEY);
    expect(writes.at(-1)?.consecutiveFailures).toBe(100);
  });

  test('loses its retryAfterTime soon after that has passed', async () => {
    await reconciler.reconcile(KEY);
    await clock.advance(5000);
    const endedAt = clock.now();
    const record = anAttempt({ statusCode: 429, startedAt: endedAt, endedAt, heldUntil: endedAt + 2000 });
    histories.add(anEndpoint(), 'butter-bar', 'msg_1', record);
    await reconciler.reconcile(KEY);
    expect(writes.at(-1)?.retryAfterTime).toBe('2026-11-25T00:00:07.000Z');
    await clock.advance(2000);
    expect(released).toEqual(['flag-cache']);
    expect(await reconciler.reconcile(KEY)).toEqual({ requeueAfterMilliseconds: 3000 });
    await clock.advance(3000);
    await reconciler.reconcile(KEY);
    expect(writes.at(-1)).not.toHaveProperty('retryAfterTime', expect.anything());
    expect(writes).toHaveLength(3);
  });

  test('waits while others have cost what statuses of endpoints may cost; then its last state comes', async () => {
    budget.take({ key: 'shop/others', bytes: 15 * ENDPOINT_WRITES.bytesPerSecond, priority: 'normal' });
    expect(await reconciler.reconcile(KEY)).toEqual({});
    attempt(200);
    attempt(500);
    expect(await reconciler.reconcile(KEY)).toEqual({});
    await clock.advance(9000);
    expect([writes, turns]).toEqual([[], []]);
    await clock.advance(1000);
    expect(turns).toEqual([KEY]);
    await reconciler.reconcile(KEY);
    expect(writes).toEqual([expect.objectContaining({ consecutiveFailures: 1 })]);
  });

  test('whose status is again as it was written waits for nothing', async () => {
    await reconciler.reconcile(KEY);
    await clock.advance(5000);
    wait(1);
    budget.take({ key: 'shop/others', bytes: 15 * ENDPOINT_WRITES.bytesPerSecond, priority: 'normal' });
    await reconciler.reconcile(KEY);
    wait(0);
    await reconciler.reconcile(KEY);
    await clock.advance(20_000);
    expect(turns).toEqual([]);
  });

  test('that is gone waits for nothing', async () => {
    budget.take({ key: 'shop/others', bytes: 15 * ENDPOINT_WRITES.bytesPerSecond, priority: 'normal' });
    await reconciler.reconcile(KEY);
    reconciler.forget(anEndpoint());
    await clock.advance(10_000);
    expect(turns).toEqual([]);
  });

  test('is not held up by a wall clock that was set back', async () => {
    await reconciler.reconcile(KEY);
    clock.adjustWall(-3_600_000);
    await clock.advance(5000);
    attempt(500);
    expect(await reconciler.reconcile(KEY)).toEqual({});
    expect(writes).toHaveLength(2);
  });

  test('whose write fails is written when it is tried again', async () => {
    fails = true;
    await expect(reconciler.reconcile(KEY)).rejects.toThrow('unavailable');
    fails = false;
    expect(await reconciler.reconcile(KEY)).toEqual({});
    expect(writes).toHaveLength(1);
  });

  test('is told of once its status is written', async () => {
    resolution = REFUSED;
    fails = true;
    await expect(reconciler.reconcile(KEY)).rejects.toThrow('unavailable');
    expect(told).toEqual([]);
    fails = false;
    await reconciler.reconcile(KEY);
    expect(told).toEqual(['flag-cache SecretNotFound']);
    resolution = USABLE;
    await reconciler.reconcile(KEY);
    expect(told).toEqual(['flag-cache SecretNotFound', 'flag-cache Ready']);
  });

  test('whose circuit opens and closes is told of', async () => {
    for (const statusCode of [200, 500, 500, 500, 500, 500, 200]) {
      attempt(statusCode);
      await reconciler.reconcile(KEY);
    }
    expect(told).toEqual(['flag-cache CircuitOpen', 'flag-cache CircuitClosed']);
  });

  test.each<[what: string, prepare: () => void]>([
    ['that the store does not have', () => (stored = undefined)],
    [
      'that is being deleted',
      () => (stored = anEndpoint({ metadata: { deletionTimestamp: '2026-11-25T00:00:00Z' } })),
    ],
    ['whose references were not read yet', () => (resolution = { state: 'unknown' })],
    ['that the registry does not know yet', () => (resolution = undefined)],
  ])('%s is left alone', async (_what, prepare) => {
    prepare();
    expect(await reconciler.reconcile(KEY)).toEqual({});
    expect(writes).toEqual([]);
  });

  test('that is gone is forgotten, its history too', async () => {
    await reconciler.reconcile(KEY);
    attempt(500);
    reconciler.forget(anEndpoint());
    expect(histories.of(anEndpoint()).recentDeliveries).toEqual([]);
  });
});
