import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { REDELIVER_LABEL } from '../../src/delivery/redeliver.ts';
import { labelled } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatedTenant, type OperatedTenant } from '../support/operatedTenant.ts';
import type { Receiver } from '../support/receiver.ts';
import { waitUntil } from '../support/waitUntil.ts';

let tenant: OperatedTenant;

beforeAll(async () => {
  tenant = await startOperatedTenant();
}, 120_000);

afterAll(() => tenant?.end());

/** An event that has failed at the only endpoint of that name. */
async function aFailedEvent(name: string): Promise<Receiver> {
  const receiver = await tenant.addReceiver(name, () => 503, { retry: { giveUpAfterSeconds: 0 } });
  await tenant.createEvent(name, aFlagUpdated(), labelled(name));
  await tenant.eventReason(name, 'DeliveryFailed');
  return receiver;
}

const label = (name: string, value: string) =>
  tenant.patchEvent(name, { metadata: { labels: { [REDELIVER_LABEL]: value } } });

test('the label starts a finished event over: it is unfinished until what had failed has ended again', async () => {
  const receiver = await aFailedEvent('again');
  const answer = Promise.withResolvers<number>();
  receiver.answerWith(() => answer.promise);
  const before = await tenant.event('again');
  await label('again', '1764000000');
  await waitUntil('the second request', () => receiver.requests.length === 2);

  const { metadata, status } = await tenant.event('again');
  expect(status).not.toHaveProperty('completionTime');
  expect(status).toMatchObject({
    startTime: before.status?.startTime,
    lastHandledRedeliver: '1764000000',
    deliveries: [{ state: 'Pending', redeliveries: 1, attempts: 0 }],
  });
  const { stdout } = await tenant.cluster.kubectl([
    'get',
    'fev',
    `--namespace=${metadata.namespace}`,
    '--field-selector=status.completionTime=',
    '--output=name',
  ]);
  expect(stdout).toBe('flagevent.flagpost.dev/again\n');

  answer.resolve(200);
  const ended = await tenant.eventReason('again', 'AllDelivered');
  expect(ended.deliveries).toMatchObject([
    { redeliveries: 1, attempts: 1, deliveryID: before.status?.deliveries?.[0]?.deliveryID },
  ]);
  expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
});

test('a value is handled once, also by the next process, and one that was set meanwhile by that', async () => {
  const [handled, meanwhile] = await Promise.all([aFailedEvent('handled'), aFailedEvent('meanwhile')]);
  await label('handled', '1');
  await tenant.eventStatus('handled', ({ deliveries }) => deliveries?.[0]?.redeliveries === 1);
  await tenant.eventReason('handled', 'DeliveryFailed');
  await tenant.kill();
  await label('meanwhile', '1');
  meanwhile.answerWith(() => 200);
  await tenant.restart();

  await tenant.eventReason('meanwhile', 'AllDelivered');
  expect(meanwhile.requests).toHaveLength(2);
  // Its label was shown with the other one.
  expect((await tenant.event('handled')).status).toMatchObject({
    lastHandledRedeliver: '1',
    deliveries: [{ state: 'Failed', redeliveries: 1 }],
  });
  expect(handled.requests).toHaveLength(2);
});

test('in the middle of a redelivery, the next process goes on with it', async () => {
  const receiver = await aFailedEvent('middle');
  receiver.answerWith(() => 'hang');
  await label('middle', '1');
  await waitUntil('the second request', () => receiver.requests.length === 2);
  await tenant.kill();
  receiver.answerWith(() => 200);
  await tenant.restart();

  const { deliveries } = await tenant.eventReason('middle', 'AllDelivered');
  expect(deliveries).toMatchObject([{ redeliveries: 1, attempts: 1 }]);
  expect(receiver.requests).toHaveLength(3);
});
