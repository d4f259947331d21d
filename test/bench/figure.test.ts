import { describe, expect, test } from '@jest/globals';
import { judge, type Figure } from './figure.ts';

describe('a figure', () => {
  test.each<[string, Omit<Figure, 'name'>, number, boolean]>([
    [
      'reaches a ratio',
      { reference: [400], flagpost: [380], target: { of: 'ratio', is: 'at least', bound: 0.95 } },
      0.95,
      true,
    ],
    [
      'falls short of a ratio',
      { reference: [400], flagpost: [360], target: { of: 'ratio', is: 'at least', bound: 0.95 } },
      0.9,
      false,
    ],
    [
      'is compared within each round',
      {
        reference: [100, 200, 400],
        flagpost: [90, 200, 800],
        target: { of: 'ratio', is: 'at most', bound: 1.3 },
      },
      1,
      true,
    ],
    [
      'keeps to a difference',
      { reference: [5], flagpost: [8], target: { of: 'difference', is: 'at most', bound: 3 } },
      3,
      true,
    ],
    [
      'exceeds a difference',
      { reference: [5], flagpost: [9], target: { of: 'difference', is: 'at most', bound: 3 } },
      4,
      false,
    ],
    [
      'exceeds a bound of its own',
      { flagpost: [201], target: { of: 'value', is: 'at most', bound: 200 } },
      201,
      false,
    ],
  ])('%s', (_, figure, value, ok) => {
    expect(judge({ name: 'x', ...figure })).toEqual({ value, ok });
  });

  test('that is only shown has no verdict', () => {
    expect(judge({ name: 'x', flagpost: [1] })).toBeUndefined();
  });

  test('that could not be measured is not ok', () => {
    const target = { of: 'ratio', is: 'at most', bound: 1.3 } as const;
    expect(judge({ name: 'x', reference: [1], flagpost: [NaN], target })?.ok).toBe(false);
    expect(judge({ name: 'x', reference: [], flagpost: [1], target })?.ok).toBe(false);
  });
});
