import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { REDELIVER_LABEL } from '../../src/delivery/redeliver.ts';
import { AdminClient } from '../support/adminClient.ts';
import { aFlagUpdated, anAuditLog } from '../support/eventSpec.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

const DELETES = { verb: 'delete', resource: 'flagevents' } as const;
const STATUS_WRITES = { verb: 'update', resource: 'flagevents', subresource: 'status' } as const;
const livingFor = (ttlSecondsAfterFinished: number) => ({ ...aFlagUpdated(), ttlSecondsAfterFinished });

let admin: AdminClient;
let operator: ProxiedOperator;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  admin = new AdminClient(cluster);
  operator = await startProxiedOperator(cluster);
  await operator.addEndpoint('flags');
}, 120_000);

afterAll(async () => {
  await operator?.close();
  await admin?.close();
});

test('a sweep that is held up holds up no fresh event, and then deletes all that has expired', async () => {
  const { tenant, proxy, kill, restart } = operator;
  await kill();
  const expired = Array.from({ length: 45 }, (_, index) => `expired-${index}`);
  await Promise.all(
    expired.map(async (name) => {
      await tenant.createEvent(name, livingFor(0));
      const path = `/apis/flagpost.dev/v1alpha1/namespaces/${tenant.namespace}/flagevents/${name}/status`;
      const body = { status: { completionTime: '2026-01-01T00:00:00Z' } };
      await admin.call('PATCH', path, { body, contentType: 'application/merge-patch+json' });
    }),
  );
  const letDelete = proxy.fault(DELETES, 'hold');
  await restart();
  await waitUntil('the sweep', () => proxy.kept > 0);
  for (const name of ['fresh-1', 'fresh-2', 'fresh-3']) {
    await tenant.createEvent(name, livingFor(-1));
    await tenant.eventReason(name, 'AllDelivered');
  }
  expect(proxy.count(DELETES)).toBe(1);

  letDelete();
  await waitUntil('the end of the sweep', async () => (await tenant.eventNames()).length === 3, {
    timeoutMs: 30_000,
    everyMs: 200,
  });
  expect(await tenant.eventNames()).toEqual(['fresh-1', 'fresh-2', 'fresh-3']);
  expect(proxy.count(DELETES)).toBe(expired.length);
}, 60_000);

test('an event that somebody asks to be sent again is not deleted before that has ended', async () => {
  const { tenant, proxy, receiver, addEndpoint, requestsTo } = operator;
  const answer = Promise.withResolvers<number>();
  receiver.answerWith(({ path }) => {
    if (path !== '/again') return 200;
    return requestsTo('again') === 1 ? 500 : answer.promise;
  });
  await addEndpoint('again', {
    eventTypes: ['AUDIT_LOG'],
    retry: { giveUpAfterSeconds: 0 },
    timeoutSeconds: 30,
  });
  const letDelete = proxy.fault(DELETES, 'hold');
  await tenant.createEvent('again', { ...anAuditLog(), ttlSecondsAfterFinished: 1 });
  await waitUntil('its delete', () => proxy.kept > 0);
  await tenant.patchEvent('again', { metadata: { labels: { [REDELIVER_LABEL]: '1764000000' } } });
  await waitUntil('the second request', () => requestsTo('again') === 2);
  const reads = () => proxy.count({ verb: 'get', resource: 'flagevents', name: 'again' });
  const before = reads();
  letDelete();
  await waitUntil('a look at what has become of it', () => reads() > before);
  await tenant.eventReason('again', 'Delivering');

  answer.resolve(200);
  await tenant.eventGone('again');
}, 60_000);

test('an event is deleted also where the answer of the write that has finished it was lost', async () => {
  const { tenant, proxy, requestsTo } = operator;
  const before = requestsTo('flags');
  proxy.fault(STATUS_WRITES, 'lose the answer', 1);
  await tenant.createEvent('unheard', livingFor(0));
  await tenant.eventGone('unheard', 30_000);
  expect(requestsTo('flags') - before).toBe(1);
}, 60_000);

test('an event whose delete fails is deleted once the API server is back', async () => {
  const { tenant, proxy } = operator;
  const endFault = proxy.fault(DELETES, { status: 503, reason: 'ServiceUnavailable' });
  const before = proxy.count(DELETES);
  await tenant.createEvent('stubborn', livingFor(0));
  await waitUntil('two deletes', () => proxy.count(DELETES) >= before + 2);
  expect(await tenant.eventNames()).toContain('stubborn');
  endFault();
  await tenant.eventGone('stubborn');
}, 60_000);
