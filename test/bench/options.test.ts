import { describe, expect, test } from '@jest/globals';
import { parseOptions } from './options.ts';

describe('the options of the bench', () => {
  test('have defaults', () => {
    expect(parseOptions([])).toEqual({ rounds: 5, events: 1000, pending: 10_000, check: false });
  });

  test('are read', () => {
    expect(parseOptions(['--rounds', '1', '--events=20', '--pending=30', '--check'])).toEqual({
      rounds: 1,
      events: 20,
      pending: 30,
      check: true,
    });
  });

  test.each(['0', '-1', '1.5', 'many', ''])('refuse %j rounds', (text) => {
    expect(() => parseOptions([`--rounds=${text}`])).toThrow('--rounds:');
  });

  test('refuse what is unknown', () => {
    expect(() => parseOptions(['--round=1'])).toThrow("Unknown option '--round'");
  });
});
