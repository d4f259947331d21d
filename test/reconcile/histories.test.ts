import { expect, test } from '@jest/globals';
import { Histories } from '../../src/reconcile/histories.ts';
import { anAttempt } from '../support/anAttempt.ts';
import { anEndpoint, uid } from '../support/fixtures.ts';

const BEFORE = '2026-11-20T00:00:00Z';
const endpoint = anEndpoint({ status: { consecutiveFailures: 3, lastSuccessTime: BEFORE } });

test('before the first attempt of the process a history is what the status says', () => {
  expect(new Histories().of(endpoint)).toEqual({
    consecutiveFailures: 3,
    lastSuccessTime: BEFORE,
    lastFailureTime: undefined,
    recentDeliveries: [],
  });
});

test('an attempt is added to what the status says, then to what is known, whatever the status says later', () => {
  const histories = new Histories();
  histories.add(endpoint, 'first', 'msg_1', anAttempt({ statusCode: 500 }));
  histories.add(anEndpoint(), 'second', 'msg_2', anAttempt({ statusCode: 503, attempt: 2 }));

  const history = histories.of(anEndpoint());
  expect(history).toMatchObject({
    consecutiveFailures: 5,
    lastSuccessTime: BEFORE,
    lastFailureTime: '2026-11-25T00:00:01.020Z',
  });
  expect(history.recentDeliveries.map(({ flagEvent }) => flagEvent)).toEqual(['second', 'first']);
});

test('an attempt is shown with all that is known of it', () => {
  const histories = new Histories();
  histories.add(endpoint, 'butter-bar', 'msg_1', anAttempt());

  expect(histories.of(endpoint).recentDeliveries).toEqual([
    {
      flagEvent: 'butter-bar',
      deliveryID: 'msg_1',
      time: '2026-11-25T00:00:01.000Z',
      attempt: 1,
      statusCode: 200,
      durationMilliseconds: 20,
      reason: 'Delivered',
      message: 'The receiver answered 200.',
    },
  ]);
});

test('an endpoint created again under its name has a history of its own', () => {
  const histories = new Histories();
  histories.add(endpoint, 'butter-bar', 'msg_1', anAttempt());

  expect(histories.of(anEndpoint({ metadata: { uid: uid('again') } })).recentDeliveries).toEqual([]);
});

test('what was forgotten begins anew with the status', () => {
  const histories = new Histories();
  histories.add(endpoint, 'butter-bar', 'msg_1', anAttempt());
  histories.forget(endpoint.metadata.uid);

  expect(histories.of(endpoint).recentDeliveries).toEqual([]);
});
