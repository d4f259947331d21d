import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import type { FlagEventStatus } from '../../src/api/flagEvent.ts';
import { watchChanges, type Changes } from '../support/changes.ts';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const QUIET_MILLISECONDS = 8000;

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;
let events: Changes;
let endpoints: Changes;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  tenant = await aTenant(cluster);
  receiver = await startReceiver({ answer: ({ path }) => (path === '/bad' ? 500 : 200) });
  const pathOf = (plural: string) => `/apis/flagpost.dev/v1alpha1/namespaces/${tenant.namespace}/${plural}`;
  events = await watchChanges(cluster, pathOf('flagevents'));
  endpoints = await watchChanges(cluster, pathOf('webhookendpoints'));
  operator = await startOperatorFor(tenant);
}, 120_000);

afterAll(async () => {
  await Promise.all([receiver?.close(), events?.close(), endpoints?.close()]);
  expect(await operator?.stop()).toBe(0);
});

const modified = ({ seen }: Changes, name: string) =>
  seen.filter((change) => change.type === 'MODIFIED' && change.name === name);

/** Writes that the operator has sent, also those that changed nothing: of statuses, and of Kubernetes Events. */
async function writesSent(): Promise<number> {
  const { body } = await operator.get('/metrics');
  const lines = body.matchAll(
    /^rest_client_requests_total\{[^}]*method="(?:PUT|PATCH|POST)"[^}]*\} (\d+)$/gm,
  );
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

test('from the second event on, one event to one healthy endpoint costs one status write on it', async () => {
  await tenant.createEndpoint('one', { url: receiver.origin, match: matching('one') });
  await tenant.endpointReason('one', 'Ready');
  for (const name of ['first', 'second', 'third', 'fourth']) {
    await tenant.createEvent(name, aFlagUpdated(), labelled('one'));
    await tenant.eventReason(name, 'AllDelivered');
  }
  for (const name of ['second', 'third', 'fourth']) {
    await waitUntil('the watch to show it', () => modified(events, name).length > 0);
  }
  // A later change proves that nothing else is on its way for those before it.
  await tenant.createEvent('last', aFlagUpdated(), labelled('one'));
  await tenant.eventReason('last', 'AllDelivered');
  await waitUntil('the watch to show the last', () => modified(events, 'last').length > 0);
  expect(['second', 'third', 'fourth', 'last'].map((name) => modified(events, name).length)).toEqual([
    1, 1, 1, 1,
  ]);
});

test('an event to twenty healthy endpoints costs one status write on it too', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `many-${index}`);
  for (const name of names) {
    await tenant.createEndpoint(name, { url: receiver.origin, match: matching('many') });
  }
  for (const name of names) await tenant.endpointReason(name, 'Ready');
  const quick = await firstQuickEvent();
  await tenant.createEvent('after-many', aFlagUpdated(), labelled('one'));
  await tenant.eventReason('after-many', 'AllDelivered');
  await waitUntil('the watch to show a later change', () => modified(events, 'after-many').length > 0);
  expect(modified(events, quick)).toHaveLength(1);
});

/** Sends events until all deliveries of one ended within a second: a slower one is written before, as it has to be. */
async function firstQuickEvent(): Promise<string> {
  for (let tries = 1; tries <= 10; tries += 1) {
    const name = `many-${tries}`;
    await tenant.createEvent(name, aFlagUpdated(), labelled('many'));
    const status = await tenant.eventReason(name, 'AllDelivered');
    expect(status.delivered).toBe('20/20');
    if (!tookOverASecond(status)) return name;
  }
  throw new Error('twenty deliveries never ended within a second');
}

function tookOverASecond({ deliveries = [] }: FlagEventStatus): boolean {
  const begun = deliveries.map(({ firstAttemptTime = '' }) => Date.parse(firstAttemptTime));
  const ended = deliveries.map(({ completionTime = '' }) => Date.parse(completionTime));
  return Math.max(...ended) - Math.min(...begun) > 900;
}

test('100 events to one endpoint cost a write on each, and few on the endpoint', async () => {
  await tenant.createEndpoint('busy', { url: receiver.origin, match: matching('busy') });
  await tenant.endpointReason('busy', 'Ready');
  const before = modified(endpoints, 'busy').length;
  const startedAt = Date.now();
  const names = Array.from({ length: 100 }, (_, index) => `busy-${index}`);
  for (const name of names) await tenant.createEvent(name, aFlagUpdated(), labelled('busy'));
  let slow = 0;
  for (const name of names) {
    if (tookOverASecond(await tenant.eventReason(name, 'AllDelivered', 30_000))) slow += 1;
  }
  await tenant.endpointStatus(
    'busy',
    ({ pendingDeliveries, recentDeliveries = [] }) =>
      // Several are in flight at once: which of them ends last is chance.
      pendingDeliveries === 0 && recentDeliveries.some(({ flagEvent }) => flagEvent === 'busy-99'),
    20_000,
  );
  await waitUntil('the watch to show them all', () =>
    names.every((name) => modified(events, name).length > 0),
  );
  const writes = names.reduce((sum, name) => sum + modified(events, name).length, 0);
  expect(writes).toBeGreaterThanOrEqual(100);
  expect(writes).toBeLessThanOrEqual(100 + slow);
  // One as it turns healthy, then one in 5 s.
  const most = 2 + Math.ceil((Date.now() - startedAt) / 5000);
  expect(modified(endpoints, 'busy').length - before).toBeLessThanOrEqual(most);
}, 60_000);

test('after the last change nothing is written any more', async () => {
  const missing = { signingKeys: [{ secretKeyRef: { name: 'missing', key: 'secret' } }] };
  const retry = { initialDelaySeconds: 3600 };
  await tenant.createEndpoint('waiting', { url: receiver.origin, match: matching('rest'), ...missing });
  await tenant.createEndpoint('failing', { url: `${receiver.origin}/bad`, match: matching('rest'), retry });
  await tenant.createEndpoint('forbidden', { url: 'http://169.254.0.1/', match: matching('rest') });
  await tenant.createEvent('rest', aFlagUpdated(), labelled('rest'));
  await tenant.deliveryReason('rest', 'SecretNotReady', 'waiting');
  await tenant.deliveryReason('rest', 'BadStatus', 'failing');
  for (const name of ['waiting', 'failing', 'forbidden']) {
    await tenant.endpointStatus(name, ({ pendingDeliveries }) => pendingDeliveries === 1);
  }
  await tenant.endpointStatus('failing', ({ consecutiveFailures }) => consecutiveFailures === 1);
  await tenant.notice('waiting', 'SecretNotFound');
  await tenant.notice('forbidden', 'URLForbidden');

  // That something does not happen can only be seen by looking for a while.
  const before = [events.seen.length, endpoints.seen.length, await writesSent()];
  await delay(QUIET_MILLISECONDS);
  expect([events.seen.length, endpoints.seen.length, await writesSent()]).toEqual(before);
  expect(before[2]).toBeGreaterThan(0);
}, 60_000);
