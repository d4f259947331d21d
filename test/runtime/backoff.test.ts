import { expect, test } from '@jest/globals';
import { Backoff, backoffDelay } from '../../src/runtime/backoff.ts';

const limits = { initialMilliseconds: 800, maxMilliseconds: 30_000 };

test.each([
  [1, 800],
  [2, 1600],
  [5, 12_800],
  [6, 25_600],
  [7, 30_000],
  [5000, 30_000],
])('after %d failures the delay is spread between half of %d ms and all of it', (failures, most) => {
  expect(backoffDelay(failures, limits, () => 0)).toBe(most / 2);
  expect(backoffDelay(failures, limits, () => 0.999_999)).toBeCloseTo(most, 0);
});

test('rows of failures are counted by key, and end where they are reset', () => {
  const backoff = new Backoff(limits, () => 0);
  expect([backoff.next('a'), backoff.next('a'), backoff.next('b')]).toEqual([400, 800, 400]);
  backoff.reset('a');
  expect([backoff.next('a'), backoff.next('b')]).toEqual([400, 800]);
  backoff.resetAll();
  expect([backoff.next('a'), backoff.next('b'), backoff.failures('c')]).toEqual([400, 400, 0]);
});
