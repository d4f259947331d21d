import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Delivery, FlagEvent } from '../../src/api/flagEvent.ts';
import { onlyFor } from '../support/onlyFor.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

let operator: ProxiedOperator;

beforeAll(async () => {
  operator = await startProxiedOperator(await sharedControlPlane());
  await operator.warmUp();
}, 120_000);

afterAll(() => operator?.close());

function webhookIdsTo(name: string): unknown[] {
  return operator.receiver.requests
    .filter(({ path }) => path === `/${name}`)
    .map(({ headers }) => headers['webhook-id']);
}

const STATUS_WRITES = { verb: 'update', resource: 'flagevents', subresource: 'status' } as const;
const READS = { verb: 'get', resource: 'webhookendpoints' } as const;

const QUICK_RETRIES = { retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 } };

describe('killed and started again', () => {
  let failed: Delivery;
  let done: FlagEvent;

  beforeAll(async () => {
    const { tenant, proxy, receiver, addEndpoint, requestsTo, kill, restart } = operator;
    const send = (name: string) => tenant.createEvent(name, undefined, onlyFor(name).event);
    await addEndpoint('unwritten', onlyFor('unwritten').endpoint);
    await addEndpoint('ended', onlyFor('between').endpoint);
    await addEndpoint('failing', {
      ...onlyFor('between').endpoint,
      retry: { initialDelaySeconds: 5, maxDelaySeconds: 5 },
    });
    await addEndpoint('middle', { ...onlyFor('middle').endpoint, ...QUICK_RETRIES });
    await addEndpoint('lacking', { ...onlyFor('lacking').endpoint, ...QUICK_RETRIES });
    await addEndpoint('done', onlyFor('done').endpoint);
    receiver.answerWith(({ path }) => {
      if (path === '/middle') return requestsTo('middle') === 1 ? 500 : 'hang';
      return path === '/failing' || path === '/lacking' ? 500 : 200;
    });

    await send('done');
    await tenant.eventReason('done', 'AllDelivered');
    done = await tenant.event('done');
    await send('lacking');
    await send('middle');
    await tenant.deliveryReason('lacking', 'BadStatus');
    await waitUntil('the second request', () => requestsTo('middle') === 2);
    await send('between');
    failed = await tenant.deliveryReason('between', 'BadStatus');
    await tenant.deliveryReason('between', 'Delivered', 'ended');
    proxy.fault({ ...STATUS_WRITES, name: 'unwritten' }, 'hold');
    await send('unwritten');
    await waitUntil('the request', () => requestsTo('unwritten') === 1);
    await waitUntil('the write', () => proxy.kept === 1);

    await kill();
    proxy.behave();
    receiver.answerWith(() => 200);
    await tenant.createEndpoint('came-since', {
      url: `${receiver.origin}/came-since`,
      ...onlyFor('unwritten').endpoint,
    });
    proxy.hide('webhookendpoints', 'lacking');
    await restart();
  }, 60_000);

  test('between the first request and the first write, it makes the list anew and repeats itself', async () => {
    const status = await operator.tenant.eventReason('unwritten', 'AllDelivered');
    expect(status.deliveries).toMatchObject([
      { endpointName: 'came-since', attempts: 1 },
      { endpointName: 'unwritten', attempts: 1 },
    ]);
    const { deliveryID } = status.deliveries?.[1] ?? {};
    expect(webhookIdsTo('unwritten')).toEqual([deliveryID, deliveryID]);
  });

  test('between attempts, it goes on with the next one when that is due', async () => {
    const { tenant, requestsTo } = operator;
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

  test('in the middle of an attempt, it repeats that one, which was not recorded', async () => {
    const status = await operator.tenant.eventReason('middle', 'AllDelivered');
    const { deliveryID } = status.deliveries?.[0] ?? {};
    expect(status.deliveries).toMatchObject([{ attempts: 2 }]);
    expect(webhookIdsTo('middle')).toEqual([deliveryID, deliveryID, deliveryID]);
  });

  test('after the end of an event, it does not touch it again', async () => {
    const { tenant, proxy, requestsTo } = operator;
    await tenant.createEvent('after', undefined, onlyFor('done').event);
    await tenant.eventReason('after', 'AllDelivered');
    expect(requestsTo('done')).toBe(2);
    expect(proxy.count({ ...STATUS_WRITES, name: 'done' })).toBe(1);
    expect((await tenant.event('done')).metadata.resourceVersion).toBe(done.metadata.resourceVersion);
  });

  test('it reads an endpoint that its list lacks, and still sends to it', async () => {
    const { tenant, proxy } = operator;
    await tenant.eventReason('lacking', 'AllDelivered');
    // A fence whose answer comes first reads it too.
    expect(proxy.count({ ...READS, name: 'lacking' })).toBeGreaterThan(0);
  });
});

test('an endpoint that a new list lacks is read before its deliveries end', async () => {
  const { tenant, proxy, receiver, addEndpoint } = operator;
  const { endpoint, event } = onlyFor('relist');
  await addEndpoint('relist', { ...endpoint, ...QUICK_RETRIES });
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
  const { endpoint, event } = onlyFor('deleted');
  await addEndpoint('deleted', endpoint);
  receiver.answerWith(() => 500);
  await tenant.createEvent('deleted', undefined, event);
  await tenant.deliveryReason('deleted', 'BadStatus');
  await tenant.delete('webhookendpoint', 'deleted');

  const status = await tenant.eventReason('deleted', 'Canceled');
  expect(status.deliveries).toMatchObject([{ state: 'Canceled', reason: 'EndpointDeleted', attempts: 1 }]);
  expect(proxy.count({ ...READS, name: 'deleted' })).toBe(1);
});
