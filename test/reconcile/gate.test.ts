import { expect, test } from '@jest/globals';
import type { EndpointConfig } from '../../src/delivery/resolve.ts';
import type { WebhookEndpointStatus } from '../../src/api/webhookEndpoint.ts';
import { createGate } from '../../src/reconcile/gate.ts';
import { Histories } from '../../src/reconcile/histories.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { anEndpoint } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T00:00:00Z');
const config: EndpointConfig = {
  url: new URL('https://flag-cache.shop.svc'),
  host: 'flag-cache.shop.svc',
  signingKeys: [],
  headers: [],
};
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();
const failed = (consecutiveFailures: number, seconds: number): WebhookEndpointStatus => ({
  observedGeneration: 1,
  consecutiveFailures,
  retryAfterTime: at(seconds),
});

interface Scenario {
  readonly spec?: object;
  readonly status?: WebhookEndpointStatus;
  readonly known?: boolean;
  readonly usable?: boolean;
}

test.each<[what: string, scenario: Scenario, limit: number, isProbing: boolean]>([
  ['that can be used', {}, 8, false],
  ['with a limit of its own', { spec: { maxInFlight: 3 } }, 3, false],
  ['that is suspended', { spec: { suspend: true } }, 0, false],
  ['that can not be used', { usable: false }, 0, false],
  ['that is not known', { known: false }, 0, false],
  ['whose circuit is open', { status: failed(5, 1) }, 0, true],
  ['whose circuit lets a probe through', { status: failed(5, 0) }, 1, true],
  ['that is suspended as a probe may go', { spec: { suspend: true }, status: failed(5, 0) }, 0, true],
  ['whose receiver has asked to wait', { status: failed(1, 1) }, 0, false],
])('to an endpoint %s', (_what, { spec, status, known = true, usable = true }, limit, isProbing) => {
  const endpoint = anEndpoint({ spec, status });
  const histories = new Histories({
    clock: new FakeClock(NOW),
    pendingDeliveries: () => 0,
    onStop: () => {},
    onRelease: () => {},
  });
  const registry = {
    get: () => (known ? endpoint : undefined),
    config: () => (usable ? config : undefined),
  };
  const gate = createGate(registry, histories);
  expect(gate.limit(endpoint.metadata.uid, [])).toBe(limit);
  expect(gate.isProbing(endpoint.metadata.uid)).toBe(isProbing);
  expect(gate.isFailing(endpoint.metadata.uid)).toBe((status?.consecutiveFailures ?? 0) > 0);
});
