import { describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../src/api/flagEvent.ts';
import { placeOf, supersedes, type OrderedEvent, type Ordering } from '../../src/delivery/order.ts';
import { aDelivery, uid } from '../support/fixtures.ts';

interface Named extends OrderedEvent {
  readonly name: string;
}

/** An event that happened at the second that its name says, and was taken up to these endpoints; all are a's by default. */
function event(
  name: string,
  deliveries: Partial<Delivery>[] = [{}],
  changes: Partial<OrderedEvent> = {},
): Named {
  const listed = deliveries.map((delivery) => aDelivery({ endpointName: 'a', ...delivery }));
  return {
    name,
    age: { createdAt: 0, occurredAt: name, name },
    listed: true,
    takenUp: true,
    deliveries: new Map(listed.map((delivery) => [delivery.endpointUID, delivery])),
    ...changes,
  };
}

const WAITING = { listed: true, takenUp: false };
const FRESH = { listed: false, takenUp: false };

interface Scenario {
  readonly line: readonly Named[];
  readonly ordering: Ordering;
  readonly sending?: string;
  /** The name of the last that was taken up or delivered; by default of the last of the line that was taken up. */
  readonly latest?: string;
}

/** The turn of each event of the line, and whom it waits for. */
function turns({ line, ordering, sending, latest }: Scenario): string[] {
  const last = latest ?? line.findLast((other) => supersedes(other, uid('uid-a')))?.name;
  return line.map((_, at) => {
    const { turn, waitsFor } = placeOf({
      line,
      at,
      endpointUID: uid('uid-a'),
      ordering,
      sending: line.find(({ name }) => name === sending),
      latest: last === undefined ? undefined : event(last).age,
    });
    return waitsFor ? `${turn} ${waitsFor.name}` : turn;
  });
}

describe('None', () => {
  test('lets all go', () => {
    const line = [event('1'), event('2'), event('3', [], FRESH), event('4')];
    expect(turns({ line, ordering: 'None', sending: '4', latest: '4' })).toEqual([
      'free',
      'free',
      'free',
      'free',
    ]);
  });
});

describe('PerFeature', () => {
  test.each<[what: string, scenario: Omit<Scenario, 'ordering'>, wanted: string[]]>([
    [
      'each waits for the one before',
      { line: [event('1'), event('2'), event('3')] },
      ['free', 'waits 1', 'waits 2'],
    ],
    [
      'one in flight is waited for by the next',
      { line: [event('1'), event('2'), event('3')], sending: '1' },
      ['free', 'waits 1', 'waits 2'],
    ],
    [
      'one that was not taken up holds too',
      { line: [event('1', [{}], WAITING), event('2')] },
      ['free', 'waits 1'],
    ],
    [
      'one whose endpoints are not known yet may be for any',
      { line: [event('1', [], FRESH), event('2')] },
      ['free', 'waits 1'],
    ],
    [
      'one that goes to other endpoints does not hold',
      { line: [event('1', [{ endpointName: 'b' }]), event('2')] },
      ['free', 'free'],
    ],
    [
      'another endpoint of an earlier one does not hold',
      { line: [event('1', [{ state: 'Succeeded' }, { endpointName: 'b' }]), event('2')] },
      ['free', 'free'],
    ],
    ...(['Succeeded', 'Failed', 'Canceled'] as const).map(
      (state): [string, Omit<Scenario, 'ordering'>, string[]] => [
        `one that has ended as ${state} does not hold`,
        { line: [event('1', [{ state }]), event('2')] },
        ['free', 'free'],
      ],
    ),
    [
      'a redelivery does not wait',
      { line: [event('1'), event('2', [{ redeliveries: 1 }])], sending: '1' },
      ['free', 'free'],
    ],
    [
      'a redelivery does not hold',
      { line: [event('1', [{ redeliveries: 2 }]), event('2')] },
      ['free', 'free'],
    ],
    [
      'one that arrives late waits only for what is in flight',
      { line: [event('1', [], FRESH), event('2'), event('3')], sending: '2' },
      ['waits 2', 'waits 1', 'waits 2'],
    ],
    ['one that arrives late goes next', { line: [event('1'), event('2')] }, ['free', 'waits 1']],
    [
      'of those that arrive late the first one does',
      { line: [event('1'), event('2'), event('3')], sending: '3' },
      ['waits 3', 'waits 1', 'waits 2'],
    ],
    [
      'what was delivered already does not matter',
      { line: [event('1'), event('2')], latest: '3' },
      ['free', 'waits 1'],
    ],
  ])('%s', (_what, scenario, wanted) => {
    expect(turns({ ...scenario, ordering: 'PerFeature' })).toEqual(wanted);
  });
});

describe('LatestPerFeature', () => {
  test.each<[what: string, scenario: Omit<Scenario, 'ordering'>, wanted: string[]]>([
    [
      'the earlier ones are superseded once a later one has been taken up',
      { line: [event('1'), event('2'), event('3'), event('4', [{}], WAITING)] },
      ['superseded', 'superseded', 'hurries 2', 'hurries 3'],
    ],
    [
      'by one that goes to the endpoint',
      { line: [event('1'), event('2', [{ endpointName: 'b' }])] },
      ['free', 'hurries 1'],
    ],
    [
      'by one that has ended there already',
      { line: [event('1'), event('2', [{ state: 'Failed' }, { endpointName: 'b' }])] },
      ['superseded', 'hurries 1'],
    ],
    ['a redelivery too', { line: [event('1', [{ redeliveries: 1 }]), event('2')] }, ['superseded', 'free']],
    [
      'by a redelivery too',
      { line: [event('1'), event('2', [{ redeliveries: 1 }])] },
      ['superseded', 'free'],
    ],
    [
      'by one that was delivered, taken up or not',
      { line: [event('1', [], FRESH), event('2', [{ redeliveries: 1 }])], latest: '3' },
      ['superseded', 'superseded'],
    ],
    [
      'but not by an earlier one that was delivered, nor by itself',
      { line: [event('2', [], FRESH), event('3', [], FRESH)], latest: '2' },
      ['free', 'hurries 2'],
    ],
    [
      'a redelivery waits for something newer that is in flight, lest it come after that, and for nothing else',
      {
        line: [event('1', [{ redeliveries: 1 }]), event('2', [{}], WAITING), event('3', [], FRESH)],
        sending: '2',
      },
      ['waits 2', 'free', 'waits 2'],
    ],
    [
      'a redelivery waits for nothing older, in flight or not',
      { line: [event('1'), event('2', [{ redeliveries: 1 }])], sending: '1', latest: '1' },
      ['free', 'free'],
    ],
    [
      'one that was not taken up waits as long as an earlier one is in flight',
      { line: [event('1'), event('2', [{}], WAITING), event('3', [{}], WAITING)], sending: '1' },
      ['free', 'waits 1', 'waits 2'],
    ],
    [
      'else it is to be taken up at once',
      { line: [event('1'), event('2', [{}], WAITING), event('3', [], FRESH)] },
      ['free', 'hurries 1', 'hurries 2'],
    ],
    [
      'one that arrives late waits for what is in flight, before it supersedes',
      { line: [event('1', [{}], WAITING), event('2', [{}], WAITING)], sending: '2' },
      ['waits 2', 'waits 1'],
    ],
  ])('%s', (_what, scenario, wanted) => {
    expect(turns({ ...scenario, ordering: 'LatestPerFeature' })).toEqual(wanted);
  });
});
