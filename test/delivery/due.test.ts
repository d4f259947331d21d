import { describe, expect, test } from '@jest/globals';
import { credible, dueAt, renewal } from '../../src/delivery/due.ts';
import { aDelivery } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const at = (milliseconds: number) => new Date(NOW + milliseconds).toISOString();
const renewed = { at: NOW, withinMilliseconds: 5000 };
const failed = (deliveryID = 'msg_1') =>
  aDelivery({ deliveryID, attempts: 1, lastAttemptTime: at(-9000), nextAttemptTime: at(600_000) });

describe('a delivery', () => {
  test('without an attempt is due', () => {
    expect(dueAt(aDelivery(), undefined)).toBe(0);
    expect(dueAt(aDelivery(), renewed)).toBe(0);
  });

  test('is due by its backoff', () => {
    expect(dueAt(failed(), undefined)).toBe(NOW + 600_000);
  });

  test('is due soon after a change, at the same time whenever that is asked', () => {
    const due = dueAt(failed(), renewed);
    expect(due).toBeGreaterThanOrEqual(NOW);
    expect(due).toBeLessThan(NOW + 5000);
    expect(dueAt({ ...failed(), attempts: 2 }, renewed)).toBe(due);
  });

  test.each<[what: string, lastAttemptTime: string, want: number]>([
    ['after it', at(1), NOW + 600_000],
    ['with it', at(0), NOW + 600_000],
  ])('is due by its backoff where its attempt was begun %s', (_what, lastAttemptTime, want) => {
    expect(dueAt({ ...failed(), lastAttemptTime }, renewed)).toBe(want);
  });

  test('is never due later by a change', () => {
    expect(dueAt({ ...failed(), nextAttemptTime: at(-1) }, renewed)).toBe(NOW - 1);
  });

  test('is spread evenly with the others', () => {
    const times = Array.from({ length: 1000 }, (_, index) => dueAt(failed(`msg_${index}`), renewed) - NOW);
    for (let second = 0; second < 5; second += 1) {
      const within = times.filter((time) => Math.floor(time / 1000) === second);
      expect(within.length).toBeGreaterThan(140);
      expect(within.length).toBeLessThan(260);
    }
  });
});

test.each<[pending: number, maxInFlight: number, seconds: number]>([
  [0, 8, 5],
  [1, 8, 5],
  [8, 8, 5],
  [9, 8, 10],
  [24, 8, 15],
  [1000, 8, 60],
  [10_000, 1, 60],
])('%d pending deliveries with %d in flight are spread over %d s', (pending, maxInFlight, seconds) => {
  expect(renewal(NOW, pending, maxInFlight)).toEqual({ at: NOW, withinMilliseconds: seconds * 1000 });
});

describe('a due time', () => {
  const HOUR = 3_600_000;

  test.each<[what: string, ahead: number]>([
    ['is past', -HOUR],
    ['is as far ahead as the longest delay', HOUR],
  ])('that %s stands', (_what, ahead) => {
    expect(credible(NOW + ahead, HOUR, NOW - 5000, NOW)).toBe(NOW + ahead);
  });

  test.each([HOUR + 1, 24 * HOUR])(
    'that no delay could make, %d ms ahead, is taken for the longest one',
    (ahead) => {
      const seenAt = NOW - 5000;
      expect(credible(NOW + ahead, HOUR, seenAt, NOW)).toBe(seenAt + HOUR);
      // It comes although it is asked again and again.
      expect(credible(NOW + 24 * HOUR, HOUR, seenAt, NOW + HOUR)).toBeLessThan(NOW + HOUR);
    },
  );
});
