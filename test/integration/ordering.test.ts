import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Ordering } from '../../src/delivery/order.ts';
import { labelled } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatedTenant, type OperatedTenant } from '../support/operatedTenant.ts';
import type { ReceivedRequest, Receiver } from '../support/receiver.ts';
import { seedFlagUpdated } from '../support/seedPayloads.ts';
import { waitUntil } from '../support/waitUntil.ts';

let tenant: OperatedTenant;

beforeAll(async () => {
  tenant = await startOperatedTenant();
}, 120_000);

afterAll(() => tenant?.end());

// Late enough that the circuit stays closed.
const soon = { initialDelaySeconds: 3, maxDelaySeconds: 3 };

const add = (
  name: string,
  ordering: Ordering,
  answer: Parameters<OperatedTenant['addReceiver']>[1],
  spec: object = {},
) => tenant.addReceiver(name, answer, { ordering, retry: soon, ...spec });

/** An event about a feature at some minute of an hour, named after both, for the endpoint `to`. */
async function change(to: string, feature: number, minute: number): Promise<string> {
  const name = `${to}-${feature}-${minute}`;
  const newState = {
    ...seedFlagUpdated.new_state,
    feature: { ...seedFlagUpdated.new_state.feature, id: feature },
  };
  const timestamp = `2026-11-24T12:${String(minute).padStart(2, '0')}:00Z`;
  await tenant.createEvent(name, aFlagUpdated({ new_state: newState, timestamp }), labelled(to));
  return name;
}

/** `feature-minute` of the change that a request tells of. */
function told({ body }: ReceivedRequest): string {
  const { data } = JSON.parse(body.toString('utf8')) as { data: typeof seedFlagUpdated };
  return `${data.new_state.feature.id}-${new Date(data.timestamp).getUTCMinutes()}`;
}

const toldBy = (receiver: Receiver) => receiver.requests.map(told);

test('PerFeature: what fails holds the later changes of its feature, also over a restart, and no other feature', async () => {
  const receiver = await add('each', 'PerFeature', (request) => (told(request).startsWith('1-') ? 503 : 200));
  await change('each', 1, 1);
  await tenant.deliveryReason('each-1-1', 'BadStatus');
  await change('each', 1, 2);
  await tenant.deliveryReason('each-1-2', 'WaitingForEarlier');
  await change('each', 2, 3);
  await tenant.eventReason('each-2-3', 'AllDelivered');
  await tenant.kill();
  await change('each', 1, 3);
  receiver.answerWith(() => 200);
  await tenant.restart();

  await tenant.eventReason('each-1-3', 'AllDelivered');
  const ofFirst = toldBy(receiver).filter((one) => one.startsWith('1-'));
  expect(ofFirst.slice(0, -2).every((one) => one === '1-1')).toBe(true);
  expect(ofFirst.slice(-3)).toEqual(['1-1', '1-2', '1-3']);
}, 60_000);

test('PerFeature: one that happened earlier and arrives late goes next, before those that wait', async () => {
  const answer = Promise.withResolvers<number>();
  const receiver = await add('late', 'PerFeature', () => answer.promise);
  await change('late', 1, 20);
  await waitUntil('the first request', () => receiver.requests.length === 1);
  await change('late', 1, 30);
  await change('late', 1, 10);
  await tenant.deliveryReason('late-1-30', 'WaitingForEarlier');
  await tenant.deliveryReason('late-1-10', 'WaitingForEarlier');
  answer.resolve(200);

  await tenant.eventReason('late-1-30', 'AllDelivered');
  expect(toldBy(receiver)).toEqual(['1-20', '1-10', '1-30']);
});

test('LatestPerFeature: what waits is superseded by a later change, whatever it waits for', async () => {
  const receiver = await add('latest', 'LatestPerFeature', () => 200, { suspend: true });
  await change('latest', 1, 1);
  await change('latest', 2, 1);
  await tenant.deliveryReason('latest-1-1', 'Suspended');
  await change('latest', 1, 2);
  await tenant.deliveryReason('latest-1-1', 'Superseded');
  await tenant.patchEndpoint('latest', { spec: { suspend: false } });

  await tenant.eventReason('latest-1-2', 'AllDelivered');
  await tenant.eventReason('latest-2-1', 'AllDelivered');
  expect(toldBy(receiver).toSorted()).toEqual(['1-2', '2-1']);
});

test('LatestPerFeature: what is in flight is superseded if it fails, and what arrives late too', async () => {
  const answer = Promise.withResolvers<number>();
  const receiver = await add('flight', 'LatestPerFeature', (request) =>
    told(request) === '1-1' ? answer.promise : 200,
  );
  await change('flight', 1, 1);
  await waitUntil('the first request', () => receiver.requests.length === 1);
  await change('flight', 1, 3);
  await tenant.deliveryReason('flight-1-3', 'WaitingForEarlier');
  answer.resolve(503);

  await tenant.eventReason('flight-1-3', 'AllDelivered');
  expect(await tenant.deliveryReason('flight-1-1', 'Superseded')).toMatchObject({
    state: 'Canceled',
    attempts: 1,
    lastStatusCode: 503,
  });
  await change('flight', 1, 2);
  expect(await tenant.deliveryReason('flight-1-2', 'Superseded')).toMatchObject({
    state: 'Canceled',
    attempts: 0,
  });
  expect(toldBy(receiver)).toEqual(['1-1', '1-3']);
});
