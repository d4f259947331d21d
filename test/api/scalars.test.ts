import { describe, expect, test } from '@jest/globals';
import { integer, text, time } from '../../src/api/scalars.ts';

describe('text', () => {
  test.each([
    ['as many characters as it may have', 'abc', true],
    ['one too many', 'abcd', false],
    ['as few as it may have', 'a', true],
    ['none', '', false],
    ['as many characters, each two UTF-16 units', '🚩🚩🚩', true],
    ['one too many, each two UTF-16 units', '🚩🚩🚩🚩', false],
  ])('counts characters as the API server does: %s', (_, value, fits) => {
    expect(text({ min: 1, max: 3 }).safeParse(value).success).toBe(fits);
  });

  test('counts a character of two UTF-16 units once towards the least', () => {
    expect(text({ min: 2, max: 3 }).safeParse('🚩').success).toBe(false);
  });
});

describe('integer', () => {
  test.each([
    [2 ** 53 - 1, true],
    [1 - 2 ** 53, true],
    [2 ** 53, false],
    [1e300, false],
    [1.5, false],
    ['1', false],
  ])('%p is one that a double holds exactly: %p', (value, fits) => {
    expect(integer().safeParse(value).success).toBe(fits);
  });
});

describe('time', () => {
  test('is one that Date understands, whatever its fraction and zone', () => {
    for (const value of [
      '2024-02-29T23:59:59.123456789012345678901234567890+05:30',
      '0000-01-01T00:00:00-23:59',
    ]) {
      expect(time().safeParse(value).success).toBe(true);
      expect(Date.parse(value)).not.toBeNaN();
    }
  });
});
