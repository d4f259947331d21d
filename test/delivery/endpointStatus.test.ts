import { describe, expect, test } from '@jest/globals';
import { CLOSED, type Circuit } from '../../src/delivery/circuit.ts';
import type { EndpointHistory } from '../../src/delivery/endpointHistory.ts';
import { endpointStatus, type KnownResolution } from '../../src/delivery/endpointStatus.ts';
import type { Refusal } from '../../src/delivery/readReference.ts';
import { anEndpoint } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const time = (milliseconds: number) => new Date(milliseconds).toISOString();
const NEVER: EndpointHistory = { circuit: CLOSED, gone: false, recentDeliveries: [] };
const OPEN: Circuit = { failures: 7, probeAt: NOW + 5000, failedProbes: 0 };

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

function conditions(resolution: KnownResolution, history = NEVER, spec = {}): Record<string, string> {
  const { conditions: all = [] } = endpointStatus(anEndpoint({ spec }), resolution, history, 0, NOW);
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

  test('Delivering is False while the circuit is open, also where there was a success', () => {
    const history = { ...NEVER, circuit: OPEN };
    expect(conditions(usable(), history)).toMatchObject({
      Ready: 'True Ready',
      Delivering: 'False CircuitOpen',
      Reconciling: 'False Ready',
    });
    expect(conditions(usable(), { ...history, lastSuccessTime: time(NOW) })['Delivering']).toBe(
      'False CircuitOpen',
    );
  });

  test('Delivering stays as it is while the receiver has asked to wait', () => {
    const circuit = { failures: 1, heldUntil: NOW + 9000 };
    expect(conditions(usable(), { ...NEVER, circuit })['Delivering']).toBe('Unknown NoDeliveries');
    expect(conditions(usable(), { ...NEVER, circuit, lastSuccessTime: time(NOW) })['Delivering']).toBe(
      'True Healthy',
    );
  });

  test('an endpoint that is suspended is ready, so that nothing hangs on what was asked for', () => {
    expect(conditions(usable(), NEVER, { suspend: true })).toEqual({
      Ready: 'True Suspended',
      SecretsResolved: 'True Resolved',
      Delivering: 'Unknown NoDeliveries',
      Reconciling: 'False Suspended',
      Stalled: 'False Suspended',
    });
  });

  test('what is wrong comes before what was asked for', () => {
    expect(conditions(refused('SecretNotFound'), NEVER, { suspend: true })).toMatchObject({
      Ready: 'False SecretNotFound',
      Reconciling: 'True SecretNotFound',
    });
  });

  test.each([
    ['that can be used', usable()],
    ['that is wrong otherwise too', refused('SecretNotFound')],
  ])('an endpoint %s is Gone first of all, and only a person can help', (_what, resolution) => {
    expect(conditions(resolution, { ...NEVER, gone: true }, { suspend: true })).toEqual({
      Ready: 'False Gone',
      SecretsResolved: 'True Resolved',
      Delivering: 'Unknown NoDeliveries',
      Reconciling: 'False Gone',
      Stalled: 'True Gone',
    });
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

test.each<[what: string, circuit: Circuit, failures: number, retryAfterTime: string | undefined]>([
  ['nothing is wrong', CLOSED, 0, undefined],
  ['attempts fail', { failures: 4 }, 4, undefined],
  ['the circuit is open', OPEN, 7, time(NOW + 5000)],
  ['its probe is under way', { ...OPEN, probeAt: NOW - 1000 }, 7, time(NOW - 1000)],
  ['the receiver has asked to wait', { failures: 1, heldUntil: NOW + 9000 }, 1, time(NOW + 9000)],
  ['that is over', { failures: 1, heldUntil: NOW }, 1, undefined],
  ['both hold it: the later', { ...OPEN, heldUntil: NOW + 9000 }, 7, time(NOW + 9000)],
  ['both hold it: the earlier', { ...OPEN, heldUntil: NOW + 1000 }, 7, time(NOW + 5000)],
])('retryAfterTime and consecutiveFailures where %s', (_what, circuit, failures, retryAfterTime) => {
  const status = endpointStatus(anEndpoint(), usable(), { ...NEVER, circuit }, 0, NOW);
  expect(status.consecutiveFailures).toBe(failures);
  expect(status.retryAfterTime).toBe(retryAfterTime);
});
