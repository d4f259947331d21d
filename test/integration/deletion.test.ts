import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const HELD = { finalizers: ['test.flagpost.dev/held'] };

let tenant: Tenant;
let operator: OperatorProcess;
let hanging: Receiver;
let receiver: Receiver;

beforeAll(async () => {
  tenant = await aTenant(await sharedControlPlane());
  [receiver, hanging] = await Promise.all([startReceiver(), startReceiver({ answer: () => 'hang' })]);
  operator = await startOperatorFor(tenant);
}, 120_000);

afterAll(async () => {
  await Promise.all([receiver?.close(), hanging?.close()]);
  expect(await operator?.stop()).toBe(0);
});

const specOf = (name: string, { origin }: Receiver) => ({
  url: `${origin}/${name}`,
  match: matching(name),
  timeoutSeconds: 30,
});
const isOpen = (open: boolean) => () => hanging.open === (open ? 1 : 0);

test('an event that is deleted takes its attempt back', async () => {
  await tenant.createEndpoint('event', specOf('event', hanging));
  await tenant.createEvent('event', aFlagUpdated(), labelled('event'));
  await waitUntil('the request to arrive', isOpen(true));
  await tenant.delete('flagevent', 'event');
  await waitUntil('the receiver to see the close', isOpen(false));
  await tenant.endpointStatus('event', ({ pendingDeliveries, recentDeliveries = [] }) => {
    return pendingDeliveries === 0 && recentDeliveries.length === 0;
  });
});

test('an event with a deletionTimestamp counts as deleted', async () => {
  await tenant.createEndpoint('held-event', specOf('held-event', hanging));
  await tenant.createEvent('held-event', aFlagUpdated(), labelled('held-event', HELD));
  await waitUntil('the request to arrive', isOpen(true));
  await tenant.delete('flagevent', 'held-event');
  await waitUntil('the receiver to see the close', isOpen(false));
  expect((await tenant.event('held-event')).metadata.deletionTimestamp).toBeDefined();
});

test('an endpoint that is deleted ends its deliveries Canceled, in flight too', async () => {
  await tenant.createEndpoint('endpoint', specOf('endpoint', hanging));
  await tenant.createEvent('endpoint', aFlagUpdated(), labelled('endpoint'));
  await waitUntil('the request to arrive', isOpen(true));
  await tenant.delete('webhookendpoint', 'endpoint');
  const { deliveries } = await tenant.eventReason('endpoint', 'Canceled');
  expect(deliveries).toMatchObject([{ state: 'Canceled', reason: 'EndpointDeleted', attempts: 0 }]);
  await waitUntil('the receiver to see the close', isOpen(false));
});

test('an endpoint with a deletionTimestamp counts as deleted, and gets nothing new', async () => {
  await tenant.createEndpoint('held', specOf('held', hanging), HELD);
  await tenant.createEvent('held-1', aFlagUpdated(), labelled('held'));
  await waitUntil('the request to arrive', isOpen(true));
  await tenant.delete('webhookendpoint', 'held');
  await tenant.eventReason('held-1', 'Canceled');
  await waitUntil('the receiver to see the close', isOpen(false));
  await tenant.createEvent('held-2', aFlagUpdated(), labelled('held'));
  await tenant.eventReason('held-2', 'NoMatchingEndpoint');
  expect((await tenant.endpoint('held')).metadata.deletionTimestamp).toBeDefined();
});

test('an endpoint that is created again under one name is another endpoint', async () => {
  const missing = { signingKeys: [{ secretKeyRef: { name: 'missing', key: 'secret' } }] };
  const first = await tenant.createEndpoint('twice', { ...specOf('twice', receiver), ...missing });
  await tenant.createEvent('twice-1', aFlagUpdated(), labelled('twice'));
  await tenant.deliveryReason('twice-1', 'SecretNotReady');
  await tenant.delete('webhookendpoint', 'twice');
  const second = await tenant.createEndpoint('twice', specOf('twice', receiver));
  const { deliveries } = await tenant.eventReason('twice-1', 'Canceled');
  expect(deliveries).toMatchObject([{ endpointUID: first.metadata.uid, reason: 'EndpointDeleted' }]);
  await tenant.createEvent('twice-2', aFlagUpdated(), labelled('twice'));
  const again = await tenant.eventReason('twice-2', 'AllDelivered');
  expect(again.deliveries).toMatchObject([{ endpointUID: second.metadata.uid, attempts: 1 }]);
  expect(receiver.requests.filter(({ path }) => path === '/twice')).toHaveLength(1);
});

test('an event that is created again under one name is another event with another deliveryID', async () => {
  await tenant.createEndpoint('anew', specOf('anew', receiver));
  await tenant.createEvent('anew', aFlagUpdated(), labelled('anew'));
  const first = await tenant.eventReason('anew', 'AllDelivered');
  await tenant.delete('flagevent', 'anew');
  await tenant.createEvent('anew', aFlagUpdated(), labelled('anew'));
  const second = await tenant.eventReason('anew', 'AllDelivered');
  expect(second.deliveries?.[0]?.deliveryID).not.toBe(first.deliveries?.[0]?.deliveryID);
  expect(receiver.requests.filter(({ path }) => path === '/anew')).toHaveLength(2);
});
