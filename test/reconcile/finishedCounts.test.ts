import { beforeEach, describe, expect, test } from '@jest/globals';
import { FinishedCounts } from '../../src/reconcile/finishedCounts.ts';

let counts: FinishedCounts;
beforeEach(() => {
  counts = new FinishedCounts();
});

const add = (namespace: string, times: number) => {
  for (let time = 0; time < times; time += 1) counts.add(namespace);
};
/** The most that `shop` may hold, by what is above it. */
const count = () => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((most) => !counts.above(most).includes('shop'));

describe('the count of a namespace', () => {
  test('is what has finished', () => {
    add('shop', 3);
    add('bank', 1);
    expect(counts.above(2)).toEqual(['shop']);
    expect(counts.above(0)).toEqual(['shop', 'bank']);
    expect(counts.above(3)).toEqual([]);
  });

  test('is what a list has found, and what has finished since it began', () => {
    add('shop', 4);
    const take = counts.beginList();
    add('shop', 2);
    take(new Map([['shop', 1]]));
    expect(count()).toBe(3);
    add('shop', 1);
    expect(count()).toBe(4);
  });

  test('is what a list has found where nothing has finished', () => {
    counts.beginList()(new Map([['shop', 5]]));
    expect(count()).toBe(5);
  });

  test('falls with what was deleted', () => {
    add('shop', 4);
    counts.remove('shop');
    expect(count()).toBe(3);
  });
});

describe('a namespace that was trimmed', () => {
  test('is above nothing until something finishes there, whatever was left', () => {
    add('shop', 4);
    const trimmed = counts.beginTrim('shop');
    expect(counts.above(1)).toEqual(['shop']);
    trimmed();
    expect(counts.above(1)).toEqual([]);
    add('bank', 2);
    expect(counts.above(1)).toEqual(['bank']);
    add('shop', 1);
    expect(counts.above(1)).toEqual(['shop', 'bank']);
  });

  test('is above the limit where something has finished meanwhile', () => {
    add('shop', 4);
    const trimmed = counts.beginTrim('shop');
    add('shop', 1);
    trimmed();
    expect(counts.above(1)).toEqual(['shop']);
  });

  test('is above the limit where a list finds too much', () => {
    counts.beginTrim('shop')();
    counts.beginList()(new Map([['shop', 5]]));
    expect(counts.above(4)).toEqual(['shop']);
  });
});
