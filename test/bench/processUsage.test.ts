import { describe, expect, test } from '@jest/globals';
import { parseStat, parseStatus } from './processUsage.ts';

describe('what Linux tells of a process', () => {
  test.each(['node', 'a (b) c'])('gives the CPU time of %s', (name) => {
    const line = `42 (${name}) S 1 42 42 0 -1 4194304 9 0 0 0 123 45 7 8 20 0 11 0 100 200 300`;
    expect(parseStat(line)).toBe(1680);
  });

  test('gives its memory in MB', () => {
    const text = 'Name:\tnode\nVmPeak:\t 9999 kB\nVmHWM:\t  250000 kB\nVmRSS:\t  125000 kB\n';
    expect(parseStatus(text)).toEqual({ now: 128, peak: 256 });
  });

  test('gives no number for what it does not know', () => {
    expect(parseStatus('')).toEqual({ now: NaN, peak: NaN });
    expect(parseStat('42 (node) S')).toBeNaN();
  });
});
