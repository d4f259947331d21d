import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatedTenant, type OperatedTenant } from '../support/operatedTenant.ts';
import type { Receiver } from '../support/receiver.ts';
import { conditionLines } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

let tenant: OperatedTenant;

beforeAll(async () => {
  tenant = await startOperatedTenant();
}, 120_000);

afterAll(() => tenant?.end());

const anEndpoint: OperatedTenant['addReceiver'] = (...given) => tenant.addReceiver(...given);

async function send(to: string, names: readonly string[]): Promise<void> {
  for (const name of names) await tenant.createEvent(name, aFlagUpdated(), labelled(to));
}

/** Retries so late that they don't come into the test. */
const NO_RETRY = { retry: { initialDelaySeconds: 600 } };
const webhookIds = ({ requests }: Receiver) => requests.map(({ headers }) => headers['webhook-id']);
const since = (receiver: Receiver, index: number) =>
  (receiver.requests[index]?.at ?? NaN) - (receiver.requests[index - 1]?.at ?? NaN);

async function deliveryIdOf(event: string): Promise<string | undefined> {
  return (await tenant.event(event)).status?.deliveries?.[0]?.deliveryID;
}

/** Makes five events fail one after the other, so that the circuit opens. */
async function breakCircuit(endpoint: string): Promise<void> {
  await send(
    endpoint,
    [1, 2, 3, 4, 5].map((index) => `${endpoint}-broken-${index}`),
  );
  await tenant.endpointReason(endpoint, 'CircuitOpen', 'Delivering');
}

test.concurrent('suspend holds deliveries, and false lets them go, oldest first', async () => {
  const receiver = await anEndpoint('suspended', () => 200, { suspend: true, maxInFlight: 1 });
  const { status } = await tenant.endpointReason('suspended', 'Suspended');
  expect(status).toBe('True');
  // Created within a second or two; what is of one second goes by its own time, then by name.
  const times = { c: 3, b: 2, a: 2, z: 1 };
  for (const [name, own] of Object.entries(times)) {
    const spec = aFlagUpdated({ timestamp: `2026-11-25T00:00:0${own}Z` });
    await tenant.createEvent(`held-${name}`, spec, labelled('suspended'));
  }
  for (const name of Object.keys(times)) {
    const held = await tenant.eventReason(`held-${name}`, 'Waiting');
    expect(conditionLines(held.conditions)).toEqual([
      'Succeeded Unknown Waiting',
      'Reconciling False Waiting',
      'Stalled False Waiting',
    ]);
    expect(held.deliveries).toMatchObject([{ state: 'Pending', reason: 'Suspended', attempts: 0 }]);
  }
  expect(receiver.requests).toEqual([]);

  await tenant.patchEndpoint('suspended', { spec: { suspend: false } });
  const held = await Promise.all(
    Object.entries(times).map(async ([name, own]) => {
      const { deliveries } = await tenant.eventReason(`held-${name}`, 'AllDelivered');
      expect(deliveries).toMatchObject([{ state: 'Succeeded', attempts: 1 }]);
      const { metadata } = await tenant.event(`held-${name}`);
      const created = Date.parse(metadata.creationTimestamp);
      return { created, own, name, id: deliveries?.[0]?.deliveryID };
    }),
  );
  held.sort((a, b) => a.created - b.created || a.own - b.own || (a.name < b.name ? -1 : 1));
  expect(webhookIds(receiver)).toEqual(held.map(({ id }) => id));
  await tenant.endpointReason('suspended', 'Ready');
});

test.concurrent(
  'five failures in a row open the circuit, a probe goes 5 s later, and its success lets the rest go',
  async () => {
    const receiver = await anEndpoint('flapping', (_, index) => (index < 5 ? 500 : 200), NO_RETRY);
    await breakCircuit('flapping');
    const open = await tenant.endpoint('flapping');
    expect(open.status?.consecutiveFailures).toBe(5);
    const retryAfter = Date.parse(open.status?.retryAfterTime ?? '');
    const opened = receiver.requests[4]?.at ?? NaN;
    expect(retryAfter - opened).toBeGreaterThanOrEqual(5000);
    expect(retryAfter - opened).toBeLessThan(6000);

    const waiting = ['flapping-a', 'flapping-b', 'flapping-c'];
    await send('flapping', waiting);
    for (const name of waiting) {
      const { deliveries } = await tenant.eventReason(name, 'Waiting');
      expect(deliveries).toMatchObject([{ reason: 'CircuitOpen', attempts: 0 }]);
    }
    for (const name of waiting) {
      const { deliveries } = await tenant.eventReason(name, 'AllDelivered');
      expect(deliveries).toMatchObject([{ attempts: 1 }]);
    }
    expect(receiver.requests).toHaveLength(8);
    // The probe is the delivery that has been due longest.
    expect(webhookIds(receiver)[5]).toBe(await deliveryIdOf('flapping-a'));
    expect(since(receiver, 5)).toBeGreaterThanOrEqual(5000);
    await tenant.endpointReason('flapping', 'Healthy', 'Delivering');
    const closed = await tenant.endpointStatus(
      'flapping',
      ({ retryAfterTime }) => retryAfterTime === undefined,
    );
    expect(closed.consecutiveFailures).toBe(0);
  },
  60_000,
);

test.concurrent(
  'a probe that fails is the only one, and the next one comes after 10 s',
  async () => {
    const receiver = await anEndpoint('dead', () => 500, NO_RETRY);
    await breakCircuit('dead');
    await send('dead', ['dead-a', 'dead-b', 'dead-c']);
    await waitUntil('a second probe', () => receiver.requests.length === 7, { timeoutMs: 20_000 });
    expect(since(receiver, 5)).toBeGreaterThanOrEqual(5000);
    expect(since(receiver, 6)).toBeGreaterThanOrEqual(10_000);
    expect(since(receiver, 6)).toBeLessThan(12_000);
    await tenant.eventReason('dead-c', 'Waiting');
    const { deliveries } = (await tenant.event('dead-c')).status ?? {};
    expect(deliveries).toMatchObject([{ attempts: 0, reason: 'CircuitOpen' }]);
  },
  60_000,
);

test.concurrent.each([400, 413, 415, 422])(
  '%d speaks of one event, and begins the row of failures anew',
  async (about) => {
    const name = `about-${about}`;
    const receiver = await anEndpoint(name, (_, index) => (index === 4 ? about : 500), NO_RETRY);
    for (let index = 0; index < 9; index += 1) {
      await tenant.createEvent(`${name}-${index}`, aFlagUpdated(), labelled(name));
      await waitUntil('an attempt', () => receiver.requests.length === index + 1);
    }
    const status = await tenant.endpointStatus(
      name,
      ({ recentDeliveries = [] }) => recentDeliveries.length === 9,
    );
    expect(status.consecutiveFailures).toBe(4);
    expect(conditionLines(status.conditions)).toContain('Delivering Unknown NoDeliveries');
  },
);

test.concurrent.each<[what: string, status: number, value: () => string]>([
  ['seconds', 429, () => '8'],
  ['seconds', 503, () => '8'],
  ['a date', 429, () => new Date(Date.now() + 9000).toUTCString()],
  ['a date', 503, () => new Date(Date.now() + 9000).toUTCString()],
])(
  'Retry-After in %s on a %d holds the whole endpoint until then',
  async (what, status, value) => {
    const name = `asked-${status}-${what.replace(' ', '-')}`;
    const receiver = await anEndpoint(
      name,
      (_, index) => (index === 0 ? { status, headers: { 'retry-after': value() } } : 200),
      { retry: { initialDelaySeconds: 1 } },
    );
    await send(name, [`${name}-first`]);
    const held = await tenant.endpointStatus(name, ({ retryAfterTime }) => retryAfterTime !== undefined);
    expect(conditionLines(held.conditions)).toContain('Delivering Unknown NoDeliveries');
    await send(name, [`${name}-other`]);
    const { deliveries } = await tenant.eventReason(`${name}-other`, 'Waiting');
    expect(deliveries).toMatchObject([{ reason: 'CircuitOpen', attempts: 0 }]);
    await tenant.eventReason(`${name}-other`, 'AllDelivered');
    const after = await tenant.eventReason(`${name}-first`, 'AllDelivered');
    expect(after.deliveries).toMatchObject([{ attempts: 2 }]);
    expect(receiver.requests[1]?.at).toBeGreaterThanOrEqual(Date.parse(held.retryAfterTime ?? ''));
    expect(since(receiver, 1)).toBeGreaterThan(7000);
    await tenant.endpointStatus(name, ({ retryAfterTime }) => retryAfterTime === undefined);
  },
  30_000,
);

test.concurrent.each(['-5', 'soon', '1.5', 'Wed, 21 Oct 2015 07:28:00 GMT', '0'])(
  'a Retry-After of %p is ignored',
  async (value) => {
    const name = `ignored-${Buffer.from(value).toString('hex').slice(0, 12)}`;
    const receiver = await anEndpoint(
      name,
      (_, index) => (index === 0 ? { status: 503, headers: { 'retry-after': value } } : 200),
      NO_RETRY,
    );
    await send(name, [`${name}-a`]);
    await tenant.deliveryReason(`${name}-a`, 'BadStatus');
    await send(name, [`${name}-b`]);
    await tenant.eventReason(`${name}-b`, 'AllDelivered');
    expect(receiver.requests).toHaveLength(2);
  },
);

test.concurrent(
  'a Retry-After is trusted for maxDelaySeconds, and a change of the spec ends it',
  async () => {
    const maxDelaySeconds = 60;
    const receiver = await anEndpoint(
      'clamped',
      (_, index) => (index === 0 ? { status: 429, headers: { 'retry-after': '999999999' } } : 200),
      { retry: { maxDelaySeconds, initialDelaySeconds: 30 } },
    );
    await send('clamped', ['clamped-a']);
    const held = await tenant.endpointStatus('clamped', ({ retryAfterTime }) => retryAfterTime !== undefined);
    const asked = Date.parse(held.retryAfterTime ?? '') - (receiver.requests[0]?.at ?? NaN);
    expect(asked).toBeGreaterThanOrEqual(maxDelaySeconds * 1000);
    expect(asked).toBeLessThan((maxDelaySeconds + 2) * 1000);
    await send('clamped', ['clamped-b']);
    await tenant.eventReason('clamped-b', 'Waiting');
    expect(receiver.requests).toHaveLength(1);
    await tenant.patchEndpoint('clamped', { spec: { maxInFlight: 3 } });
    await tenant.eventReason('clamped-b', 'AllDelivered');
    await tenant.endpointStatus('clamped', ({ retryAfterTime }) => retryAfterTime === undefined);
  },
);

test.concurrent.each<[what: string, change: (name: string) => Promise<void>]>([
  ['the spec', (name) => tenant.patchEndpoint(name, { spec: { timeoutSeconds: 7 } })],
  ["a Secret's content", (name) => tenant.updateSecret(name, { key: 'another' })],
])(
  'a change of %s closes the circuit, and makes what is pending due within 5 s',
  async (what, change) => {
    const name = what === 'the spec' ? 'by-spec' : 'by-secret';
    await tenant.createSecret(name, { key: 'one' });
    const signingKeys = [{ secretKeyRef: { name, key: 'key' } }];
    const receiver = await anEndpoint(name, (_, index) => (index < 6 ? 500 : 200), {
      ...NO_RETRY,
      signingKeys,
    });
    await breakCircuit(name);
    // The next probe is 10 s away.
    await send(name, [`${name}-probe`]);
    await waitUntil('the probe', () => receiver.requests.length === 6);
    await send(name, [`${name}-held`]);
    await tenant.eventReason(`${name}-held`, 'Waiting');
    const changedAt = Date.now();
    await change(name);
    await tenant.eventReason(`${name}-held`, 'AllDelivered');
    expect((receiver.requests[6]?.at ?? NaN) - changedAt).toBeLessThan(5000);
    for (const index of [1, 2, 3, 4, 5]) await tenant.eventReason(`${name}-broken-${index}`, 'AllDelivered');
    await tenant.eventReason(`${name}-probe`, 'AllDelivered');
    expect((receiver.requests.at(-1)?.at ?? NaN) - changedAt).toBeLessThan(7000);
    expect(receiver.requests).toHaveLength(13);
    await tenant.endpointReason(name, 'Healthy', 'Delivering');
  },
  30_000,
);

test.concurrent('an endpoint that fails costs a healthy one nothing', async () => {
  await anEndpoint('bad', () => 500, NO_RETRY);
  const healthy = await anEndpoint('good', () => 200);
  await tenant.patchEndpoint('bad', { spec: { match: matching('good') } });
  await tenant.endpointStatus('bad', ({ observedGeneration }) => observedGeneration === 2);
  const names = Array.from({ length: 20 }, (_, index) => `both-${index}`);
  await send('good', names);
  for (const name of names) {
    const { state, attempts } = await tenant.deliveryReason(name, 'Delivered', 'good');
    expect([state, attempts]).toEqual(['Succeeded', 1]);
  }
  expect(healthy.requests).toHaveLength(20);
  const bad = await tenant.endpointReason('bad', 'CircuitOpen', 'Delivering');
  expect(bad.status).toBe('False');
  const good = await tenant.endpointReason('good', 'Healthy', 'Delivering');
  expect(good.status).toBe('True');
});

test('a restart keeps an open circuit, and what the receiver has asked for', async () => {
  const dead = await anEndpoint('kept', () => 500, NO_RETRY);
  const asking = await anEndpoint(
    'asking',
    () => ({ status: 429, headers: { 'retry-after': '30' } }),
    NO_RETRY,
  );
  await breakCircuit('kept');
  await send('kept', ['kept-probe']);
  await waitUntil('the probe', () => dead.requests.length === 6);
  await send('asking', ['asking-first']);
  await tenant.endpointStatus('kept', ({ consecutiveFailures }) => consecutiveFailures === 6);
  await tenant.endpointStatus('asking', ({ retryAfterTime }) => retryAfterTime !== undefined);
  await send(
    'kept',
    Array.from({ length: 10 }, (_, index) => `kept-${index}`),
  );
  await send('asking', ['asking-second']);
  await tenant.eventReason('kept-9', 'Waiting');
  await tenant.eventReason('asking-second', 'Waiting');

  await tenant.kill();
  await tenant.restart();
  await waitUntil('the next probe', () => dead.requests.length === 7, { timeoutMs: 20_000 });
  expect(since(dead, 6)).toBeGreaterThanOrEqual(10_000);
  await tenant.endpointStatus('kept', ({ consecutiveFailures }) => consecutiveFailures === 7);
  expect(dead.requests).toHaveLength(7);
  expect(asking.requests).toHaveLength(1);
}, 90_000);
