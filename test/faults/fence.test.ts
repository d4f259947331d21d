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
  await operator.warmUp();
}, 120_000);

afterEach(() => operator.proxy.behave());

afterAll(() => operator?.close());

const LISTS = { verb: 'list', resource: 'webhookendpoints' } as const;
const WATCHES = { verb: 'watch', resource: 'webhookendpoints' } as const;

test.each([
  ['fails', { status: 500, reason: 'InternalError' }],
  ['is refused', { status: 403, reason: 'Forbidden' }],
])('while the list of endpoints %s an event waits, and is taken up later', async (how, refusal) => {
  const { tenant, proxy, receiver, addEndpoint, requestsTo } = operator;
  const [seen, unseen] = [`seen-${refusal.status}`, `unseen-${refusal.status}`];
  const { endpoint, event } = onlyFor(how.replaceAll(' ', '-'));
  await addEndpoint(seen, endpoint);
  const endFailure = proxy.fault(LISTS, refusal);
  proxy.holdWatches('webhookendpoints');
  await tenant.createEndpoint(unseen, { url: `${receiver.origin}/${unseen}`, ...endpoint });
  const lists = proxy.count(LISTS);
  await tenant.createEvent(seen, undefined, event);
  await waitUntil('three lists', () => proxy.count(LISTS) >= lists + 3);

  // What is known was sent to at once; which endpoints there are besides nobody could say.
  expect([requestsTo(seen), requestsTo(unseen)]).toEqual([1, 0]);
  expect((await tenant.event(seen)).status?.deliveries).toBeUndefined();

  endFailure();
  const status = await tenant.eventReason(seen, 'AllDelivered');
  expect(status.delivered).toBe('2/2');
  expect([requestsTo(seen), requestsTo(unseen)]).toEqual([1, 1]);
});

test('while the watch of endpoints is broken nothing is sent before the list has come', async () => {
  const { tenant, proxy, addEndpoint, requestsTo } = operator;
  const { endpoint, event } = onlyFor('broken');
  await addEndpoint('broken', endpoint);
  const watches = proxy.count(WATCHES);
  proxy.fault(WATCHES, { status: 500, reason: 'InternalError' });
  const letFence = proxy.fault(LISTS, 'hold');
  proxy.closeWatches('webhookendpoints');
  await waitUntil('the watch to fail', () => proxy.count(WATCHES) > watches);

  await tenant.createEvent('broken', undefined, event);
  await waitUntil('the list', () => proxy.kept === 1);
  await nothingFor(500, () => requestsTo('broken'));
  expect(requestsTo('broken')).toBe(0);

  letFence();
  await tenant.eventReason('broken', 'AllDelivered');
  expect(requestsTo('broken')).toBe(1);
});

test('a watch that is too old begins anew with a list', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { endpoint, event } = onlyFor('expired');
  proxy.holdWatches('webhookendpoints');
  await tenant.createEndpoint('expired', { url: `${receiver.origin}/expired`, ...endpoint });
  proxy.fault(WATCHES, { status: 410, reason: 'Expired' }, 1);
  const watches = proxy.count(WATCHES);
  proxy.closeWatches('webhookendpoints');
  await waitUntil('the watch to begin anew', () => proxy.count(WATCHES) >= watches + 2);
  const [refused, anew] = proxy.calls.filter((call) => matches(call, WATCHES)).slice(watches);
  proxy.behave();

  expect(refused?.url).toContain('resourceVersion=');
  expect(anew?.url).toContain('sendInitialEvents=true');
  await tenant.endpointReason('expired', 'Ready');
  await tenant.createEvent('expired', undefined, event);
  await tenant.eventReason('expired', 'AllDelivered');
  expect(requestsTo('expired')).toBe(1);
});
