import { describe, expect, test } from '@jest/globals';
import type { AttemptFailure, AttemptReason } from '../../src/api/reasons.ts';
import { classify, type AttemptResult } from '../../src/delivery/classify.ts';

const answered = (statusCode: number): AttemptResult => ({
  kind: 'answered',
  statusCode,
  durationMilliseconds: 12,
});
const detailed = (detail: string): string =>
  classify({ kind: 'failed', failure: 'TLSFailed', detail }).message;
const FAILURES: AttemptFailure[] = [
  'Timeout',
  'ConnectionRefused',
  'ConnectionReset',
  'DNSLookupFailed',
  'TLSFailed',
  'InvalidResponse',
  'AddressForbidden',
];

describe('an answer', () => {
  test.each<[number, AttemptReason, string]>([
    [200, 'Delivered', 'success'],
    [202, 'Delivered', 'success'],
    [299, 'Delivered', 'success'],
    [300, 'Redirected', 'failure'],
    [301, 'Redirected', 'failure'],
    [304, 'Redirected', 'failure'],
    [399, 'Redirected', 'failure'],
    [400, 'BadStatus', 'reset'],
    [401, 'BadStatus', 'failure'],
    [404, 'BadStatus', 'failure'],
    [408, 'BadStatus', 'failure'],
    [410, 'Gone', 'failure'],
    [413, 'BadStatus', 'reset'],
    [414, 'BadStatus', 'failure'],
    [415, 'BadStatus', 'reset'],
    [422, 'BadStatus', 'reset'],
    [429, 'BadStatus', 'failure'],
    [500, 'BadStatus', 'failure'],
    [503, 'BadStatus', 'failure'],
    [599, 'BadStatus', 'failure'],
  ])('of %d is %s and counts as %s', (statusCode, reason, countsAgainstEndpoint) => {
    expect(classify(answered(statusCode))).toMatchObject({
      success: reason === 'Delivered',
      reason,
      countsAgainstEndpoint,
      statusCode,
      durationMilliseconds: 12,
    });
  });

  test.each([
    [204, 'The receiver answered 204.'],
    [302, 'put the final URL into'],
    [400, 'does not accept this event'],
    [401, 'signingKeys'],
    [404, 'path'],
    [410, 'no more events'],
    [500, 'log'],
  ])('of %d tells a person %j', (statusCode, want) => {
    expect(classify(answered(statusCode)).message).toContain(want);
  });

  test('has a message that fits, whatever the status', () => {
    const messages = Array.from({ length: 400 }, (_, index) => classify(answered(index + 200)).message);

    expect(messages.filter((message) => !/^The receiver answered \d{3}[ -~]{1,220}$/.test(message))).toEqual(
      [],
    );
  });

  test('has a duration in whole milliseconds', () => {
    const outcome = classify({ kind: 'answered', statusCode: 200, durationMilliseconds: 12.6 });

    expect(outcome.durationMilliseconds).toBe(13);
  });
});

describe('an attempt without an answer', () => {
  test.each(FAILURES)('keeps %s as its reason, has no status and counts as a failure', (failure) => {
    const outcome = classify({ kind: 'failed', failure });

    expect(outcome).toEqual({
      success: false,
      reason: failure,
      message: expect.stringMatching(/^[A-Z][ -~]{1,174}\.$/),
      countsAgainstEndpoint: 'failure',
    });
    expect(outcome.message).toMatch(/; (check|look into|use) /);
  });

  test('has its duration, in whole milliseconds', () => {
    const outcome = classify({ kind: 'failed', failure: 'Timeout', durationMilliseconds: 10_000.4 });

    expect(outcome.durationMilliseconds).toBe(10_000);
  });

  test('tells a detail of ours, in bounds', () => {
    expect(detailed('CERT_HAS_EXPIRED')).toMatch(/ \(CERT_HAS_EXPIRED\)\.$/);
    expect(detailed('x'.repeat(500))).toMatch(/^[ -~]{1,256}$/);
    expect(detailed('ü\n\u{1f511}')).toMatch(/ \(\?+\)\.$/);
    expect(detailed('')).not.toContain('()');
  });

  test('to a forbidden address tells neither the address nor how long it took', () => {
    const outcome = classify({
      kind: 'failed',
      failure: 'AddressForbidden',
      detail: '169.254.169.254',
      durationMilliseconds: 3,
    });

    expect(outcome).not.toHaveProperty('durationMilliseconds');
    expect(outcome.message).not.toContain('169');
  });
});
