import { describe, expect, test } from '@jest/globals';
import type { WebhookEndpointStatus } from '../../src/api/webhookEndpoint.ts';
import { CLOSED, type Circuit } from '../../src/delivery/circuit.ts';
import {
  historyOf,
  sameStanding,
  stoppedBy,
  withAttempt,
  withChange,
  withTest,
  type EndpointHistory,
} from '../../src/delivery/endpointHistory.ts';
import { anAttempt } from '../support/anAttempt.ts';
import { anEndpoint } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const time = (milliseconds: number) => new Date(NOW + milliseconds).toISOString();
const MINUTE = 60_000;
const NEVER: EndpointHistory = { circuit: CLOSED, gone: false, recentDeliveries: [] };

const recent = {
  flagEvent: 'e',
  deliveryID: 'msg_1',
  time: time(0),
  attempt: 1,
  reason: 'Delivered',
  message: '',
};

function restored(status: WebhookEndpointStatus, maxDelaySeconds = 3600): EndpointHistory {
  const spec = { retry: { maxDelaySeconds } };
  return historyOf(anEndpoint({ spec, status: { observedGeneration: 1, ...status } }), NOW);
}

describe('after a restart', () => {
  test('a history is what the status says', () => {
    const status = { lastSuccessTime: time(-9), lastFailureTime: time(-5), recentDeliveries: [recent] };
    expect(restored({ ...status, consecutiveFailures: 4 })).toEqual({
      ...status,
      circuit: { failures: 4 },
      gone: false,
    });
    expect(historyOf(anEndpoint(), NOW)).toMatchObject(NEVER);
  });

  test.each<[what: string, status: WebhookEndpointStatus, want: Circuit]>([
    [
      'is open, until the time that it says',
      { consecutiveFailures: 5, retryAfterTime: time(3000), lastFailureTime: time(-2000) },
      { failures: 5, probeAt: NOW + 3000, failedProbes: 0 },
    ],
    [
      'goes on doubling where it was',
      { consecutiveFailures: 8, retryAfterTime: time(30_000), lastFailureTime: time(-10_000) },
      { failures: 8, probeAt: NOW + 30_000, failedProbes: 3 },
    ],
    [
      'goes on with the longest wait',
      { consecutiveFailures: 99, retryAfterTime: time(5 * MINUTE), lastFailureTime: time(0) },
      { failures: 99, probeAt: NOW + 5 * MINUTE, failedProbes: 6 },
    ],
    [
      'lets a probe through where its time has come',
      { consecutiveFailures: 5, retryAfterTime: time(-MINUTE), lastFailureTime: time(-MINUTE - 5000) },
      { failures: 5, probeAt: NOW - MINUTE, failedProbes: 0 },
    ],
    [
      'lets a probe through where no time is said',
      { consecutiveFailures: 5 },
      { failures: 5, probeAt: NOW, failedProbes: 0 },
    ],
    [
      'is held where the receiver has asked for it',
      { consecutiveFailures: 1, retryAfterTime: time(MINUTE) },
      { failures: 1, heldUntil: NOW + MINUTE },
    ],
    ['is held no longer than it was', { consecutiveFailures: 1, retryAfterTime: time(0) }, { failures: 1 }],
  ])('an endpoint %s', (_what, status, want) => {
    expect(restored(status).circuit).toEqual(want);
  });

  test.each<[what: string, failures: number, maxDelaySeconds: number, seconds: number]>([
    ['an open circuit, to 5 min', 5, 10, 300],
    ['an open circuit, to maxDelaySeconds', 5, 1000, 1000],
    ['a hold, to 5 min', 1, 10, 300],
    ['a hold, to maxDelaySeconds', 1, 1000, 1000],
  ])(
    'a time that was written under a wrong clock is clamped: %s',
    (_what, failures, maxDelaySeconds, seconds) => {
      const status = { consecutiveFailures: failures, retryAfterTime: time(100 * 24 * 60 * MINUTE) };
      const { probeAt, heldUntil } = restored(status, maxDelaySeconds).circuit;
      expect(failures < 5 ? heldUntil : probeAt).toBe(NOW + seconds * 1000);
    },
  );

  test('a spec that was changed meanwhile closes the circuit, and ends what the receiver has asked for', () => {
    const retryAfterTime = time(MINUTE);
    const open = { consecutiveFailures: 5, retryAfterTime, observedGeneration: 0 };
    expect(restored(open).circuit).toEqual({ failures: 0, allowance: 1 });
    expect(restored({ ...open, consecutiveFailures: 2 }).circuit).toEqual({ failures: 2 });
  });
});

describe('an attempt', () => {
  test.each<[statusCode: number, failures: number, changed: 'lastSuccessTime' | 'lastFailureTime']>([
    [200, 0, 'lastSuccessTime'],
    [500, 4, 'lastFailureTime'],
    [302, 4, 'lastFailureTime'],
    [400, 0, 'lastFailureTime'],
    [413, 0, 'lastFailureTime'],
    [415, 0, 'lastFailureTime'],
    [422, 0, 'lastFailureTime'],
  ])('that was answered with %d', (statusCode, failures, changed) => {
    const history = { ...NEVER, circuit: { failures: 3 } };
    const next = withAttempt(history, recent, anAttempt({ statusCode, endedAt: NOW }), 1);
    expect(next.circuit.failures).toBe(failures);
    expect(next[changed]).toBe(time(0));
    expect([next.lastSuccessTime, next.lastFailureTime].filter(Boolean)).toHaveLength(1);
  });

  test('carries what the receiver has asked for', () => {
    const record = anAttempt({ statusCode: 503, heldUntil: NOW + MINUTE });
    expect(withAttempt(NEVER, recent, record, 1).circuit).toEqual({ failures: 1, heldUntil: NOW + MINUTE });
  });

  test('never puts lastSuccessTime back', () => {
    const history = { ...NEVER, lastSuccessTime: time(1) };
    expect(withAttempt(history, recent, anAttempt({ endedAt: NOW }), 1).lastSuccessTime).toBe(time(1));
  });

  test('is kept among the last ten, newest first', () => {
    let history = NEVER;
    for (let n = 1; n <= 12; n += 1)
      history = withAttempt(history, { ...recent, attempt: n }, anAttempt(), 1);
    expect(history.recentDeliveries.map(({ attempt }) => attempt)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
  });
});

describe('an attempt changes what the conditions say', () => {
  const healthy = { ...NEVER, lastSuccessTime: time(0) };
  const failing = { ...healthy, circuit: { failures: 4 } };
  const open = withAttempt(failing, recent, anAttempt({ statusCode: 500 }), 1);

  test.each<[what: string, before: EndpointHistory, statusCode: number, changes: boolean]>([
    ['the first success', NEVER, 200, true],
    ['another success', healthy, 200, false],
    ['a failure', healthy, 500, false],
    ['the failure that opens the circuit', failing, 500, true],
    ['a failure while it is open', open, 500, false],
    ['the success that closes it', open, 200, true],
    ['a 410', healthy, 410, true],
  ])('%s', (_what, before, statusCode, changes) => {
    const after = withAttempt(before, recent, anAttempt({ statusCode }), 1);
    expect(sameStanding(before, after)).toBe(!changes);
  });
});

describe('an endpoint is gone', () => {
  const ready = (changes: object) => ({
    type: 'Ready',
    status: 'False' as const,
    reason: 'Gone',
    message: '',
    lastTransitionTime: time(0),
    ...changes,
  });

  test.each<[what: string, condition: object, generation: number, gone: boolean]>([
    ['where its status says so of its generation', { observedGeneration: 2 }, 2, true],
    ['not once its spec was changed', { observedGeneration: 1 }, 2, false],
    ['not where something else is wrong', { observedGeneration: 2, reason: 'InvalidURL' }, 2, false],
    ['not where another condition says so', { observedGeneration: 2, type: 'Stalled' }, 2, false],
    ['not where Ready is True', { observedGeneration: 2, status: 'True' }, 2, false],
  ])('after a restart %s', (_what, condition, generation, gone) => {
    const status = { observedGeneration: generation, conditions: [ready(condition)] };
    expect(historyOf(anEndpoint({ metadata: { generation }, status }), NOW).gone).toBe(gone);
  });

  test.each<[statusCode: number, begunUnder: number, generation: number, gone: boolean]>([
    [410, 1, 1, true],
    [410, 1, 2, false],
    [404, 1, 1, false],
    [200, 1, 1, false],
  ])('after %d to an attempt of generation %d at generation %d: %s', (statusCode, begunUnder, now, gone) => {
    const record = anAttempt({ statusCode, generation: begunUnder });
    expect(withAttempt(NEVER, recent, record, now).gone).toBe(gone);
  });

  test.each([200, 500])('whatever comes of an attempt that was in flight: %d', (statusCode) => {
    expect(withAttempt({ ...NEVER, gone: true }, recent, anAttempt({ statusCode }), 1).gone).toBe(true);
  });

  test.each([
    ['spec', false],
    ['content', true],
  ] as const)('after a change of the %s: %s', (what, gone) => {
    expect(withChange({ ...NEVER, gone: true }, what).gone).toBe(gone);
  });
});

const OPEN: Circuit = { failures: 5, probeAt: NOW + 5000 };

test.each<[stopped: ReturnType<typeof stoppedBy>, history: Partial<EndpointHistory>]>([
  [undefined, {}],
  ['circuit', { circuit: OPEN }],
  ['circuit', { circuit: { failures: 1, heldUntil: NOW + 1 } }],
  ['gone', { gone: true }],
  ['gone', { gone: true, circuit: OPEN }],
])('deliveries are stopped by %s after %j', (stopped, history) => {
  expect(stoppedBy({ ...NEVER, ...history }, NOW)).toBe(stopped);
});

test('a test whose samples were all taken ends Gone, closes the circuit and is the last success', () => {
  const circuit = { failures: 7, probeAt: NOW + MINUTE, failedProbes: 2, openedAt: NOW - MINUTE };
  const before: EndpointHistory = {
    circuit,
    gone: true,
    lastSuccessTime: time(-MINUTE),
    lastFailureTime: time(-5),
    recentDeliveries: [recent],
  };
  const after = withTest(before, NOW - 10, NOW);
  expect(after).toMatchObject({
    circuit: { failures: 0 },
    gone: false,
    lastSuccessTime: time(0),
    lastFailureTime: time(-5),
    recentDeliveries: [recent],
  });
  expect(stoppedBy(after, NOW)).toBeUndefined();
});

test('what Retry-After has asked for outlasts a test', () => {
  const after = withTest({ ...NEVER, circuit: { failures: 1, heldUntil: NOW + MINUTE } }, NOW - 10, NOW);
  expect(stoppedBy(after, NOW)).toBe('circuit');
});
