import { describe, expect, test } from '@jest/globals';
import {
  afterAttempt,
  afterChange,
  allowed,
  CLOSED,
  isHolding,
  reopensAt,
  type Circuit,
} from '../../src/delivery/circuit.ts';

const NOW = 1_000_000;
const SECOND = 1000;

/** Attempts that begin and end at a time, in seconds after NOW. */
function after(
  circuit: Circuit,
  ...attempts: [seconds: number, counts: 'failure' | 'reset' | 'success'][]
): Circuit {
  return attempts.reduce((before, [seconds, counts]) => {
    const at = NOW + seconds * SECOND;
    return afterAttempt(before, { startedAt: at, endedAt: at, counts });
  }, circuit);
}

const failures = (count: number): [number, 'failure'][] =>
  Array.from({ length: count }, () => [0, 'failure']);
const open = after(CLOSED, ...failures(5));
const closedAgain = { failures: 0, openedAt: NOW, allowance: 1 };

describe('a circuit', () => {
  test('stays closed for four failures in a row and opens at the fifth', () => {
    expect(after(CLOSED, ...failures(4))).toEqual({ failures: 4 });
    expect(open).toMatchObject({ failures: 5, probeAt: NOW + 5 * SECOND });
  });

  test.each(['success', 'reset'] as const)('begins its row anew after a %s', (counts) => {
    const circuit = after(CLOSED, ...failures(4), [0, counts], ...failures(4));
    expect(circuit.probeAt).toBeUndefined();
    expect(circuit.failures).toBe(4);
  });

  test('lets a probe through after 5 s, then after twice as long for each that fails, up to 5 min', () => {
    let circuit = open;
    const delays: number[] = [];
    let at = 5;
    for (let probe = 0; probe < 9; probe += 1) {
      circuit = after(circuit, [at, 'failure']);
      const next = ((circuit.probeAt ?? 0) - NOW) / SECOND;
      delays.push(next - at);
      at = next;
    }
    expect(delays).toEqual([10, 20, 40, 80, 160, 300, 300, 300, 300]);
  });

  test('is not moved by the failure of what was in flight when it opened', () => {
    const late = after(open, [3, 'failure'], [4.999, 'failure']);
    expect(late).toMatchObject({ failures: 7, probeAt: open.probeAt, failedProbes: 0 });
  });

  test('that has closed is not opened again by what was in flight when it opened', () => {
    const closed = after(open, [5, 'success']);
    const late = { startedAt: NOW, endedAt: NOW + 30 * SECOND, counts: 'failure' as const };
    const since = { ...late, startedAt: NOW + 1 };
    expect(Array.from({ length: 5 }, () => late).reduce(afterAttempt, closed)).toEqual(closed);
    expect(Array.from({ length: 5 }, () => since).reduce(afterAttempt, closed)).toMatchObject({
      failures: 5,
      openedAt: NOW + 30 * SECOND,
    });
  });

  test.each(['success', 'reset'] as const)('closes after a %s, whoever brought it', (counts) => {
    expect(after(open, [1, counts])).toEqual(closedAgain);
  });
});

describe('what is allowed', () => {
  test.each<[what: string, circuit: Circuit, seconds: number, want: number]>([
    ['a closed one: all', CLOSED, 0, 8],
    ['an open one: nothing before its probe', open, 4.999, 0],
    ['an open one: one probe then', open, 5, 1],
    ['one that was asked to wait: nothing', { failures: 1, heldUntil: NOW + SECOND }, 0.999, 0],
    ['one that was asked to wait: all once that is over', { failures: 1, heldUntil: NOW + SECOND }, 1, 8],
    ['an open one that was asked to wait longer: nothing', { ...open, heldUntil: NOW + 9 * SECOND }, 6, 0],
  ])('%s', (_what, circuit, seconds, want) => {
    expect(allowed(circuit, 8, [], NOW + seconds * SECOND)).toBe(want);
  });

  test('after it has closed: 1, 2, 4, 8 and so on', () => {
    let circuit = after(open, [5, 'success']);
    const found = Array.from({ length: 5 }, () => {
      const now = allowed(circuit, 8, [], NOW + 5 * SECOND);
      circuit = after(circuit, [5, 'success']);
      return now;
    });
    expect(found).toEqual([1, 2, 4, 8, 8]);
  });

  test.each<[what: string, circuit: Circuit, seconds: number, begun: number[], want: number]>([
    ['a probe goes although some hang since before it opened', open, 5, [-9, -1, 0], 4],
    ['one probe at a time', open, 7, [-9, -1, 5], 3],
    ['no probe before its time', open, 4, [-9, -1, 0], 0],
    ['no more than the endpoint takes at all', open, 5, [-7, -6, -5, -4, -3, -2, -1], 8],
    ['not even a probe then', open, 5, [-7, -6, -5, -4, -3, -2, -1, 0], 8],
    ['once it has closed they do not hold up what goes', after(open, [5, 'success']), 6, [-9, -1], 3],
    ['what was begun since counts', after(open, [5, 'success'], [6, 'success']), 7, [-9, 5, 6], 3],
    ['of one that never opened all count', { failures: 0, allowance: 2 }, 0, [-9, -1], 2],
  ])('beside those that are open: %s', (_what, circuit, seconds, begun, want) => {
    const times = begun.map((at) => NOW + at * SECOND);
    expect(allowed(circuit, 8, times, NOW + seconds * SECOND)).toBe(want);
  });

  test('an allowance that no limit reaches is forgotten', () => {
    const circuit = after(open, ...Array.from({ length: 12 }, (): [number, 'success'] => [5, 'success']));
    expect(circuit).toEqual({ failures: 0, openedAt: NOW });
  });

  test('deliveries wait while it is open, and while the receiver has asked for it', () => {
    expect([open, CLOSED].map((circuit) => isHolding(circuit, NOW + 60 * SECOND))).toEqual([true, false]);
    const held = { failures: 0, heldUntil: NOW + SECOND };
    expect([0, 1].map((seconds) => isHolding(held, NOW + seconds * SECOND))).toEqual([true, false]);
  });
});

test('a later hold wins, and an earlier one is kept', () => {
  const at = (heldUntil?: number) => ({
    startedAt: NOW,
    endedAt: NOW,
    counts: 'failure' as const,
    heldUntil,
  });
  const held = afterAttempt(CLOSED, at(NOW + 9));
  expect(afterAttempt(held, at(NOW + 5)).heldUntil).toBe(NOW + 9);
  expect(afterAttempt(held, at(NOW + 12)).heldUntil).toBe(NOW + 12);
  expect(afterAttempt(held, at()).heldUntil).toBe(NOW + 9);
});

test.each<[what: string, circuit: Circuit, seconds: number | undefined]>([
  ['a closed circuit', CLOSED, undefined],
  ['an open one', open, 5],
  ['an open one whose probe may go', { ...open, probeAt: NOW }, undefined],
  ['a hold', { failures: 1, heldUntil: NOW + 9 * SECOND }, 9],
  ['a hold that is over', { failures: 1, heldUntil: NOW }, undefined],
  ['both: the later', { ...open, heldUntil: NOW + 9 * SECOND }, 9],
])('more may be sent after %s', (_what, circuit, seconds) => {
  expect(reopensAt(circuit, NOW)).toBe(seconds === undefined ? undefined : NOW + seconds * SECOND);
});

test.each<[what: string, circuit: Circuit, bySpec: Circuit, byContent: Circuit]>([
  ['an open circuit', open, closedAgain, closedAgain],
  ['a row of failures', { failures: 3 }, { failures: 3 }, { failures: 3 }],
  ['a hold', { failures: 1, heldUntil: NOW }, { failures: 1 }, { failures: 1, heldUntil: NOW }],
  ['both', { ...open, heldUntil: NOW }, closedAgain, { ...closedAgain, heldUntil: NOW }],
])('a change closes a circuit, and that of the spec ends a hold: %s', (_what, circuit, bySpec, byContent) => {
  expect(afterChange(circuit, 'spec')).toEqual(bySpec);
  expect(afterChange(circuit, 'content')).toEqual(byContent);
});
