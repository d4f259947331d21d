import { describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../src/api/flagEvent.ts';
import { endedStatus, eventStatus, isWaiting } from '../../src/delivery/eventStatus.ts';
import { aDelivery, anEvent } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const LATER = NOW + 1000;
const time = (milliseconds: number) => new Date(milliseconds).toISOString();

const pending = aDelivery({ endpointName: 'p' });
const waiting = aDelivery({ endpointName: 'w', reason: 'SecretNotReady' });
const forbidden = aDelivery({ endpointName: 'f', reason: 'URLForbidden' });
const suspended = aDelivery({ endpointName: 'u', reason: 'Suspended' });
const held = aDelivery({ endpointName: 'o', reason: 'CircuitOpen' });
const retrying = aDelivery({ endpointName: 'r', reason: 'BadStatus', attempts: 1 });
const succeeded = aDelivery({ endpointName: 's', state: 'Succeeded', reason: 'Delivered' });
const failed = aDelivery({ endpointName: 'x', state: 'Failed', reason: 'BadStatus' });
const canceled = aDelivery({ endpointName: 'c', state: 'Canceled', reason: 'EndpointDeleted' });

/** The three conditions as `status/reason`, then what people read. */
function summary(deliveries: readonly Delivery[]) {
  const { conditions = [], delivered, completionTime } = eventStatus(anEvent(), deliveries, NOW);
  const [succeeds, reconciling, stalled] = conditions.map(({ status, reason }) => `${status} ${reason}`);
  return [succeeds, reconciling, stalled, delivered, completionTime !== undefined];
}

test.each<[what: string, deliveries: Delivery[], want: unknown[]]>([
  ['under way', [pending], ['Unknown Delivering', 'True Delivering', 'False Delivering', '0/1', false]],
  ['in its backoff', [retrying], ['Unknown Delivering', 'True Delivering', 'False Delivering', '0/1', false]],
  [
    'with every pending one waiting',
    [waiting, forbidden, succeeded],
    ['Unknown Waiting', 'True Waiting', 'False Waiting', '1/3', false],
  ],
  [
    'with every pending one suspended',
    [suspended, suspended, failed],
    ['Unknown Waiting', 'False Waiting', 'False Waiting', '0/3', false],
  ],
  [
    'with a suspended one, and another one that waits',
    [suspended, waiting],
    ['Unknown Waiting', 'True Waiting', 'False Waiting', '0/2', false],
  ],
  [
    'with a suspended one, and another one under way',
    [suspended, pending],
    ['Unknown Delivering', 'True Delivering', 'False Delivering', '0/2', false],
  ],
  ['that waits for a circuit', [held], ['Unknown Waiting', 'True Waiting', 'False Waiting', '0/1', false]],
  [
    'with one that waits',
    [waiting, pending],
    ['Unknown Delivering', 'True Delivering', 'False Delivering', '0/2', false],
  ],
  [
    'with one failed and one under way',
    [failed, pending],
    ['Unknown Delivering', 'True Delivering', 'False Delivering', '0/2', false],
  ],
  [
    'all delivered',
    [succeeded, succeeded],
    ['True AllDelivered', 'False AllDelivered', 'False AllDelivered', '2/2', true],
  ],
  [
    'delivered or canceled',
    [succeeded, canceled],
    ['True AllDelivered', 'False AllDelivered', 'False AllDelivered', '1/2', true],
  ],
  ['all canceled', [canceled], ['True Canceled', 'False Canceled', 'False Canceled', '0/1', true]],
  [
    'with a failed one',
    [succeeded, canceled, failed],
    ['False DeliveryFailed', 'False DeliveryFailed', 'True DeliveryFailed', '1/3', true],
  ],
])('an event %s', (_what, deliveries, want) => {
  expect(summary(deliveries)).toEqual(want);
});

test.each(['InvalidPayload', 'PayloadTooLarge', 'TooManyEndpoints'] as const)(
  'an event that ends by %s is stalled and lists no deliveries',
  (reason) => {
    const status = endedStatus(anEvent(), reason, 'too much', NOW);
    expect(status).toMatchObject({ deliveries: [], delivered: '0/0', completionTime: time(NOW) });
    expect(status.conditions).toMatchObject([
      { type: 'Succeeded', status: 'False', reason, message: 'too much' },
      { type: 'Reconciling', status: 'False', reason },
      { type: 'Stalled', status: 'True', reason },
    ]);
  },
);

test('an event that no endpoint matches has succeeded', () => {
  expect(endedStatus(anEvent(), 'NoMatchingEndpoint', 'none', NOW).conditions).toMatchObject([
    { type: 'Succeeded', status: 'True', reason: 'NoMatchingEndpoint' },
    { type: 'Reconciling', status: 'False' },
    { type: 'Stalled', status: 'False' },
  ]);
});

describe('written again', () => {
  const first = eventStatus(anEvent(), [pending], NOW);

  test('it keeps its start time and the conditions that did not change', () => {
    const again = eventStatus(anEvent({ status: first }), [pending], LATER);
    expect(again).toEqual(first);
    again.conditions?.forEach((condition, index) => expect(condition).toBe(first.conditions?.[index]));
  });

  test('lastTransitionTime moves only where the status does', () => {
    const again = eventStatus(anEvent({ status: first }), [waiting], LATER);
    expect(again.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
      Array(3).fill(time(NOW)),
    );
    const ended = eventStatus(anEvent({ status: first }), [succeeded], LATER);
    expect(ended.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([
      time(LATER),
      time(LATER),
      time(NOW),
    ]);
  });

  test('it speaks of the generation that it is about', () => {
    const event = anEvent({ status: first, metadata: { generation: 2 } });
    const again = eventStatus(event, [pending], LATER);
    expect(again.observedGeneration).toBe(2);
    expect(again.conditions?.every(({ observedGeneration }) => observedGeneration === 2)).toBe(true);
  });
});

test('only a pending delivery waits', () => {
  expect(isWaiting(waiting)).toBe(true);
  expect(isWaiting(retrying)).toBe(false);
  expect(isWaiting(aDelivery({ state: 'Failed', reason: 'SecretNotReady' }))).toBe(false);
});
