import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

let operator: ProxiedOperator;

beforeAll(async () => {
  operator = await startProxiedOperator(await sharedControlPlane());
  await operator.warmUp();
}, 120_000);

afterEach(() => {
  operator.proxy.behave();
  operator.receiver.answerWith(() => 200);
});

afterAll(() => operator?.close());

/** So that each test's events go to its own endpoints only. */
function of(test: string) {
  const labels = { test };
  return { endpoint: { match: { selector: { matchLabels: labels } } }, event: { labels } };
}

function webhookIdsTo(name: string): unknown[] {
  return operator.receiver.requests
    .filter(({ path }) => path === `/${name}`)
    .map(({ headers }) => headers['webhook-id']);
}

const STATUS_WRITES = { verb: 'update', resource: 'flagevents', subresource: 'status' } as const;
const READS = { verb: 'get', resource: 'webhookendpoints' } as const;

test('killed between the first request and the first write, it makes the list anew and repeats itself', async () => {
  const { tenant, proxy, addEndpoint, requestsTo, kill, restart } = operator;
  const { endpoint, event } = of('unwritten');
  await addEndpoint('unwritten', endpoint);
  proxy.fault(STATUS_WRITES, 'hold');
  await tenant.createEvent('unwritten', undefined, event);
  await waitUntil('the request', () => requestsTo('unwritten') === 1);
  await waitUntil('the write', () => proxy.kept === 1);
  await kill();
  proxy.behave();
  await addEndpoint('came-since', endpoint).catch(() => {});
  await restart();

  const status = await tenant.eventReason('unwritten', 'AllDelivered');
  expect(status.deliveries).toMatchObject([
    { endpointName: 'came-since', attempts: 1 },
    { endpointName: 'unwritten', attempts: 1 },
  ]);
  expect(webhookIdsTo('unwritten')).toEqual(
    Array.from({ length: 2 }, () => status.deliveries?.[1]?.deliveryID),
  );
});

test('killed between attempts, it goes on with the next one when that is due', async () => {
  const { tenant, receiver, addEndpoint, requestsTo, restart } = operator;
  const { endpoint, event } = of('between');
  await addEndpoint('ended', endpoint);
  await addEndpoint('failing', { ...endpoint, retry: { initialDelaySeconds: 4, maxDelaySeconds: 4 } });
  receiver.answerWith(({ path }) => (path === '/failing' ? 503 : 200));
  await tenant.createEvent('between', undefined, event);
  const failed = await tenant.deliveryReason('between', 'BadStatus');
  await tenant.deliveryReason('between', 'Delivered', 'ended');
  receiver.answerWith(() => 200);
  await restart();

  const status = await tenant.eventReason('between', 'AllDelivered');
  const delivery = status.deliveries?.find(({ endpointName }) => endpointName === 'failing');
  expect(delivery).toMatchObject({
    attempts: 2,
    deliveryID: failed.deliveryID,
    firstAttemptTime: failed.firstAttemptTime,
    startTime: failed.startTime,
  });
  expect(Date.parse(delivery?.lastAttemptTime ?? '')).toBeGreaterThanOrEqual(
    Date.parse(failed.nextAttemptTime ?? ''),
  );
  expect([requestsTo('ended'), requestsTo('failing')]).toEqual([1, 2]);
});

test('killed in the middle of a later attempt, it repeats that one and no other', async () => {
  const { tenant, receiver, addEndpoint, requestsTo, restart } = operator;
  const { endpoint, event } = of('middle');
  await addEndpoint('middle', { ...endpoint, retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 } });
  receiver.answerWith(() => (requestsTo('middle') === 1 ? 500 : 'hang'));
  await tenant.createEvent('middle', undefined, event);
  await waitUntil('the second request', () => requestsTo('middle') === 2);
  await restart();
  receiver.answerWith(() => 200);

  const status = await tenant.eventReason('middle', 'AllDelivered', 20_000);
  const { attempts = 0, deliveryID } = status.deliveries?.[0] ?? {};
  // The attempt that was cut off was never recorded.
  expect(attempts).toBe(requestsTo('middle') - 1);
  expect(new Set(webhookIdsTo('middle'))).toEqual(new Set([deliveryID]));
});

test('what has ended before it was killed is not touched again', async () => {
  const { tenant, proxy, addEndpoint, receiver, restart } = operator;
  const { endpoint, event } = of('done');
  await addEndpoint('done', endpoint);
  await tenant.createEvent('done', undefined, event);
  await tenant.eventReason('done', 'AllDelivered');
  const ended = await tenant.event('done');
  const requests = receiver.requests.length;
  await restart();
  await tenant.createEvent('after', undefined, event);
  await tenant.eventReason('after', 'AllDelivered');

  expect(receiver.requests).toHaveLength(requests + 1);
  expect(proxy.count({ ...STATUS_WRITES, name: 'done' })).toBe(1);
  expect((await tenant.event('done')).metadata.resourceVersion).toBe(ended.metadata.resourceVersion);
});

test('an endpoint that the list lacks after a restart is read, and is still sent to', async () => {
  const { tenant, proxy, receiver, addEndpoint, requestsTo, restart } = operator;
  const { endpoint, event } = of('lacking');
  await addEndpoint('lacking', { ...endpoint, retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 } });
  receiver.answerWith(() => 500);
  await tenant.createEvent('lacking', undefined, event);
  await tenant.deliveryReason('lacking', 'BadStatus');
  proxy.hide('webhookendpoints', 'lacking');
  await restart();
  receiver.answerWith(() => 200);

  await tenant.eventReason('lacking', 'AllDelivered');
  expect(requestsTo('lacking')).toBeGreaterThanOrEqual(2);
  expect(proxy.count({ ...READS, name: 'lacking' })).toBe(1);
});

test('an endpoint that a new list lacks is read before its deliveries end', async () => {
  const { tenant, proxy, receiver, addEndpoint } = operator;
  const { endpoint, event } = of('relist');
  await addEndpoint('relist', { ...endpoint, retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 } });
  receiver.answerWith(() => 500);
  await tenant.createEvent('relist', undefined, event);
  await tenant.deliveryReason('relist', 'BadStatus');
  proxy.hide('webhookendpoints', 'relist');
  proxy.fault({ verb: 'watch', resource: 'webhookendpoints' }, { status: 410, reason: 'Expired' }, 1);
  proxy.closeWatches('webhookendpoints');
  await waitUntil('the read', () => proxy.count({ ...READS, name: 'relist' }) === 1);
  receiver.answerWith(() => 200);

  await tenant.eventReason('relist', 'AllDelivered');
});

test('a delivery to an endpoint that was deleted ends after a read', async () => {
  const { tenant, proxy, receiver, addEndpoint } = operator;
  const { endpoint, event } = of('deleted');
  await addEndpoint('deleted', endpoint);
  receiver.answerWith(() => 500);
  await tenant.createEvent('deleted', undefined, event);
  await tenant.deliveryReason('deleted', 'BadStatus');
  await tenant.delete('webhookendpoint', 'deleted');

  const status = await tenant.eventReason('deleted', 'Canceled');
  expect(status.deliveries).toMatchObject([{ state: 'Canceled', reason: 'EndpointDeleted', attempts: 1 }]);
  expect(proxy.count({ ...READS, name: 'deleted' })).toBe(1);
});
