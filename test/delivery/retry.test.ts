import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { longestDelay, nextAttempt } from '../../src/delivery/retry.ts';

const FIRST = Date.parse('2026-11-24T00:00:00Z');
const DEFAULTS = { initialDelaySeconds: 5, maxDelaySeconds: 3600, giveUpAfterSeconds: 259_200 };
const failed = { policy: DEFAULTS, attempts: 1, firstAttemptTime: FIRST, failedAt: FIRST, random: 0.5 };
const GIVE_UP = { giveUp: true };

describe('nextAttempt', () => {
  test.each([
    [1, 5],
    [2, 10],
    [3, 20],
    [10, 2560],
    [11, 3600],
    [12, 3600],
    [2000, 3600],
  ])('after %d attempts waits %d s, doubling up to the maximum', (attempts, seconds) => {
    expect(nextAttempt({ ...failed, attempts })).toEqual({ at: FIRST + seconds * 1000 });
  });

  test.each([
    [0, 4000],
    [0.25, 4500],
    [0.75, 5500],
    [1 - 2 ** -53, 6000],
  ])('with %d as random number waits %d ms of 5 s', (random, milliseconds) => {
    expect(nextAttempt({ ...failed, random })).toEqual({ at: FIRST + milliseconds });
  });

  test('spreads the delay after the cap, so that it may pass the maximum by a fifth', () => {
    expect(nextAttempt({ ...failed, attempts: 20, random: 1 - 2 ** -53 })).toEqual({ at: FIRST + 4_320_000 });
    expect(longestDelay(DEFAULTS)).toBeCloseTo(4_320_000);
  });

  test('lets the maximum win where it is less than the initial delay', () => {
    const policy = { ...DEFAULTS, initialDelaySeconds: 60, maxDelaySeconds: 2 };

    expect(nextAttempt({ ...failed, policy })).toEqual({ at: FIRST + 2000 });
  });

  test.each([
    [1, 1, GIVE_UP],
    [1, 2, { at: FIRST + 5000 }],
    [2, 2, GIVE_UP],
    [3, 2, GIVE_UP],
    [99, 100, { at: FIRST + 3_600_000 }],
    [100, 100, GIVE_UP],
  ])('after %d attempts with maxAttempts %d', (attempts, maxAttempts, want) => {
    expect(nextAttempt({ ...failed, attempts, policy: { ...DEFAULTS, maxAttempts } })).toEqual(want);
  });

  test.each([
    ['ends at the window', 55_000, { at: FIRST + 60_000 }],
    ['ends a millisecond after it', 55_001, GIVE_UP],
    ['begins after the window', 61_000, GIVE_UP],
  ])('where the delay %s', (_name, afterFirst, want) => {
    const policy = { ...DEFAULTS, giveUpAfterSeconds: 60 };

    expect(nextAttempt({ ...failed, policy, failedAt: FIRST + afterFirst })).toEqual(want);
  });

  test.each([
    ['at once', 0],
    ['although the clock went back', -60_000],
  ])('gives up after one attempt where the window is 0, %s', (_name, afterFirst) => {
    const policy = { ...DEFAULTS, giveUpAfterSeconds: 0 };

    expect(nextAttempt({ ...failed, policy, failedAt: FIRST + afterFirst })).toEqual(GIVE_UP);
  });

  test('waits 0.8 to 1.2 times the capped delay, in whole milliseconds, whatever the policy', () => {
    const policies = fc.record({
      initialDelaySeconds: fc.integer({ min: 1, max: 3600 }),
      maxDelaySeconds: fc.integer({ min: 1, max: 86_400 }),
      giveUpAfterSeconds: fc.constant(1_209_600),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 1500 }), random, (policy, attempts, number) => {
        let seconds = policy.initialDelaySeconds;
        for (let doubled = 1; doubled < attempts && seconds < policy.maxDelaySeconds; doubled += 1)
          seconds *= 2;
        seconds = Math.min(seconds, policy.maxDelaySeconds);
        const next = nextAttempt({ ...failed, policy, attempts, random: number });
        const delay = 'at' in next ? next.at - FIRST : NaN;

        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(seconds * 800);
        expect(delay).toBeLessThanOrEqual(seconds * 1200);
      }),
    );
  });
});
