import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { instantOf } from '../../src/delivery/instant.ts';

test.each<[what: string, times: string[]]>([
  [
    'of one zone',
    ['0000-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '2021-06-18T07:50:26Z', '9999-12-31T23:59:59Z'],
  ],
  [
    'of different zones',
    [
      '2021-06-18T09:00:00+02:00',
      '2021-06-18T07:00:01Z',
      '2021-06-18T02:00:02-05:00',
      '2021-06-18T07:00:03Z',
    ],
  ],
  [
    'at both ends of the calendar, whatever the zone',
    [
      '0000-01-01T00:00:00+23:59',
      '0000-01-01T00:00:00Z',
      '9999-12-31T23:59:59Z',
      '9999-12-31T23:59:59-23:59',
    ],
  ],
  [
    'with fractions of any length',
    [
      '2021-06-18T07:50:26Z',
      '2021-06-18T07:50:26.000000000001Z',
      '2021-06-18T07:50:26.09Z',
      '2021-06-18T07:50:26.1Z',
      '2021-06-18T07:50:26.595298Z',
      '2021-06-18T07:50:26.5952980000000000000000001Z',
      '2021-06-18T07:50:26.6Z',
      '2021-06-18T07:50:27Z',
    ],
  ],
])('times %s sort as their instants do', (_what, times) => {
  expect(times.toReversed().toSorted((a, b) => (instantOf(a) < instantOf(b) ? -1 : 1))).toEqual(times);
});

test.each([
  ['2021-06-18T07:50:26.5Z', '2021-06-18T07:50:26.500Z'],
  ['2021-06-18T07:50:26Z', '2021-06-18T07:50:26.000Z'],
  ['2021-06-18T07:50:26.25Z', '2021-06-18T09:50:26.25+02:00'],
  ['2021-06-18T07:50:26Z', '2021-06-18T07:50:26-00:00'],
])('%s and %s are the same instant', (a, b) => {
  expect(instantOf(a)).toBe(instantOf(b));
  expect(instantOf(a)).not.toBe('');
});

test('milliseconds sort as Date has them', () => {
  const time = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(time, time, (a, b) => {
      const [first, second] = [instantOf(a.toISOString()), instantOf(b.toISOString())];
      expect(Math.sign(a.getTime() - b.getTime())).toBe(first < second ? -1 : first > second ? 1 : 0);
    }),
  );
});

test.each([undefined, null, 7, '', 'soon', '2021-06-18', '2021-06-18T25:00:00Z', '2021-06-18T07:50:26'])(
  '%p is no instant',
  (value) => {
    expect(instantOf(value)).toBe('');
  },
);
