import { beforeEach, describe, expect, test } from '@jest/globals';
import type { EndpointConfig } from '../../src/delivery/resolve.ts';
import type { EndpointView } from '../../src/delivery/takeUp.ts';
import { TEST_ANNOTATION } from '../../src/delivery/endpointTest.ts';
import type { OutgoingRequest, SendResult } from '../../src/reconcile/attempts.ts';
import { EndpointTests } from '../../src/reconcile/endpointTests.ts';
import { Lanes } from '../../src/reconcile/lanes.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { anEndpoint, aView } from '../support/fixtures.ts';

const BOTH = { eventTypes: ['FLAG_UPDATED', 'AUDIT_LOG'] };
const CONFIG: EndpointConfig = {
  url: new URL('https://flag-cache.shop.svc/hooks'),
  host: 'flag-cache.shop.svc',
  signingKeys: [],
  headers: [['X-Team', 'shop']],
};
const answered = (statusCode: number): SendResult => ({
  kind: 'answered',
  statusCode,
  durationMilliseconds: 7,
});

let clock: FakeClock;
let endpoint: ReturnType<typeof anEndpoint>;
let view: Partial<EndpointView>;
let sent: OutgoingRequest[];
let answer: (request: OutgoingRequest) => SendResult | Promise<SendResult>;
let wellAt: [startedAt: number, endedAt: number][];
let told: string[];
let failures: unknown[];
let lanes: Lanes;
let tests: EndpointTests;

/** Begins anew, as after a restart; what is wanted of the endpoint stays. */
function start(): void {
  lanes = new Lanes({
    maxInFlight: 9,
    limit: () => 0,
    testLimit: () => endpoint.spec.maxInFlight,
    isProbing: () => false,
    isFailing: () => true,
    clock,
  });
  const send = async (request: OutgoingRequest) => {
    sent.push(request);
    return answer(request);
  };
  const begun: EndpointTests = new EndpointTests({
    registry: {
      get: () => endpoint,
      view: () => aView('flag-cache', view),
      config: () => CONFIG,
    },
    histories: { tested: (_endpoint, startedAt, endedAt) => void wellAt.push([startedAt, endedAt]) },
    lanes,
    attempts: { send, clock, random: () => 0.5, version: 'test' },
    notify: (_endpoint, notices) => told.push(...notices.map(({ reason, note }) => `${reason} ${note}`)),
    enqueue: (_endpoint, afterMilliseconds = 0) =>
      void clock.schedule(afterMilliseconds, () => {
        if (tests === begun) tests.look(endpoint);
      }),
    failed: (_endpoint, error) => failures.push(error),
  });
  tests = begun;
}

beforeEach(() => {
  clock = new FakeClock('2026-11-25T00:00:00Z');
  endpoint = anEndpoint({ spec: BOTH });
  view = {};
  sent = [];
  answer = () => answered(200);
  wellAt = [];
  told = [];
  failures = [];
  start();
});

/** Sets the annotation, which the endpoint's reconcile then sees. */
async function ask(token: string): Promise<void> {
  const annotations = { [TEST_ANNOTATION]: token };
  endpoint = { ...endpoint, metadata: { ...endpoint.metadata, annotations } };
  tests.look(endpoint);
  await clock.advance(0);
}

const headerOf = ({ headers }: OutgoingRequest, wanted: string) =>
  headers.find(([name]) => name === wanted)?.[1];
const tokens = () => tests.last(endpoint)?.token;

describe('a token that was not handled yet', () => {
  test('sends one sample of each event type at once, marked as a test', async () => {
    await ask('1');
    const bodies = sent.map(({ body }) => JSON.parse(Buffer.from(body).toString()) as object);
    expect(bodies).toMatchObject([{ event_type: 'FLAG_UPDATED' }, { related_object_type: 'FEATURE' }]);
    expect(sent.map((request) => headerOf(request, 'Flagpost-Test'))).toEqual(['true', 'true']);
    expect(sent.map((request) => headerOf(request, 'X-Team'))).toEqual(['shop', 'shop']);
    expect(new Set(sent.map((request) => headerOf(request, 'webhook-id'))).size).toBe(2);
    expect(tests.last(endpoint)).toEqual({
      token: '1',
      time: '2026-11-25T00:00:00.000Z',
      results: ['FLAG_UPDATED', 'AUDIT_LOG'].map((eventType) => ({
        eventType,
        statusCode: 200,
        durationMilliseconds: 7,
        reason: 'Delivered',
        message: 'The receiver answered 200.',
      })),
    });
    expect(wellAt).toEqual([[clock.now(), clock.now()]]);
  });

  test('makes one attempt, and says nothing of the endpoint where not all was taken', async () => {
    answer = ({ body }) => answered(Buffer.from(body).includes('event_type') ? 200 : 410);
    await ask('1');
    await clock.advance(60_000);
    expect(tests.last(endpoint)?.results).toMatchObject([{ reason: 'Delivered' }, { reason: 'Gone' }]);
    expect(sent).toHaveLength(2);
    expect(wellAt).toEqual([]);
  });

  test('is not sent again, also by the next process', async () => {
    await ask('1');
    tests.look(endpoint);
    endpoint = { ...endpoint, status: { lastTest: tests.last(endpoint) } };
    start();
    await ask('1');
    await clock.advance(60_000);
    expect(sent).toHaveLength(2);
    expect(tokens()).toBe('1');
  });

  test('sends nothing where the endpoint can not be used', async () => {
    view = { usability: { reason: 'SecretNotFound', message: 'why' } };
    await ask('1');
    expect(sent).toEqual([]);
    expect(tests.last(endpoint)?.results).toEqual([
      { eventType: 'FLAG_UPDATED', reason: 'SecretNotReady', message: 'why' },
      { eventType: 'AUDIT_LOG', reason: 'SecretNotReady', message: 'why' },
    ]);
    expect(wellAt).toEqual([]);
  });
});

test('of tokens that are set within 5 s the latest is sent, once those are over', async () => {
  await ask('1');
  await clock.advance(1000);
  await ask('2');
  await clock.advance(1000);
  await ask('3');
  await clock.advance(2999);
  expect([tokens(), sent.length]).toEqual(['1', 2]);
  await clock.advance(1);
  expect([tokens(), sent.length]).toEqual(['3', 4]);
  await clock.advance(60_000);
  expect(sent).toHaveLength(4);
});

test('the pause holds across a restart', async () => {
  await ask('1');
  endpoint = { ...endpoint, status: { lastTest: tests.last(endpoint) } };
  start();
  await clock.advance(1000);
  await ask('2');
  await clock.advance(3999);
  expect(sent).toHaveLength(2);
  await clock.advance(1);
  expect(sent).toHaveLength(4);
});

test('a token that is set while a test runs waits for its end', async () => {
  const open = Promise.withResolvers<SendResult>();
  answer = () => open.promise;
  await ask('1');
  await clock.advance(6000);
  await ask('2');
  expect(sent).toHaveLength(2);
  answer = () => answered(200);
  open.resolve(answered(500));
  await clock.advance(1);
  expect([tokens(), sent.length]).toEqual(['2', 4]);
});

test('a token that is too long is ignored, and told once', async () => {
  const long = 'x'.repeat(64);
  await ask(long);
  await ask(long);
  expect(sent).toEqual([]);
  expect(told).toEqual([
    'InvalidAnnotation The annotation flagpost.dev/test is ignored, since its value has more than 63 characters.',
  ]);
  await ask('1');
  expect(tokens()).toBe('1');
});

test('without the annotation nothing is sent', async () => {
  tests.look(endpoint);
  await clock.advance(10_000);
  expect(sent).toEqual([]);
});

test('what is open is aborted when the endpoint is gone, and leaves no result', async () => {
  endpoint = anEndpoint({ spec: { ...BOTH, maxInFlight: 1 } });
  const open = Promise.withResolvers<SendResult>();
  answer = () => open.promise;
  await ask('1');
  expect(sent).toHaveLength(1);
  tests.forget(endpoint.metadata.uid);
  expect(sent[0]?.signal.aborted).toBe(true);
  open.resolve({ kind: 'aborted' });
  await clock.advance(60_000);
  expect([tokens(), sent.length, lanes.inFlight]).toEqual([undefined, 1, 0]);
});

test('one that was aborted by the end of the process is sent by the next one', async () => {
  answer = () => ({ kind: 'aborted' });
  await ask('1');
  expect(tokens()).toBeUndefined();
  start();
  answer = () => answered(200);
  await ask('1');
  expect(tokens()).toBe('1');
});

test('one that could not be made is made again 5 s later', async () => {
  answer = () => Promise.reject(new Error('a bug'));
  await ask('1');
  expect(failures).toHaveLength(2);
  answer = () => answered(200);
  await clock.advance(4999);
  expect(tokens()).toBeUndefined();
  await clock.advance(1);
  expect(tokens()).toBe('1');
});
