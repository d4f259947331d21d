import { describe, expect, test } from '@jest/globals';
import { classify } from '../../src/delivery/classify.ts';
import {
  endpointStatus,
  historyOf,
  withAttempt,
  type EndpointHistory,
  type KnownResolution,
} from '../../src/delivery/endpointStatus.ts';
import type { Refusal } from '../../src/delivery/readReference.ts';
import { anEndpoint } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const time = (milliseconds: number) => new Date(milliseconds).toISOString();
const NEVER: EndpointHistory = { consecutiveFailures: 0, recentDeliveries: [] };

function usable(notes: string[] = []): KnownResolution {
  const url = new URL('https://flag-cache.shop.svc:8443/secret');
  return {
    state: 'usable',
    config: { url, host: 'flag-cache.shop.svc', signingKeys: [], headers: [] },
    notes,
  };
}

function refused(reason: Refusal['reason'], host?: string): KnownResolution {
  return { state: 'refused', refusal: { reason, message: 'why' }, host };
}

function conditions(resolution: KnownResolution, history = NEVER): Record<string, string> {
  const { conditions: all = [] } = endpointStatus(anEndpoint(), resolution, history, 0, NOW);
  return Object.fromEntries(all.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

describe('conditions', () => {
  test('of an endpoint that can be used and has had no delivery', () => {
    expect(conditions(usable())).toEqual({
      Ready: 'True Ready',
      SecretsResolved: 'True Resolved',
      Delivering: 'Unknown NoDeliveries',
      Reconciling: 'False Ready',
      Stalled: 'False Ready',
    });
  });

  test('Delivering is True once there was a success', () => {
    expect(conditions(usable(), { ...NEVER, lastSuccessTime: time(NOW) })['Delivering']).toBe('True Healthy');
  });

  test.each<[reason: Refusal['reason'], secretsResolved: string, state: 'Reconciling' | 'Stalled']>([
    ['SecretNotFound', 'False SecretNotFound', 'Reconciling'],
    ['SecretKeyNotFound', 'False SecretKeyNotFound', 'Reconciling'],
    ['SecretForbidden', 'False SecretForbidden', 'Reconciling'],
    ['ConfigMapNotFound', 'False ConfigMapNotFound', 'Reconciling'],
    ['ConfigMapKeyNotFound', 'False ConfigMapKeyNotFound', 'Reconciling'],
    ['ConfigMapForbidden', 'False ConfigMapForbidden', 'Reconciling'],
    ['InvalidSecret', 'False InvalidSecret', 'Stalled'],
    ['InvalidURL', 'True Resolved', 'Stalled'],
    ['URLForbidden', 'True Resolved', 'Stalled'],
  ])('with %s', (reason, secretsResolved, state) => {
    const found = conditions(refused(reason));
    expect(found).toMatchObject({ Ready: `False ${reason}`, SecretsResolved: secretsResolved });
    expect(found['Reconciling']).toBe(`${state === 'Reconciling' ? 'True' : 'False'} ${reason}`);
    expect(found['Stalled']).toBe(`${state === 'Stalled' ? 'True' : 'False'} ${reason}`);
  });

  test('SecretsResolved tells of a signing key that ends in a newline', () => {
    const { conditions: all } = endpointStatus(
      anEndpoint(),
      usable(['key ends in a newline']),
      NEVER,
      0,
      NOW,
    );
    expect(all?.[1]?.message).toBe('Everything that is referenced was found. key ends in a newline.');
  });
});

test('the host has neither port nor path, and is kept where something else is wrong', () => {
  expect(endpointStatus(anEndpoint(), usable(), NEVER, 3, NOW)).toMatchObject({
    host: 'flag-cache.shop.svc',
    pendingDeliveries: 3,
    observedGeneration: 1,
  });
  expect(endpointStatus(anEndpoint(), refused('SecretNotFound', 'a.example'), NEVER, 0, NOW).host).toBe(
    'a.example',
  );
});

describe('history', () => {
  const attempt = {
    flagEvent: 'e',
    deliveryID: 'msg_1',
    time: time(NOW),
    attempt: 1,
    reason: 'Delivered',
    message: '',
  };
  const outcome = (statusCode: number) => classify({ kind: 'answered', statusCode, durationMilliseconds: 1 });

  test('begins with what the status says', () => {
    const status = { consecutiveFailures: 4, lastSuccessTime: time(NOW), recentDeliveries: [attempt] };
    expect(historyOf(status)).toMatchObject(status);
    expect(historyOf(undefined)).toMatchObject(NEVER);
  });

  test.each<[statusCode: number, failures: number, changed: 'lastSuccessTime' | 'lastFailureTime']>([
    [200, 0, 'lastSuccessTime'],
    [500, 4, 'lastFailureTime'],
    [302, 4, 'lastFailureTime'],
    [422, 0, 'lastFailureTime'],
  ])('after a %d', (statusCode, failures, changed) => {
    const next = withAttempt({ ...NEVER, consecutiveFailures: 3 }, attempt, outcome(statusCode), NOW);
    expect(next.consecutiveFailures).toBe(failures);
    expect(next[changed]).toBe(time(NOW));
    expect([next.lastSuccessTime, next.lastFailureTime].filter(Boolean)).toHaveLength(1);
  });

  test('lastSuccessTime never goes back', () => {
    const history = { ...NEVER, lastSuccessTime: time(NOW + 1) };
    expect(withAttempt(history, attempt, outcome(200), NOW).lastSuccessTime).toBe(time(NOW + 1));
  });

  test('keeps the last ten attempts, newest first', () => {
    let history = NEVER;
    for (let n = 1; n <= 12; n += 1)
      history = withAttempt(history, { ...attempt, attempt: n }, outcome(200), NOW);
    expect(history.recentDeliveries.map((recent) => recent.attempt)).toEqual([
      12, 11, 10, 9, 8, 7, 6, 5, 4, 3,
    ]);
  });
});
