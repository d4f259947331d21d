import { beforeEach, describe, expect, test } from '@jest/globals';
import { Histories } from '../../src/reconcile/histories.ts';
import { anAttempt } from '../support/anAttempt.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { anEndpoint, uid } from '../support/fixtures.ts';

const NOW = '2026-11-25T00:00:01.020Z';
const BEFORE = '2026-11-20T00:00:00Z';
const endpoint = anEndpoint({
  status: { observedGeneration: 1, consecutiveFailures: 3, lastSuccessTime: BEFORE },
});

let clock: FakeClock;
let histories: Histories;
let told: string[];
let pending: number;

beforeEach(() => {
  clock = new FakeClock(NOW);
  told = [];
  pending = 0;
  histories = new Histories({
    clock,
    pendingDeliveries: () => pending,
    onStop: ({ metadata }) => told.push(`${metadata.name} holds`),
    onRelease: ({ metadata }) => told.push(`${metadata.name} releases`),
  });
});

/** Adds an attempt that begins and ends now. */
function attempt(statusCode = 200, heldUntil?: number): void {
  const at = clock.now();
  histories.add(endpoint, 'e', 'msg_1', anAttempt({ statusCode, startedAt: at, endedAt: at, heldUntil }));
}

test('before the first attempt of the process a history is what the status says', () => {
  expect(histories.of(endpoint)).toEqual({
    circuit: { failures: 3 },
    lastSuccessTime: BEFORE,
    lastFailureTime: undefined,
    gone: false,
    recentDeliveries: [],
  });
});

test('an attempt is added to what the status says, then to what is known, whatever the status says later', () => {
  expect(histories.add(endpoint, 'first', 'msg_1', anAttempt({ statusCode: 500 }))).toBe(false);
  // It is the one that opens the circuit.
  expect(histories.add(anEndpoint(), 'second', 'msg_2', anAttempt({ statusCode: 503, attempt: 2 }))).toBe(
    true,
  );

  const history = histories.of(anEndpoint());
  expect(history).toMatchObject({
    circuit: { failures: 5 },
    lastSuccessTime: BEFORE,
    lastFailureTime: '2026-11-25T00:00:01.020Z',
  });
  expect(history.recentDeliveries.map(({ flagEvent }) => flagEvent)).toEqual(['second', 'first']);
});

test('an attempt is shown with all that is known of it', () => {
  histories.add(endpoint, 'butter-bar', 'msg_1', anAttempt());

  expect(histories.of(endpoint).recentDeliveries).toEqual([
    {
      flagEvent: 'butter-bar',
      deliveryID: 'msg_1',
      time: '2026-11-25T00:00:01.000Z',
      attempt: 1,
      statusCode: 200,
      durationMilliseconds: 20,
      reason: 'Delivered',
      message: 'The receiver answered 200.',
    },
  ]);
});

test('an endpoint created again under its name has a history of its own', () => {
  histories.add(endpoint, 'butter-bar', 'msg_1', anAttempt());

  expect(histories.of(anEndpoint({ metadata: { uid: uid('again') } })).recentDeliveries).toEqual([]);
});

test('what was forgotten begins anew with the status, and its timer is ended', () => {
  attempt(500);
  attempt(500);
  expect(clock.timers).toBe(1);
  histories.forget(endpoint.metadata.uid);

  expect(clock.timers).toBe(0);
  expect(histories.of(endpoint).recentDeliveries).toEqual([]);
});

describe('a circuit', () => {
  test('that opens holds the endpoint, lets a probe go in time, and releases the rest with its success', async () => {
    attempt(500);
    expect(histories.pace(endpoint).stoppedBy).toBeUndefined();
    attempt(500);
    expect(told).toEqual(['flag-cache holds']);
    expect([histories.pace(endpoint).stoppedBy, histories.allowed(endpoint, [])]).toEqual(['circuit', 0]);
    expect(histories.openCircuits).toBe(1);

    await clock.advance(4999);
    expect(told).toEqual(['flag-cache holds']);
    await clock.advance(1);
    expect(told).toEqual(['flag-cache holds', 'flag-cache releases']);
    expect([histories.pace(endpoint).stoppedBy, histories.allowed(endpoint, [])]).toEqual(['circuit', 1]);

    attempt(500);
    expect(histories.allowed(endpoint, [])).toBe(0);
    await clock.advance(10_000);
    attempt(200);
    expect(told).toEqual(['flag-cache holds', ...Array.from({ length: 3 }, () => 'flag-cache releases')]);
    expect([histories.pace(endpoint).stoppedBy, histories.allowed(endpoint, [])]).toEqual([undefined, 1]);
    expect(histories.openCircuits).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test('that the status had open lets its probe go in time', async () => {
    const retryAfterTime = new Date(clock.now() + 3000).toISOString();
    const status = { observedGeneration: 1, consecutiveFailures: 5, retryAfterTime };
    histories.of(anEndpoint({ status }));
    await clock.advance(2999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['flag-cache releases']);
  });

  test.each(['spec', 'content'] as const)('is closed by a change: %s', (what) => {
    attempt(500);
    attempt(500);
    histories.changed(endpoint, what);
    expect(told).toEqual(['flag-cache holds', 'flag-cache releases']);
    expect(histories.of(endpoint).circuit.failures).toBe(0);
    expect(histories.allowed(endpoint, [])).toBe(1);
    expect(clock.timers).toBe(0);
  });
});

describe('what the receiver asks for', () => {
  beforeEach(() => attempt(429, clock.now() + 60_000));

  test('holds the endpoint until then', async () => {
    expect(told).toEqual(['flag-cache holds']);
    expect([histories.pace(endpoint).stoppedBy, histories.allowed(endpoint, [])]).toEqual(['circuit', 0]);
    await clock.advance(59_999);
    expect(told).toEqual(['flag-cache holds']);
    await clock.advance(1);
    expect(told).toEqual(['flag-cache holds', 'flag-cache releases']);
    expect([histories.pace(endpoint).stoppedBy, histories.allowed(endpoint, [])]).toEqual([undefined, 8]);
  });

  test('ends with a change of the spec, and with no other', () => {
    histories.changed(endpoint, 'content');
    expect(histories.pace(endpoint).stoppedBy).toBe('circuit');
    histories.changed(endpoint, 'spec');
    expect(histories.pace(endpoint).stoppedBy).toBeUndefined();
    expect(told).toEqual(['flag-cache holds', 'flag-cache releases']);
  });
});

describe('a receiver that is gone', () => {
  test('lets nothing go, also where its circuit is open, until the spec is changed', async () => {
    attempt(500);
    attempt(500);
    await clock.advance(5000);
    attempt(410);
    expect(told).toEqual(['flag-cache holds', 'flag-cache releases', 'flag-cache holds']);
    expect([histories.pace(endpoint).stoppedBy, histories.allowed(endpoint, [])]).toEqual(['gone', 0]);
    await clock.advance(600_000);
    expect(histories.allowed(endpoint, [])).toBe(0);

    histories.changed(endpoint, 'spec');
    expect(told.at(-1)).toBe('flag-cache releases');
    expect([histories.pace(endpoint).stoppedBy, histories.allowed(endpoint, [])]).toEqual([undefined, 1]);
  });

  test('is not known by what was sent under an older generation', () => {
    const changed = anEndpoint({ metadata: { generation: 2 } });
    histories.add(changed, 'e', 'msg_1', anAttempt({ statusCode: 410 }));
    expect(histories.pace(changed).stoppedBy).toBeUndefined();
  });
});

test.each(['spec', 'content'] as const)(
  'a change makes what is pending due, and what it was before is forgotten: %s',
  async (what) => {
    expect(histories.pace(endpoint)).toEqual({});
    pending = 20;
    histories.changed(endpoint, what);
    const first = { at: clock.now(), withinMilliseconds: 15_000 };
    expect(histories.pace(endpoint)).toEqual({ renewal: first });
    await clock.advance(1000);
    pending = 8;
    histories.changed(endpoint, what);
    expect(histories.pace(endpoint).renewal).toEqual({ at: first.at + 1000, withinMilliseconds: 5000 });
    histories.forget(endpoint.metadata.uid);
    expect(histories.pace(endpoint)).toEqual({});
  },
);

test('what is scheduled is ended with the process', () => {
  attempt(500);
  attempt(500);
  histories.stop();
  expect(clock.timers).toBe(0);
});

test('a timer that comes before the time of the wall clock is armed again', () => {
  let now = Date.parse('2026-11-25T12:00:00Z');
  const timers: (() => void)[] = [];
  const schedule = (_milliseconds: number, callback: () => void) => {
    timers.push(callback);
    return () => {};
  };
  let released = 0;
  const early = new Histories({
    clock: { now: () => now, monotonic: () => 0, schedule },
    pendingDeliveries: () => 0,
    onStop: () => {},
    onRelease: () => (released += 1),
  });
  const retryAfterTime = new Date(now + 5000).toISOString();
  early.of(anEndpoint({ status: { observedGeneration: 1, consecutiveFailures: 5, retryAfterTime } }));

  now += 4999;
  timers.shift()?.();
  expect([released, timers.length]).toEqual([0, 1]);
  now += 1;
  timers.shift()?.();
  expect([released, timers.length]).toEqual([1, 0]);
});
