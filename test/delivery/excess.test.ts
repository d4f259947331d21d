import { expect, test } from '@jest/globals';
import { excess } from '../../src/delivery/excess.ts';
import { aFinishedEvent, COMPLETED, type FinishedOptions } from '../support/finishedEvents.ts';

const at = (second: number, options: FinishedOptions = {}): FinishedOptions => ({
  completionTime: `2026-11-25T01:00:0${second}Z`,
  ...options,
});
const failed = (second: number, options: FinishedOptions = {}) =>
  at(second, { succeeded: 'False', ...options });

test.each<[what: string, events: Record<string, FinishedOptions>, most: number, want: string[]]>([
  ['nothing where there are no more', { a: at(1), b: at(2) }, 2, []],
  ['nothing of nothing', {}, 0, []],
  ['the oldest', { c: at(3), a: at(1), b: at(2) }, 1, ['a', 'b']],
  ['everything where none may stay', { b: at(2), a: at(1) }, 0, ['a', 'b']],
  ['by name what finished together', { b: at(1), a: at(1), c: at(1) }, 1, ['a', 'b']],
  [
    'what succeeded before what failed',
    { a: failed(1), b: at(2), c: failed(3), d: at(4) },
    1,
    ['b', 'd', 'a'],
  ],
  [
    'what was canceled, or matched nobody, as what succeeded',
    { a: failed(1), b: at(2, { succeeded: 'Unknown' }) },
    1,
    ['b'],
  ],
  [
    'none that says how long it is kept',
    { a: at(1, { ttl: -1 }), b: at(2), c: at(3, { ttl: 60 }) },
    1,
    ['b'],
  ],
  [
    'others for those that say how long they are kept',
    { a: at(1, { ttl: -1 }), b: at(2), c: at(3) },
    2,
    ['b'],
  ],
  [
    'none that is to be sent again',
    { a: failed(1, { metadata: { labels: { 'flagpost.dev/redeliver': '17' } } }), b: at(2), c: at(3) },
    2,
    ['b'],
  ],
  [
    'none that is going already, and not for it',
    { a: at(1, { metadata: { deletionTimestamp: COMPLETED } }), b: at(2) },
    1,
    [],
  ],
])('goes: %s', (_, events, most, want) => {
  const all = Object.entries(events).map(([name, options]) => aFinishedEvent({ name, ...options }));
  expect(excess(all, most).map(({ metadata }) => metadata.name)).toEqual(want);
});
