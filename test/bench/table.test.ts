import { expect, test } from '@jest/globals';
import { table } from './table.ts';

test('the table shows medians with the lowest and the highest round, and the verdicts', () => {
  const text = table([
    {
      name: 'events/s',
      reference: [400, 390, 420],
      flagpost: [401, 399, 398],
      target: { of: 'ratio', is: 'at least', bound: 0.95 },
    },
    {
      name: 'p50, ms',
      reference: [4.567, 5],
      flagpost: [12.5, 8],
      target: { of: 'difference', is: 'at most', bound: 3 },
    },
    { name: 'memory, MB', flagpost: [150.6], target: { of: 'value', is: 'at most', bound: 200 } },
    { name: 'heap, MB', flagpost: [0.25] },
  ]);
  expect(`\n${text}\n`).toBe(`
figure      reference          Flagpost           compared  target
events/s    400 (390..420)     399 (398..401)     1.00      >= 0.95   ok
p50, ms     4.78 (4.57..5.00)  10.3 (8.00..12.5)  +5.47     <= +3.00  short
memory, MB  -                  151                -         <= 200    ok
heap, MB    -                  0.250              -         -
`);
});
