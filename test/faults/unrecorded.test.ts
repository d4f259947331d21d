import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { matches } from '../support/apiCall.ts';
import { nothingFor } from '../support/nothingFor.ts';
import { onlyFor } from '../support/onlyFor.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

let operator: ProxiedOperator;

beforeAll(async () => {
  operator = await startProxiedOperator(await sharedControlPlane());
}, 120_000);

afterEach(() => {
  operator.proxy.behave();
  operator.receiver.answerWith(() => 200);
});

afterAll(() => operator?.close());

const STATUS_WRITES = { verb: 'update', resource: 'flagevents', subresource: 'status' } as const;
const UNAVAILABLE = { status: 503, reason: 'ServiceUnavailable' };

// The first in this file: no write has succeeded since the start.
test('the plan of the first event after the start is written before its first request', async () => {
  const { tenant, proxy, addEndpoint, requestsTo } = operator;
  await addEndpoint('all');
  const letWrite = proxy.fault(STATUS_WRITES, 'hold');
  await tenant.createEvent('first');
  await waitUntil('the plan', () => proxy.count(STATUS_WRITES) === 1);
  await nothingFor(500, () => requestsTo('all'));
  expect(requestsTo('all')).toBe(0);

  letWrite();
  await tenant.eventReason('first', 'AllDelivered');
  expect(requestsTo('all')).toBe(1);
});

test.each([
  ['the API server is away', UNAVAILABLE],
  ['etcd has no space left', { status: 500, message: 'etcdserver: mvcc: database space exceeded' }],
])('while %s new events are not sent, and all goes on soon once writes succeed', async (_, refusal) => {
  const named = (name: string) => `${name}-${refusal.status}`;
  const { tenant, proxy, receiver, requestsTo } = operator;
  const before = requestsTo('all');
  const endFailure = proxy.fault(STATUS_WRITES, refusal);
  // Neither outcome may be known, so that no write fails, before both have been sent.
  const bothSent = Promise.withResolvers<number>();
  receiver.answerWith(() => bothSent.promise);
  await tenant.createEvent(named('sent-1'));
  await tenant.createEvent(named('sent-2'));
  await waitUntil('both requests', () => requestsTo('all') === before + 2);
  bothSent.resolve(200);
  await waitUntil('a failed write', () => proxy.count({ ...STATUS_WRITES, name: named('sent-1') }) > 0);
  for (const name of ['waits-1', 'waits-2', 'waits-3']) await tenant.createEvent(named(name));
  await waitUntil('their plans', () => proxy.count({ ...STATUS_WRITES, name: named('waits-3') }) > 1);
  await nothingFor(1000, () => requestsTo('all'));
  expect(requestsTo('all')).toBe(before + 2);

  endFailure();
  // The steps of the backoff were 0.5, 1 and 2 s: all that failed together shared them.
  for (const name of ['sent-1', 'sent-2', 'waits-1', 'waits-2', 'waits-3']) {
    const status = await tenant.eventReason(named(name), 'AllDelivered', 5000);
    expect(status.deliveries).toMatchObject([{ attempts: 1 }]);
  }
  expect(requestsTo('all')).toBe(before + 5);
});

test('one write that succeeds has every other one tried at once', async () => {
  const { tenant, proxy, requestsTo } = operator;
  const before = requestsTo('all');
  proxy.fault({ ...STATUS_WRITES, name: 'backs-off' }, UNAVAILABLE, 4);
  await tenant.createEvent('backs-off');
  await waitUntil('four failures', () => proxy.count({ ...STATUS_WRITES, name: 'backs-off' }) === 4);

  await tenant.createEvent('succeeds');
  await tenant.eventReason('succeeds', 'AllDelivered');
  const status = await tenant.eventReason('backs-off', 'AllDelivered');

  const [failed, next] = proxy.calls
    .filter((call) => matches(call, { ...STATUS_WRITES, name: 'backs-off' }))
    .slice(3)
    .map(({ at }) => at);
  // The backoff's fourth step is 4 s.
  expect((next ?? Infinity) - (failed ?? 0)).toBeLessThan(3900);
  expect(status.deliveries).toMatchObject([{ attempts: 1 }]);
  expect(requestsTo('all')).toBe(before + 2);
});

test('an attempt that failed while nothing could be recorded is not repeated before it was recorded', async () => {
  const { tenant, proxy, receiver, addEndpoint, requestsTo } = operator;
  const retry = { initialDelaySeconds: 1, maxDelaySeconds: 1 };
  const { endpoint, event } = onlyFor('failing');
  await addEndpoint('failing', { ...endpoint, retry });
  receiver.answerWith(({ path }) => (path === '/failing' ? 500 : 200));
  const endFailure = proxy.fault(STATUS_WRITES, UNAVAILABLE);
  await tenant.createEvent('failing', undefined, event);
  await waitUntil('the request', () => requestsTo('failing') === 1);
  await nothingFor(2500, () => requestsTo('failing'));

  receiver.answerWith(() => 200);
  endFailure();
  const status = await tenant.eventReason('failing', 'AllDelivered');

  const { attempts } = status.deliveries?.find(({ endpointName }) => endpointName === 'failing') ?? {};
  expect(attempts).toBe(2);
  expect(requestsTo('failing')).toBe(2);
});

test('where the API server asks for patience no write is tried before', async () => {
  const { tenant, proxy } = operator;
  const busy = { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 3 };
  proxy.fault({ ...STATUS_WRITES, name: 'patient' }, busy, 1);
  await tenant.createEvent('patient');
  await tenant.eventReason('patient', 'AllDelivered');
  const [refused, next] = proxy.calls
    .filter((call) => matches(call, { ...STATUS_WRITES, name: 'patient' }))
    .map(({ at }) => at);
  expect((next ?? 0) - (refused ?? 0)).toBeGreaterThanOrEqual(2990);
});
