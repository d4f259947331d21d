import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { nothingFor } from '../support/nothingFor.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

let operator: ProxiedOperator;

beforeAll(async () => {
  operator = await startProxiedOperator(await sharedControlPlane());
}, 120_000);

afterAll(() => operator?.close());

test('once everything has ended nothing is asked of the API server but watches', async () => {
  const { tenant, proxy, receiver, addEndpoint } = operator;
  receiver.answerWith(({ path }) => (path === '/failing' ? 500 : 200));
  await tenant.createSecret('hook', { secret: 'my shared secret' });
  await addEndpoint('signed', { signingKeys: [{ secretKeyRef: { name: 'hook', key: 'secret' } }] });
  await addEndpoint('failing', { retry: { initialDelaySeconds: 1, maxAttempts: 2 } });
  await tenant.createEndpoint('no-secret', { urlSecretKeyRef: { name: 'missing', key: 'url' } });
  await tenant.createEvent('ends');
  await tenant.deliveryReason('ends', 'SecretNotReady', 'no-secret');
  await tenant.delete('webhookendpoint', 'no-secret');
  await tenant.eventReason('ends', 'DeliveryFailed');
  for (const name of ['signed', 'failing']) {
    await waitUntil(`the last status of ${name}`, async () => {
      const { status } = await tenant.endpoint(name);
      const last = status?.recentDeliveries?.[0];
      return status?.pendingDeliveries === 0 && last?.attempt === (name === 'failing' ? 2 : 1);
    });
  }

  const asked = () => proxy.calls.filter(({ verb }) => verb !== 'watch').length;
  await nothingFor(10_000, asked);
  expect(proxy.count({ verb: 'update' })).toBeLessThanOrEqual(12);
  // The Secret that is missing, and the delivery that failed.
  expect(proxy.count({ verb: 'create', resource: 'events' })).toBe(2);
  expect(proxy.count({ verb: 'patch' })).toBe(0);
}, 60_000);

test('after a restart nothing is written while deliveries wait for their next attempt', async () => {
  const { tenant, proxy, receiver, addEndpoint, requestsTo, kill, restart } = operator;
  // One by one, and so few failures in a row that the circuit stays closed.
  receiver.answerWith(() => (requestsTo('patient') <= 16 ? 400 : 500));
  for (const name of ['signed', 'failing']) await tenant.delete('webhookendpoint', name);
  await addEndpoint('patient', { maxInFlight: 1, retry: { initialDelaySeconds: 3600 } });
  const names = Array.from({ length: 20 }, (_, index) => `waits-${index}`);
  await Promise.all(names.map((name) => tenant.createEvent(name)));
  for (const name of names) await tenant.deliveryReason(name, 'BadStatus');
  await tenant.endpointStatus(
    'patient',
    ({ pendingDeliveries, consecutiveFailures }) =>
      pendingDeliveries === names.length && consecutiveFailures === 4,
  );

  await kill();
  const writes = () =>
    proxy.calls.filter(({ verb }) => ['create', 'update', 'patch', 'delete'].includes(verb)).length;
  const before = writes();
  await restart();
  await nothingFor(7000, writes);
  expect(writes()).toBe(before);
}, 60_000);
