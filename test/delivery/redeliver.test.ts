import { describe, expect, test } from '@jest/globals';
import type { Delivery, FlagEventStatus } from '../../src/api/flagEvent.ts';
import type { UID } from '../../src/api/objectMeta.ts';
import type { Redelivery } from '../../src/api/webhookEndpoint.ts';
import { REDELIVER_LABEL, unhandledRedeliver, withRedelivery } from '../../src/delivery/redeliver.ts';
import { aDelivery, anEvent, uid } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-26T00:00:00Z');
const BEFORE = '2026-11-25T00:00:00.000Z';

const succeeded = aDelivery({ endpointName: 'b', state: 'Succeeded', attempts: 1, completionTime: BEFORE });
const canceled = aDelivery({ endpointName: 'c', state: 'Canceled', completionTime: BEFORE });
const failed = aDelivery({
  endpointName: 'a',
  state: 'Failed',
  startTime: '2026-11-24T00:00:00.000Z',
  redeliveries: 2,
  attempts: 7,
  firstAttemptTime: BEFORE,
  lastAttemptTime: BEFORE,
  lastStatusCode: 503,
  lastDurationMilliseconds: 12,
  reason: 'BadStatus',
  message: 'The receiver answered 503.',
  completionTime: BEFORE,
});
const startedOver = aDelivery({
  endpointName: 'a',
  redeliveries: 3,
  attempts: 0,
  startTime: '2026-11-26T00:00:00.000Z',
});

function aStatus(deliveries: Delivery[], changes: Partial<FlagEventStatus> = {}): FlagEventStatus {
  return { startTime: BEFORE, completionTime: BEFORE, deliveries, ...changes };
}

/** What is written, given the label, the status that is there, and the one that would be written without the label. */
function written(
  value: string | undefined,
  before: FlagEventStatus | undefined,
  status: FlagEventStatus | undefined = before,
  redelivery?: Redelivery,
) {
  const labels = value === undefined ? undefined : { [REDELIVER_LABEL]: value };
  const event = anEvent({ metadata: { labels }, status: before });
  const redeliveryOf = (endpoint: UID) => (endpoint === uid('uid-a') ? redelivery : undefined);
  return withRedelivery(event, status ?? {}, NOW, redeliveryOf);
}

describe('a value that was not handled yet', () => {
  test('starts the Failed deliveries of a finished event over, and no others', () => {
    const status = written('1', aStatus([failed, succeeded, canceled]));
    expect(status).toMatchObject({
      lastHandledRedeliver: '1',
      startTime: BEFORE,
      delivered: '1/3',
      conditions: [
        { type: 'Succeeded', status: 'Unknown', reason: 'Delivering' },
        { type: 'Reconciling', status: 'True' },
        { type: 'Stalled', status: 'False' },
      ],
    });
    expect(status.deliveries).toEqual([startedOver, succeeded, canceled]);
    expect(status.completionTime).toBeUndefined();
  });

  test('takes completionTime away in what is sent', () => {
    expect(JSON.parse(JSON.stringify(written('1', aStatus([failed]))))).not.toHaveProperty('completionTime');
  });

  test.each<[what: string, deliveries: Delivery[]]>([
    ['none Failed', [succeeded, canceled]],
    ['no delivery', []],
  ])('only counts as handled on a finished event with %s', (_what, deliveries) => {
    const before = aStatus(deliveries);
    expect(written('1', before)).toEqual({ ...before, lastHandledRedeliver: '1' });
  });

  test('only counts as handled on an event that is being taken up, or ends then', () => {
    const ending = aStatus([failed]);
    expect(written('1', undefined, ending)).toEqual({ ...ending, lastHandledRedeliver: '1' });
  });

  test('waits on an unfinished event', () => {
    const pending = aDelivery({ endpointName: 'd' });
    const status = aStatus([failed, pending], { completionTime: undefined });
    expect(written('1', status)).toBe(status);
  });

  test('starts over instead of ending an unfinished event', () => {
    const before = aStatus([aDelivery({ endpointName: 'a', redeliveries: 2 }), succeeded], {
      completionTime: undefined,
    });
    const status = written('1', before, aStatus([failed, succeeded]));
    expect(status).toMatchObject({ lastHandledRedeliver: '1', deliveries: [startedOver, succeeded] });
    expect(status.completionTime).toBeUndefined();
  });

  test('ends an unfinished event of which none has Failed', () => {
    const before = aStatus([aDelivery({ endpointName: 'b' })], { completionTime: undefined });
    const ending = aStatus([succeeded]);
    expect(written('1', before, ending)).toEqual({ ...ending, lastHandledRedeliver: '1' });
  });

  test('may be empty', () => {
    expect(written('', aStatus([failed]))).toMatchObject({ lastHandledRedeliver: '' });
  });
});

test.each<[what: string, value: string | undefined, handled: string | undefined]>([
  ['a value that was handled', '1', '1'],
  ['a label that was taken away', undefined, '1'],
  ['no label', undefined, undefined],
])('%s changes nothing', (_what, value, handled) => {
  const status = aStatus([failed], { lastHandledRedeliver: handled });
  expect(written(value, status)).toBe(status);
});

describe('what the annotation of an endpoint asks for', () => {
  const redelivery: Redelivery = { since: BEFORE, startTime: BEFORE, events: 0 };
  const other = { ...failed, endpointName: 'd', endpointUID: uid('uid-d') };
  const open = { completionTime: undefined };

  test.each<[what: string, changes: Partial<FlagEventStatus>]>([
    ['has finished', {}],
    ['has not finished', open],
  ])('is started over where the event %s, and nothing else is', (_what, changes) => {
    const before = aStatus([failed, other, succeeded], changes);
    const status = written(undefined, before, before, redelivery);
    expect(status).toMatchObject({ startTime: BEFORE, delivered: '1/3' });
    expect(status.deliveries).toEqual([startedOver, other, succeeded]);
    expect(status.completionTime).toBeUndefined();
  });

  test('is started over in the write that would have finished the event, or has taken it up', () => {
    for (const before of [aStatus([aDelivery({ endpointName: 'a' })], open), undefined]) {
      const status = written(undefined, before, aStatus([failed]), redelivery);
      expect([status.deliveries, status.completionTime]).toEqual([[startedOver], undefined]);
    }
  });

  test('is not what has failed before or after', () => {
    const status = aStatus([failed]);
    for (const time of ['2026-11-25T00:00:00.001Z', '2026-11-24T23:59:59.999Z']) {
      expect(written(undefined, status, status, { since: time, startTime: time, events: 0 })).toBe(status);
    }
  });

  test('is not started over twice where the clock was set back meanwhile', () => {
    const startTime = '2026-11-27T00:00:00.000Z';
    const ahead = { since: BEFORE, startTime, events: 0 };
    const status = written(undefined, aStatus([failed]), undefined, ahead);
    expect(status.deliveries).toMatchObject([{ redeliveries: 3, startTime }]);
    const again = aStatus(
      (status.deliveries ?? []).map((delivery) => ({ ...failed, ...delivery, state: 'Failed' })),
    );
    expect(written(undefined, again, again, ahead)).toBe(again);
  });

  test('comes before the label, which waits until the event ends, and starts the rest over then', () => {
    const before = aStatus([failed, other]);
    const status = written('1', before, before, redelivery);
    expect(status.deliveries).toEqual([startedOver, other]);
    expect([status.completionTime, status.lastHandledRedeliver]).toEqual([undefined, undefined]);
    const ended = aStatus([
      { ...failed, ...startedOver, state: 'Failed', completionTime: startedOver.startTime },
      other,
    ]);
    expect(written('1', status, ended, redelivery)).toMatchObject({
      lastHandledRedeliver: '1',
      deliveries: [{ redeliveries: 4 }, { redeliveries: 3 }],
    });
  });
});

test('a delivery that was never counted was started over once', () => {
  const status = written('1', aStatus([aDelivery({ state: 'Failed', redeliveries: undefined })]));
  expect(status.deliveries).toMatchObject([{ redeliveries: 1 }]);
});

test('a value is unhandled until the status says otherwise', () => {
  const event = (handled?: string) =>
    anEvent({
      metadata: { labels: { [REDELIVER_LABEL]: '2' } },
      status: aStatus([], { lastHandledRedeliver: handled }),
    });
  expect([event(), event('1'), event('2')].map(unhandledRedeliver)).toEqual(['2', '2', undefined]);
});
