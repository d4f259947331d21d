import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Answer } from '../support/receiver.ts';
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

afterEach(() => {
  operator.proxy.behave();
  operator.receiver.answerWith(() => 200);
});

afterAll(() => operator?.close());

test('an endpoint that was created before the event gets it although the watch has not shown it', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { endpoint, event } = onlyFor('created');
  proxy.holdWatches('webhookendpoints');
  await tenant.createEndpoint('unseen', { url: `${receiver.origin}/unseen`, ...endpoint });

  await tenant.createEvent('created', undefined, event);
  const status = await tenant.eventReason('created', 'AllDelivered');

  expect(status.deliveries).toMatchObject([{ endpointName: 'unseen', state: 'Succeeded', attempts: 1 }]);
  expect(requestsTo('unseen')).toBe(1);
});

test('an endpoint that the watch has not shown is sent to beside one that it has', async () => {
  const { tenant, proxy, receiver, addEndpoint, requestsTo } = operator;
  const { endpoint, event } = onlyFor('beside');
  await addEndpoint('seen', endpoint);
  proxy.holdWatches('webhookendpoints');
  await tenant.createEndpoint('unseen-beside', { url: `${receiver.origin}/unseen-beside`, ...endpoint });

  await tenant.createEvent('beside', undefined, event);
  const status = await tenant.eventReason('beside', 'AllDelivered');

  expect(status.deliveries).toMatchObject([{ endpointName: 'seen' }, { endpointName: 'unseen-beside' }]);
  expect([requestsTo('seen'), requestsTo('unseen-beside')]).toEqual([1, 1]);
});

test('what went to an endpoint that had been deleted before the event is recorded as Canceled', async () => {
  const { tenant, proxy, addEndpoint, requestsTo } = operator;
  const { endpoint, event } = onlyFor('deleted');
  await addEndpoint('deleted', endpoint);
  proxy.holdWatches('webhookendpoints');
  // The fence comes after the request, as it does where the API server is slow.
  const letFence = proxy.fault({ verb: 'list', resource: 'webhookendpoints' }, 'hold');
  await tenant.delete('webhookendpoint', 'deleted');

  await tenant.createEvent('deleted', undefined, event);
  await waitUntil('the request', () => requestsTo('deleted') === 1);
  letFence();
  const status = await tenant.eventReason('deleted', 'Canceled');

  expect(status.deliveries).toMatchObject([
    { endpointName: 'deleted', state: 'Canceled', reason: 'EndpointDeleted' },
  ]);
  expect(requestsTo('deleted')).toBe(1);
  // Its own status, which could not be written any more, is nothing to speak of.
  const writes = { verb: 'update', resource: 'webhookendpoints', name: 'deleted' } as const;
  await waitUntil('the write of its status', () => proxy.count(writes) >= 2);
  expect(operator.process.log.filter(({ key }) => String(key).endsWith('/deleted'))).toEqual([]);
});

test('an endpoint that had been deleted is not listed where nothing was sent to it yet', async () => {
  const { tenant, proxy, receiver, addEndpoint, requestsTo } = operator;
  const { endpoint, event } = onlyFor('busy');
  await addEndpoint('busy', { ...endpoint, maxInFlight: 1 });
  const [busy, idle] = [Promise.withResolvers<Answer>(), Promise.withResolvers<Answer>()];
  receiver.answerWith(({ path }) => (path === '/busy' ? busy.promise : idle.promise));
  await tenant.createEvent('in-flight', undefined, event);
  await waitUntil('the first request', () => requestsTo('busy') === 1);
  await tenant.eventReason('in-flight', 'Delivering');
  await addEndpoint('idle', endpoint);
  proxy.holdWatches('webhookendpoints');
  await tenant.delete('webhookendpoint', 'busy');

  await tenant.createEvent('behind', undefined, event);
  const { deliveries } = await tenant.eventReason('behind', 'Delivering');
  // Its turn would come now.
  busy.resolve(200);
  await tenant.eventReason('in-flight', 'AllDelivered');
  await nothingFor(300, () => requestsTo('busy'));
  idle.resolve(200);
  const status = await tenant.eventReason('behind', 'AllDelivered');

  expect(deliveries).toMatchObject([{ endpointName: 'idle', state: 'Pending' }]);
  expect(status.deliveries).toMatchObject([{ endpointName: 'idle', state: 'Succeeded' }]);
  expect(requestsTo('busy')).toBe(1);
});

test('an endpoint created again under the same name is another one', async () => {
  const { tenant, proxy, receiver, addEndpoint, requestsTo } = operator;
  const { endpoint, event } = onlyFor('again');
  await addEndpoint('again', endpoint);
  proxy.holdWatches('webhookendpoints');
  const letFence = proxy.fault({ verb: 'list', resource: 'webhookendpoints' }, 'hold');
  await tenant.delete('webhookendpoint', 'again');
  const second = await tenant.createEndpoint('again', { url: `${receiver.origin}/second`, ...endpoint });

  await tenant.createEvent('again', undefined, event);
  await waitUntil('the request to the first', () => requestsTo('again') === 1);
  letFence();
  const status = await tenant.eventReason('again', 'AllDelivered');

  const states = status.deliveries?.map(({ endpointUID, state }) => [
    endpointUID === second.metadata.uid ? 'second' : 'first',
    state,
  ]);
  expect(Object.fromEntries(states ?? [])).toEqual({ first: 'Canceled', second: 'Succeeded' });
  expect([requestsTo('again'), requestsTo('second')]).toEqual([1, 1]);
});

test('an endpoint that was created after the list was made is not taken for deleted', async () => {
  const { tenant, proxy, receiver, addEndpoint, requestsTo } = operator;
  const { endpoint, event } = onlyFor('late');
  const early = Promise.withResolvers<Answer>();
  receiver.answerWith(({ path }) => (path === '/early' ? early.promise : 200));
  await addEndpoint('early', endpoint);
  const letFence = proxy.fault({ verb: 'list', resource: 'webhookendpoints' }, 'hold the answer');
  await tenant.createEvent('before-late', undefined, event);
  await waitUntil('the list', () => proxy.kept === 1);
  await addEndpoint('late', endpoint);
  // The outcome of the first request has the event planned again, with the endpoint that has come.
  early.resolve(200);
  await waitUntil('the request to the late one', () => requestsTo('late') === 1);
  letFence();
  await tenant.eventReason('before-late', 'AllDelivered');

  await tenant.createEvent('after-late', undefined, event);
  const status = await tenant.eventReason('after-late', 'AllDelivered');

  expect(status.delivered).toBe('2/2');
  expect(requestsTo('late')).toBe(2);
});

test('the fence decides by the spec that an endpoint had before the event', async () => {
  const { tenant, proxy, addEndpoint, requestsTo } = operator;
  const { endpoint, event } = onlyFor('changed');
  await addEndpoint('matches-no-more', endpoint);
  await addEndpoint('matches-now', onlyFor('none').endpoint);
  proxy.holdWatches('webhookendpoints');
  await tenant.patchEndpoint('matches-no-more', { spec: { match: { features: [{ name: 'other' }] } } });
  await tenant.patchEndpoint('matches-now', { spec: endpoint });

  await tenant.createEvent('changed', undefined, event);
  const status = await tenant.eventReason('changed', 'AllDelivered');

  const names = status.deliveries?.map(({ endpointName }) => endpointName);
  expect(names).toContain('matches-now');
  // Within the watch's lag a request may still go out; then it is recorded.
  expect(names?.includes('matches-no-more')).toBe(requestsTo('matches-no-more') === 1);
  expect(requestsTo('matches-now')).toBe(1);
});
