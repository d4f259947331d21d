import { describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../src/api/flagEvent.ts';
import type { Redelivery, WebhookEndpointStatus } from '../../src/api/webhookEndpoint.ts';
import {
  askedFor,
  isSince,
  isToStartOver,
  REDELIVER_SINCE_ANNOTATION,
  redeliverSinceValue,
  wasStartedOver,
} from '../../src/delivery/redeliverSince.ts';
import { aDelivery, anEndpoint } from '../support/fixtures.ts';

const SINCE = '2026-11-24T00:00:00Z';
const START = '2026-11-25T00:00:00.000Z';
const REDELIVERY: Redelivery = { since: SINCE, startTime: START, events: 0 };

const annotated = (value: string | undefined, status?: WebhookEndpointStatus) =>
  anEndpoint({
    metadata: { annotations: value === undefined ? undefined : { [REDELIVER_SINCE_ANNOTATION]: value } },
    status,
  });

test.each([
  [SINCE, true],
  ['2026-11-24T01:00:00.123456789+01:00', true],
  ['2026-11-24', false],
  ['2026-11-24T00:00Z', false],
  ['2026-11-24T00:00:00', false],
  ['2026-02-29T00:00:00Z', false],
  ['2026-11-24 00:00:00Z', false],
  ['1764000000', false],
  ['', false],
  [` ${SINCE}`, false],
  [`2026-11-24T00:00:00.${'0'.repeat(64)}Z`, false],
])('whether %j is a time: %s', (value, is) => {
  expect(isSince(value)).toBe(is);
});

test.each<[what: string, value: string | undefined, known: string | undefined]>([
  ['a time', SINCE, SINCE],
  ['no annotation', undefined, undefined],
  ['an empty one', '', ''],
  ['what is too long for the status', 'x'.repeat(300), 'x'.repeat(256)],
  ['what would be cut within a character', `${'x'.repeat(255)}😀`, `${'x'.repeat(255)}\ufffd`],
])('the value by which %s is known again', (_what, value, known) => {
  expect(redeliverSinceValue(annotated(value))).toBe(known);
});

describe('what the status is to say', () => {
  const seenAt = Date.parse(START);
  const ended: Redelivery = { ...REDELIVERY, completionTime: START, events: 3 };

  test.each<
    [what: string, value: string | undefined, before: WebhookEndpointStatus | undefined, now: object]
  >([
    ['of a new value', SINCE, undefined, { redelivery: REDELIVERY }],
    [
      'of another value than the last',
      SINCE,
      { redelivery: ended, lastHandledRedeliverSince: 'x' },
      { redelivery: REDELIVERY, lastHandledRedeliverSince: 'x' },
    ],
    ['of a value that is no time', 'yesterday', undefined, { lastHandledRedeliverSince: 'yesterday' }],
    [
      'of a value that is no time, after others',
      '',
      { redelivery: ended, lastHandledRedeliverSince: SINCE },
      { redelivery: ended, lastHandledRedeliverSince: '' },
    ],
  ])('%s', (_what, value, before, now) => {
    expect(askedFor(annotated(value, before), seenAt)).toEqual(now);
  });

  test.each<[what: string, value: string | undefined, before: WebhookEndpointStatus]>([
    ['nothing was ever asked for', undefined, {}],
    ['the value was handled', SINCE, { redelivery: ended, lastHandledRedeliverSince: SINCE }],
    ['the annotation was taken away', undefined, { redelivery: ended, lastHandledRedeliverSince: SINCE }],
    ['its redelivery goes on', SINCE, { redelivery: { ...REDELIVERY, events: 2 } }],
    ['another redelivery goes on', '2026-11-23T00:00:00Z', { redelivery: REDELIVERY }],
    ['a redelivery goes on, and the value is no time', 'yesterday', { redelivery: REDELIVERY }],
    ['a redelivery goes on, and the annotation was taken away', undefined, { redelivery: REDELIVERY }],
  ])('stays where %s', (_what, value, before) => {
    expect(askedFor(annotated(value, before), seenAt)).toEqual(before);
  });
});

const failed = (changes: Partial<Delivery> = {}): Delivery =>
  aDelivery({ state: 'Failed', completionTime: '2026-11-24T12:00:00.000Z', ...changes });

test.each<[what: string, changes: Partial<Delivery>, is: boolean]>([
  ['that failed between the times', {}, true],
  ['that failed at the first of the times', { completionTime: '2026-11-24T00:00:00.000Z' }, true],
  ['that failed at the second of the times', { completionTime: START }, true],
  ['that failed at a time of another zone', { completionTime: '2026-11-25T01:30:00+02:00' }, true],
  ['that failed before', { completionTime: '2026-11-23T23:59:59.999Z' }, false],
  ['that failed after', { completionTime: '2026-11-25T00:00:00.001Z' }, false],
  ['that has no time', { completionTime: undefined }, false],
  ['that has succeeded', { state: 'Succeeded' }, false],
  ['that was canceled', { state: 'Canceled' }, false],
  ['that is pending', { state: 'Pending', completionTime: undefined }, false],
  ['that was started over before', { redeliveries: 1, startTime: '2026-11-24T11:00:00.000Z' }, true],
  [
    'that was started over by it, and has failed by a clock set back',
    { redeliveries: 1, startTime: START },
    false,
  ],
  ['that was taken up by a clock ahead', { startTime: '2026-11-26T00:00:00.000Z' }, true],
  ['that was never counted', { redeliveries: undefined, startTime: undefined }, true],
])('whether a delivery %s is to be started over', (_what, changes, is) => {
  expect(isToStartOver(failed(changes), REDELIVERY)).toBe(is);
});

test.each<[what: string, changes: Partial<Delivery>, is: boolean]>([
  ['when it began', { redeliveries: 1, startTime: START }, true],
  ['later', { redeliveries: 3, startTime: '2026-11-26T00:00:00.000Z' }, true],
  ['before', { redeliveries: 1, startTime: '2026-11-24T23:59:59.999Z' }, false],
  ['never, and was taken up later', { startTime: '2026-11-26T00:00:00.000Z' }, false],
])('a delivery was started over since the redelivery began: %s', (_what, changes, is) => {
  expect(wasStartedOver(aDelivery(changes), REDELIVERY)).toBe(is);
});
