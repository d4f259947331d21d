import { describe, expect, test } from '@jest/globals';
import { classify } from '../../src/delivery/classify.ts';
import {
  hasSucceeded,
  isTooLong,
  pauseAfter,
  refusalOf,
  resultOf,
  testId,
} from '../../src/delivery/endpointTest.ts';
import { deliveryId } from '../../src/delivery/deliveryId.ts';
import type { EndpointView } from '../../src/delivery/takeUp.ts';
import { anEndpoint, aView, uid } from '../support/fixtures.ts';

const NOW = 1_795_564_800_000;

test.each([
  [63, 'a', false],
  [64, 'a', true],
  [63, '\u{1f6a9}', false],
  [64, '\u{1f6a9}', true],
  [0, 'a', false],
])('a token of %d times %s is too long: %p', (length, character, want) => {
  expect(isTooLong(character.repeat(length))).toBe(want);
});

test.each([
  ['at once', -Infinity, 0],
  ['5 s after the last one', NOW - 5000, 0],
  ['not sooner', NOW - 4999, 1],
  ['in 5 s at most, where the clock went back', NOW + 3_600_000, 5000],
])('an endpoint is tested %s', (_what, lastBegunAt, want) => {
  expect(pauseAfter(lastBegunAt, NOW)).toBe(want);
});

test('every request of every test has an id of its own, which looks like any other', () => {
  const ids = [
    testId(uid('a'), 'FLAG_UPDATED', NOW),
    testId(uid('a'), 'AUDIT_LOG', NOW),
    testId(uid('a'), 'AUDIT_LOG', NOW + 1),
    testId(uid('b'), 'AUDIT_LOG', NOW),
    deliveryId(uid('a'), uid('b')),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^msg_[\w-]{43}$/);
});

test('a result holds what the attempt came to', () => {
  const outcome = classify({ kind: 'answered', statusCode: 503, durationMilliseconds: 12 });
  expect(resultOf('AUDIT_LOG', outcome)).toEqual({
    eventType: 'AUDIT_LOG',
    statusCode: 503,
    durationMilliseconds: 12,
    reason: 'BadStatus',
    message: outcome.message,
  });
});

describe('an endpoint', () => {
  const { spec } = anEndpoint({ spec: { suspend: true } });
  const refusal = (reason: 'URLForbidden' | 'SecretNotFound') => ({ reason, message: 'why' });
  test.each<[what: string, view: Partial<EndpointView>, reason: string | undefined]>([
    ['that can be used', {}, undefined],
    ['that is suspended', { spec }, undefined],
    ['that is gone', { stoppedBy: 'gone' }, undefined],
    ['whose circuit is open', { stoppedBy: 'circuit' }, undefined],
    ['whose URL is forbidden', { usability: refusal('URLForbidden') }, 'URLForbidden'],
    ['whose Secret is missing', { usability: refusal('SecretNotFound') }, 'SecretNotReady'],
    [
      'that is suspended and lacks a Secret',
      { spec, usability: refusal('SecretNotFound') },
      'SecretNotReady',
    ],
  ])('%s is refused a test for the reason that a delivery would wait with', (_what, changes, reason) => {
    const result = refusalOf('FLAG_UPDATED', aView('flag-cache', changes));
    expect(result).toEqual(reason && { eventType: 'FLAG_UPDATED', reason, message: 'why' });
  });
});

test('a test has succeeded where every sample was taken', () => {
  const result = (reason: string) => ({ eventType: 'AUDIT_LOG' as const, reason, message: '' });
  const delivered = result('Delivered');
  expect(hasSucceeded({ results: [delivered, delivered] })).toBe(true);
  expect(hasSucceeded({ results: [delivered, result('BadStatus')] })).toBe(false);
});
