import { expect, test } from '@jest/globals';
import { retryAfter } from '../../src/delivery/retryAfter.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');

test.each<[statusCode: number, value: string | undefined, seconds: number | undefined]>([
  [503, '120', 120],
  [429, '120', 120],
  [429, '1', 1],
  [429, '0', undefined],
  [429, '3600', 3600],
  [429, '3601', 3600],
  [429, '99999999999999999999', 3600],
  [503, 'Wed, 25 Nov 2026 12:01:00 GMT', 60],
  [503, 'Wed, 25 Nov 2026 14:00:00 GMT', 3600],
  [503, 'Wed, 25 Nov 2026 12:00:00 GMT', undefined],
  [503, 'Wed, 25 Nov 2026 11:59:00 GMT', undefined],
  [503, 'Wed, 31 Feb 2026 25:00:00 GMT', undefined],
  [503, '2026-11-25T12:01:00Z', undefined],
  [503, '-5', undefined],
  [503, '+5', undefined],
  [503, '1.5', undefined],
  [503, '5s', undefined],
  [503, ' 5', undefined],
  [503, '', undefined],
  [503, 'soon', undefined],
  [503, undefined, undefined],
  [500, '120', undefined],
  [200, '120', undefined],
  [302, '120', undefined],
])('after a %d with Retry-After %p: %p seconds', (statusCode, value, seconds) => {
  const want = seconds === undefined ? undefined : NOW + seconds * 1000;
  expect(retryAfter(statusCode, value, NOW, 3600)).toBe(want);
});
