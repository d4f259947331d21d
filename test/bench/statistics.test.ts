import { describe, expect, test } from '@jest/globals';
import { median, percentile } from './statistics.ts';

describe('the median', () => {
  test.each([
    [[3], 3],
    [[3, 1, 2], 2],
    [[10, 9, 2, 1], 5.5],
  ])('of %j is %d', (values, wanted) => {
    expect(median(values)).toBe(wanted);
  });

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow('no values');
  });

  test('leaves the values in their order', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('a percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  test.each([
    [0, 1],
    [50, 50],
    [99, 99],
    [100, 100],
  ])('%d of 1 to 100 is %d', (percent, wanted) => {
    expect(percentile(hundred, percent)).toBe(wanted);
  });

  test('is a value that was measured', () => {
    expect(percentile([1, 9], 50)).toBe(1);
    expect(percentile([1, 9], 51)).toBe(9);
  });

  test('of nothing is an error', () => {
    expect(() => percentile([], 50)).toThrow('no values');
  });
});
