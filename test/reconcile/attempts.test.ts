import { beforeEach, describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import { makeAttempt, type OutgoingRequest, type SendResult } from '../../src/reconcile/attempts.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { anEndpoint } from '../support/fixtures.ts';

const BODY = Buffer.from('{}');
const { signal } = new AbortController();
const config = {
  url: new URL('https://flag-cache.shop.svc/hooks'),
  host: 'flag-cache.shop.svc',
  signingKeys: [new SecretBytes(Buffer.from('key'))],
  headers: [['X-Team', 'shop']] as const,
};

let clock: FakeClock;
let sent: OutgoingRequest[];

beforeEach(() => {
  clock = new FakeClock('2026-11-25T00:00:00.750Z');
  sent = [];
});

const NOW = Date.parse('2026-11-25T00:00:00.750Z');
const OK: SendResult = { kind: 'answered', statusCode: 204, durationMilliseconds: 12.4 };
const DOWN: SendResult = { kind: 'failed', failure: 'Timeout', durationMilliseconds: 10_000 };

function make(
  result: SendResult,
  { attempt = 1, firstAttemptAt }: { attempt?: number; firstAttemptAt?: number } = {},
  spec = {},
) {
  const send = async (request: OutgoingRequest) => {
    sent.push(request);
    await clock.advance(40);
    return result;
  };
  const endpoint = anEndpoint({ spec });
  const input = {
    endpoint,
    retry: () => endpoint.spec.retry,
    config,
    body: BODY,
    deliveryID: 'msg_1',
    redeliveries: 0,
    attempt,
    firstAttemptAt,
    signal,
  };
  return makeAttempt(input, { send, clock, random: () => 0.5, version: '1.2.3' });
}

describe('an attempt', () => {
  test("is sent with the endpoint's URL, time and TLS, signed at its own second", async () => {
    await make(OK, {}, { timeoutSeconds: 7 });
    expect(sent).toMatchObject([
      { url: config.url, namespace: 'shop', body: BODY, timeoutMilliseconds: 7000, tls: undefined, signal },
    ]);
    const headers = new Map(sent[0]?.headers);
    expect(headers.get('webhook-id')).toBe('msg_1');
    expect(headers.get('webhook-timestamp')).toBe('1795564800');
    expect(headers.get('User-Agent')).toBe('Flagpost/1.2.3');
    expect(headers.get('X-Team')).toBe('shop');
    expect(headers.get('webhook-signature')).toMatch(/^v1,/);
  });

  test('that succeeds is recorded with its times, and no next one', async () => {
    expect(await make(OK)).toEqual({
      endpointUID: 'uid-flag-cache',
      generation: 1,
      redeliveries: 0,
      attempt: 1,
      firstAttemptAt: NOW,
      startedAt: NOW,
      endedAt: NOW + 40,
      outcome: expect.objectContaining({ success: true, reason: 'Delivered', statusCode: 204 }),
    });
  });

  test.each<[attempt: number, first: number | undefined, spec: object, next: number | undefined]>([
    [1, undefined, {}, NOW + 40 + 5000],
    [3, NOW - 60_000, {}, NOW + 40 + 20_000],
    [1, undefined, { retry: { giveUpAfterSeconds: 0 } }, undefined],
    [2, NOW - 1000, { retry: { maxAttempts: 2 } }, undefined],
    [2, NOW - 259_200_000, {}, undefined],
  ])(
    '%d that fails, the first at %p, by %j is tried again at %p',
    async (attempt, firstAttemptAt, spec, next) => {
      const record = await make(DOWN, { attempt, firstAttemptAt }, spec);
      expect(record).toMatchObject({ attempt, firstAttemptAt: firstAttemptAt ?? NOW, startedAt: NOW });
      expect(record?.nextAttemptAt).toBe(next);
    },
  );

  test('that was aborted counts as none', async () => {
    expect(await make({ kind: 'aborted' })).toBeUndefined();
  });
});
