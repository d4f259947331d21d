import { beforeEach, expect, test } from '@jest/globals';
import { TokenBuckets } from '../../src/runtime/tokenBuckets.ts';
import { FakeClock } from '../support/fakeClock.ts';

let clock: FakeClock;
let buckets: TokenBuckets;

beforeEach(() => {
  clock = new FakeClock();
  buckets = new TokenBuckets({ clock, burst: 3, tokensPerSecond: 0.5, maxBuckets: 2 });
});

const takeAll = (key: string): number => {
  let taken = 0;
  while (buckets.take(key)) taken += 1;
  return taken;
};

test('a bucket is full at first, and each key has its own', () => {
  expect([takeAll('a'), takeAll('b')]).toEqual([3, 3]);
});

test('a bucket fills with time, up to its burst', async () => {
  takeAll('a');
  await clock.advance(1999);
  expect(takeAll('a')).toBe(0);
  await clock.advance(1);
  expect(takeAll('a')).toBe(1);
  await clock.advance(3_600_000);
  expect(takeAll('a')).toBe(3);
});

test('says how long it takes until there is a token', async () => {
  expect(buckets.wait('a')).toBe(0);
  takeAll('a');
  expect(buckets.wait('a')).toBe(2000);
  await clock.advance(500.5);
  expect(buckets.wait('a')).toBe(1500);
  await clock.advance(buckets.wait('a'));
  expect([buckets.wait('a'), buckets.take('a')]).toEqual([0, true]);
});

test('a wall clock that is set changes nothing', () => {
  takeAll('a');
  clock.adjustWall(3_600_000);
  expect(takeAll('a')).toBe(0);
});

test('the bucket that was used longest ago is forgotten where there are too many', () => {
  takeAll('a');
  takeAll('b');
  expect(takeAll('a')).toBe(0);
  takeAll('c');
  expect(takeAll('a')).toBe(0);
  expect(takeAll('b')).toBe(3);
});
