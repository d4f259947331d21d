import { beforeEach, expect, test } from '@jest/globals';
import type { Clock } from '../../src/runtime/clock.ts';
import { createServerClock } from '../../src/runtime/serverClock.ts';
import { FakeClock } from '../support/fakeClock.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-11-25T00:00:00Z');

let own: FakeClock;
let told: number | undefined;
let clock: Clock;

beforeEach(async () => {
  own = new FakeClock(START - 5000);
  await own.advance(5000);
  told = undefined;
  clock = createServerClock(own, () => told);
});

/** The API server answers that its time is so far ahead of what it is really. */
function answer(ahead: number): void {
  told = START + ahead - 5000;
}

test.each([HOUR, -HOUR, 24 * HOUR, -24 * HOUR])(
  'it goes on evenly where our own clock jumps by %d ms',
  async (jump) => {
    answer(0);
    expect(clock.now()).toBe(START);
    own.adjustWall(jump);
    await own.advance(1000);
    expect(clock.now()).toBe(START + 1000);
  },
);

test.each([HOUR, -HOUR, 24 * HOUR, -24 * HOUR])(
  'it is right as soon as the API server has answered where our own clock is wrong by %d ms from the start',
  (wrong) => {
    own.adjustWall(wrong);
    clock = createServerClock(own, () => told);
    expect(clock.now()).toBe(START + wrong);
    answer(0);
    expect(clock.now()).toBe(START);
  },
);

test('it does not tremble with what the answers say, a second this way or that', async () => {
  for (const ahead of [900, -900, 1500, -1900]) {
    answer(ahead);
    expect(clock.now()).toBe(START);
  }
  answer(2500);
  expect(clock.now()).toBe(START + 2500);
  answer(900);
  expect(clock.now()).toBe(START + 2500);
});

test('its other half is our own', async () => {
  expect(clock.monotonic()).toBe(own.monotonic());
  let fired = false;
  clock.schedule(1000, () => (fired = true));
  await own.advance(1000);
  expect(fired).toBe(true);
});
