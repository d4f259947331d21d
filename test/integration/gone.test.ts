import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { labelled } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatedTenant, type OperatedTenant } from '../support/operatedTenant.ts';
import { conditionLines } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

let tenant: OperatedTenant;

beforeAll(async () => {
  tenant = await startOperatedTenant();
}, 120_000);

afterAll(() => tenant?.end());

const anEndpoint: OperatedTenant['addReceiver'] = (...given) => tenant.addReceiver(...given);

const send = (to: string, name: string) => tenant.createEvent(name, aFlagUpdated(), labelled(to));

test('410 ends the delivery and what is pending, and what comes later, also after a restart', async () => {
  const answers = [500, 410];
  const receiver = await anEndpoint('left', () => answers.shift() ?? 200, {
    retry: { initialDelaySeconds: 600 },
  });
  await send('left', 'in-backoff');
  await tenant.deliveryReason('in-backoff', 'BadStatus');
  await send('left', 'refused');

  const refused = await tenant.eventReason('refused', 'DeliveryFailed');
  expect(refused.deliveries).toMatchObject([
    { state: 'Failed', reason: 'Gone', attempts: 1, lastStatusCode: 410 },
  ]);
  const pending = await tenant.eventReason('in-backoff', 'DeliveryFailed');
  expect(pending.deliveries).toMatchObject([
    { state: 'Failed', reason: 'Gone', attempts: 1, lastStatusCode: 500 },
  ]);
  await tenant.endpointReason('left', 'Gone');
  const { conditions, recentDeliveries } = await tenant.endpointStatus(
    'left',
    ({ pendingDeliveries }) => pendingDeliveries === 0,
  );
  expect(conditionLines(conditions)).toEqual([
    'Ready False Gone',
    'SecretsResolved True Resolved',
    'Delivering Unknown NoDeliveries',
    'Reconciling False Gone',
    'Stalled True Gone',
  ]);
  expect(recentDeliveries?.map(({ reason }) => reason)).toEqual(['Gone', 'BadStatus']);

  await send('left', 'too-late');
  const late = await tenant.eventReason('too-late', 'DeliveryFailed');
  expect(late.deliveries).toMatchObject([{ state: 'Failed', reason: 'Gone', attempts: 0 }]);

  await tenant.kill();
  await tenant.restart();
  await send('left', 'after-restart');
  const restarted = await tenant.eventReason('after-restart', 'DeliveryFailed');
  expect(restarted.deliveries).toMatchObject([{ state: 'Failed', reason: 'Gone', attempts: 0 }]);
  expect(receiver.requests).toHaveLength(2);

  await tenant.patchEndpoint('left', { spec: { timeoutSeconds: 9 } });
  await tenant.endpointReason('left', 'Ready');
  await send('left', 'welcome-again');
  await tenant.eventReason('welcome-again', 'AllDelivered');
  expect(receiver.requests).toHaveLength(3);
}, 60_000);

test('410 to an attempt that began before a change of the spec only fails that attempt', async () => {
  const answer = Promise.withResolvers<number>();
  const receiver = await anEndpoint('moved', (_, index) => (index === 0 ? answer.promise : 200), {
    retry: { initialDelaySeconds: 1 },
  });
  await send('moved', 'before');
  await waitUntil('the request', () => receiver.requests.length === 1);
  await tenant.patchEndpoint('moved', { spec: { timeoutSeconds: 9 } });
  await tenant.endpointStatus('moved', ({ observedGeneration }) => observedGeneration === 2);
  answer.resolve(410);

  const { deliveries } = await tenant.eventReason('before', 'AllDelivered');
  expect(deliveries).toMatchObject([{ attempts: 2 }]);
  await tenant.endpointReason('moved', 'Ready');
});
