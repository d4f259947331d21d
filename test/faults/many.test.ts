import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { FlagEventStatus } from '../../src/api/flagEvent.ts';
import { AdminClient } from '../support/adminClient.ts';
import { watchChanges } from '../support/changes.ts';
import { anAuditLog } from '../support/eventSpec.ts';
import { nothingFor, restFor } from '../support/nothingFor.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import type { ReceivedRequest } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

let operator: ProxiedOperator;
/** How many came, by webhook-id. */
const requests = new Map<unknown, number>();

// As many as one event may go to, and more than may be sent to before the fence has answered.
const ENDPOINTS = 1000;
// Of these, two events to so many have more outcomes than may be unwritten, and small statuses.
const ENDPOINTS_OF_TWO = 300;
// Three quarters of what all namespaces together may have; retries, of the half.
const MAX_UNWRITTEN = 375;
const MAX_IN_FLIGHT = 192;

const STATUS_WRITES = { verb: 'update', resource: 'flagevents', subresource: 'status' } as const;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  operator = await startProxiedOperator(cluster);
  await operator.warmUp();
  const { tenant, receiver } = operator;
  const client = new AdminClient(cluster);
  const path = `/apis/flagpost.dev/v1alpha1/namespaces/${tenant.namespace}/webhookendpoints`;
  const specOf = (index: number) => ({
    url: `${receiver.origin}/many`,
    eventTypes: index < ENDPOINTS_OF_TWO ? ['AUDIT_LOG', 'FLAG_UPDATED'] : ['AUDIT_LOG'],
    retry: { initialDelaySeconds: 3, maxDelaySeconds: 3 },
  });
  const endpoints = Array.from({ length: ENDPOINTS }, (_, index) => ({
    name: `many-${index}`,
    spec: specOf(index),
  }));
  while (endpoints.length > 0) {
    await Promise.all(
      endpoints.splice(0, 50).map(async ({ name, spec }) => {
        const body = {
          apiVersion: 'flagpost.dev/v1alpha1',
          kind: 'WebhookEndpoint',
          metadata: { name },
          spec,
        };
        const { status } = await client.call('POST', path, { body });
        if (status !== 201) throw new Error(`${name}: ${status}`);
      }),
    );
  }
  await client.close();
  await tenant.endpointReason(`many-${ENDPOINTS - 1}`, 'Ready', 'Ready', 60_000);
}, 120_000);

afterAll(() => operator?.close());

/** Reads the event's status seldom, since it is large, until it is as wanted. */
function statusWhere(name: string, what: string, wanted: (status: FlagEventStatus) => boolean) {
  return waitUntil(
    `${name} ${what}`,
    async () => {
      const { status } = await operator.tenant.event(name);
      return status !== undefined && wanted(status) && status;
    },
    { timeoutMs: 40_000, everyMs: 500 },
  );
}

function countingWith(status: number) {
  return ({ headers }: ReceivedRequest) => {
    const id = headers['webhook-id'];
    requests.set(id, (requests.get(id) ?? 0) + 1);
    return status;
  };
}

/** Attempts that were made and are in no status. */
async function countUnwritten(events: readonly string[]) {
  const statuses = await Promise.all(events.map((name) => operator.tenant.event(name)));
  const deliveries = statuses.flatMap(({ status }) => status?.deliveries ?? []);
  return deliveries
    .map(({ deliveryID, attempts = 0 }) => (requests.get(deliveryID) ?? 0) - attempts)
    .reduce((sum, lacking) => sum + lacking, 0);
}

const hasEnded = ({ completionTime }: FlagEventStatus) => completionTime !== undefined;

test('with more than 900 endpoints that match nothing is sent before the fence has answered', async () => {
  const { tenant, proxy, requestsTo } = operator;
  const letFence = proxy.fault({ verb: 'list', resource: 'webhookendpoints' }, 'hold');
  await tenant.createEvent('fenced', anAuditLog());
  await waitUntil('the fence', () => proxy.kept === 1);
  await nothingFor(1000, () => requestsTo('many'));
  expect(requestsTo('many')).toBe(0);

  letFence();
  const { delivered } = await statusWhere('fenced', 'to have ended', hasEnded);
  expect(delivered).toBe(`${ENDPOINTS}/${ENDPOINTS}`);
  expect(requestsTo('many')).toBe(ENDPOINTS);
}, 60_000);

test('an event with a large body and 1,000 failing endpoints is written as seldom as its size demands', async () => {
  const { tenant, receiver } = operator;
  const path = `/apis/flagpost.dev/v1alpha1/namespaces/${tenant.namespace}/flagevents`;
  const events = await watchChanges(tenant.cluster, path);
  receiver.answerWith(() => 400);
  // Stored, each of these characters takes six bytes.
  await tenant.createEvent('large', anAuditLog({ log: '<'.repeat(40_000) }));
  const writes = () => events.seen.filter(({ type, name }) => type === 'MODIFIED' && name === 'large');
  await waitUntil('three writes', () => writes().length === 3, { timeoutMs: 40_000 });
  await events.close();
  await tenant.delete('flagevent', 'large');

  const shown = writes();
  expect(Math.min(...shown.map(({ bytes }) => bytes))).toBeGreaterThan(400_000);
  // At most 100 kB of it a second; the watch may have shown the former one late by a moment.
  const mayFollowAt = shown.map(({ at, bytes }) => at + bytes / 100 - 1000);
  expect(shown.slice(1).filter(({ at }, index) => at < (mayFollowAt[index] ?? 0))).toEqual([]);
}, 60_000);

test('with 375 outcomes of a namespace unwritten none of it is tried again, and all goes on once they are written', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const events = ['many-1', 'many-2'];
  // It speaks of the event: no circuit opens, however long this takes.
  receiver.answerWith(countingWith(400));
  for (const name of events) await tenant.createEvent(name);
  for (const name of events) {
    await statusWhere(name, 'to have its first attempts recorded', ({ deliveries = [] }) => {
      const attempted = deliveries.filter(({ attempts = 0 }) => attempts > 0);
      return attempted.length === ENDPOINTS_OF_TWO;
    });
  }
  const endFailure = proxy.fault(STATUS_WRITES, { status: 500, reason: 'InternalError' });
  receiver.answerWith(countingWith(200));
  await waitUntil('many outcomes', async () => (await countUnwritten(events)) > MAX_UNWRITTEN / 2, {
    timeoutMs: 30_000,
    everyMs: 500,
  });
  await restFor(1500, () => requestsTo('many'));
  const unwritten = await countUnwritten(events);
  expect(unwritten).toBeGreaterThanOrEqual(MAX_UNWRITTEN);
  expect(unwritten).toBeLessThan(MAX_UNWRITTEN + MAX_IN_FLIGHT);

  endFailure();
  for (const name of events) {
    const { deliveries = [], delivered } = await statusWhere(name, 'to have ended', hasEnded);
    expect(delivered).toBe(`${ENDPOINTS_OF_TWO}/${ENDPOINTS_OF_TWO}`);
    const miscounted = deliveries.filter(({ deliveryID, attempts }) => attempts !== requests.get(deliveryID));
    expect(miscounted).toEqual([]);
  }
}, 90_000);
