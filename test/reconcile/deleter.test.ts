import { beforeEach, describe, expect, test } from '@jest/globals';
import { Deleter } from '../../src/reconcile/deleter.ts';
import { ApiError } from '../../src/runtime/apiError.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aFinishedEvent } from '../support/finishedEvents.ts';

const { metadata } = aFinishedEvent();
let clock: FakeClock;
let answer: () => void;
let refused: unknown[];
let deleted: number[];
let deleter: Deleter;

beforeEach(() => {
  clock = new FakeClock();
  answer = () => {};
  refused = [];
  deleted = [];
  deleter = new Deleter({
    delete: async () => {
      answer();
      deleted.push(clock.monotonic());
    },
    onRefused: (error) => refused.push(error),
    clock,
  });
});

describe('a delete', () => {
  test.each<[what: string, status: number, reason: string, fate: string]>([
    ['of what is gone', 404, 'NotFound', 'gone'],
    ['of what was changed, or created again', 409, 'Conflict', 'changed'],
    ['that is not allowed', 403, 'Forbidden', 'refused'],
    ['that an admission webhook refuses', 400, 'BadRequest', 'refused'],
    ['that is invalid', 422, 'Invalid', 'refused'],
  ])('%s (%d %s) is %s', async (_, status, reason, fate) => {
    answer = () => {
      throw new ApiError(status, reason, 'no');
    };
    expect(await deleter.now(metadata)).toBe(fate);
    expect(refused).toHaveLength(fate === 'refused' ? 1 : 0);
  });

  test('that succeeds is told so', async () => {
    expect(await deleter.now(metadata)).toBe('deleted');
  });

  test.each([
    new ApiError(500, 'InternalError', 'no'),
    new ApiError(503, 'ServiceUnavailable', 'no'),
    new ApiError(429, 'TooManyRequests', 'no'),
    new ApiError(401, 'Unauthorized', 'no'),
    new Error('no answer'),
  ])('that fails for a reason that concerns all throws it: %s', async (error) => {
    answer = () => {
      throw error;
    };
    await expect(deleter.now(metadata)).rejects.toBe(error);
    expect(refused).toEqual([]);
  });
});

test('what is refused is told once a minute', async () => {
  answer = () => {
    throw new ApiError(403, 'Forbidden', 'no');
  };
  for (const wait of [0, 1, 59_998, 1, 1]) {
    await clock.advance(wait);
    await deleter.now(metadata);
  }
  expect(refused).toHaveLength(2);
});

describe('deletes in turn', () => {
  test('are at most 200 a second, also of several callers', async () => {
    const { signal } = new AbortController();
    const work = async () => {
      for (;;) await deleter.inTurn(metadata, signal);
    };
    void work();
    void work();
    await clock.advance(3000);
    expect(deleted.length).toBeGreaterThan(500);
    const perSecond = [0, 1000, 2000].map(
      (from) => deleted.filter((at) => at >= from && at < from + 1000).length,
    );
    expect(Math.max(...perSecond)).toBeLessThanOrEqual(200);
  });

  test('end with the signal', async () => {
    const life = new AbortController();
    await deleter.inTurn(metadata, life.signal);
    const waiting = deleter.inTurn(metadata, life.signal);
    life.abort(new Error('the end'));
    await expect(waiting).rejects.toThrow('the end');
    expect(deleted).toHaveLength(1);
  });
});
