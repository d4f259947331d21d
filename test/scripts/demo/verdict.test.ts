import { describe, expect, test } from '@jest/globals';
import type { ReceivedRequest } from '../../../scripts/demo/receiver.ts';
import { differences, parseEvents, wrongSignatures } from '../../../scripts/demo/verdict.ts';

const aRequest = (changes: Partial<ReceivedRequest> = {}): ReceivedRequest => ({
  method: 'POST',
  path: '/hooks/flags',
  id: 'msg_1',
  body: Buffer.from('{}'),
  isSigned: true,
  status: 200,
  ...changes,
});

const aDelivery = (changes: object = {}) => ({
  endpointName: 'flag-cache',
  deliveryID: 'msg_1',
  attempts: 1,
  ...changes,
});

function anEvent(deliveries: readonly object[], reason = 'AllDelivered') {
  const conditions = [{ type: 'Succeeded', status: 'True', reason }];
  return parseEvents(
    JSON.stringify({ items: [{ metadata: { name: 'butter-bar' }, status: { conditions, deliveries } }] }),
  );
}

const expected = { 'butter-bar': { 'flag-cache': 1 } };

test('a request with a wrong signature is named', () => {
  expect(wrongSignatures([aRequest(), aRequest({ isSigned: false, id: 'msg_2' })])).toEqual([
    'wrong signature: POST /hooks/flags, webhook-id msg_2',
  ]);
});

test('nothing is wrong where every delivery has its request', () => {
  expect(differences(expected, anEvent([aDelivery()]), [aRequest()])).toEqual([]);
});

describe('what is missing or too much is named', () => {
  test.each([
    ['an event', anEvent([]).slice(1), [], 'missing event: fev/butter-bar'],
    ['a request', anEvent([aDelivery()]), [], 'missing request: fev/butter-bar to flag-cache'],
    [
      'a request of this delivery',
      anEvent([aDelivery()]),
      [aRequest({ id: 'msg_2' })],
      'missing request: fev/butter-bar to flag-cache',
    ],
    ['a delivery', anEvent([]), [aRequest()], 'fev/butter-bar: no delivery to flag-cache'],
    [
      'a status that is not AllDelivered',
      anEvent([aDelivery()], 'DeliveryFailed'),
      [aRequest()],
      'fev/butter-bar: Succeeded is DeliveryFailed, not AllDelivered',
    ],
    [
      'an endpoint that did not want it',
      anEvent([aDelivery(), aDelivery({ endpointName: 'audit-trail' })]),
      [aRequest()],
      'fev/butter-bar: audit-trail was not to get it',
    ],
    [
      'an attempt that is not recorded',
      anEvent([aDelivery()]),
      [aRequest(), aRequest()],
      'fev/butter-bar to flag-cache: 2 requests arrived, not 1',
    ],
    [
      'an attempt too many',
      anEvent([aDelivery({ attempts: 2 })]),
      [aRequest()],
      'fev/butter-bar to flag-cache: 2 attempts are recorded, not 1',
    ],
    [
      'an answer that was not 200',
      anEvent([aDelivery()]),
      [aRequest({ status: 503 })],
      'fev/butter-bar to flag-cache: the last request was not answered with 200',
    ],
  ])('%s', (_, events, requests, want) => {
    expect(differences(expected, events, requests)).toEqual([want]);
  });

  test('another body in a further attempt', () => {
    const twice = { 'butter-bar': { 'flag-cache': 2 } };
    const requests = [aRequest({ status: 503 }), aRequest({ body: Buffer.from('{"a":1}') })];
    expect(differences(twice, anEvent([aDelivery({ attempts: 2 })]), requests)).toEqual([
      "fev/butter-bar to flag-cache: the attempts' bodies differ",
    ]);
  });
});
