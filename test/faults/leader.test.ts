import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FlagEventStatus } from '../../src/api/flagEvent.ts';
import { startApiProxy, type ApiProxy } from '../support/apiProxy.ts';
import type { Cluster } from '../support/cluster.ts';
import { aGate } from '../support/gate.ts';
import { nothingFor } from '../support/nothingFor.ts';
import { startOperatorProcess, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const LEADING = 'became the leader';
const WAITING = 'waiting for the leader';
/** A Lease lasts 15 s, and those who wait look at it at least every 1.5 s; the machine may be busy. */
const EXPIRY_MILLISECONDS = 30_000;

/** A tenant with one replica that leads, and reaches the API server through a proxy, and one that waits. */
interface Pair {
  readonly tenant: Tenant;
  readonly receiver: Receiver;
  readonly proxy: ApiProxy;
  readonly leader: OperatorProcess;
  readonly standby: OperatorProcess;
}

const cleanups: (() => Promise<unknown>)[] = [];

async function startReplica({ namespace }: Tenant, kubeconfig: string): Promise<OperatorProcess> {
  const args = ['--leader-elect', `--leader-election-namespace=${namespace}`];
  const operator = await startOperatorProcess({ kubeconfig, namespaces: [namespace], args });
  cleanups.push(() => (operator.kill('SIGKILL'), operator.exited));
  return operator;
}

/** When it logged this, in milliseconds since 1970. */
async function logged(operator: OperatorProcess, msg: string, timeoutMs = 10_000): Promise<number> {
  const line = await waitUntil(msg, () => operator.log.find((one) => one['msg'] === msg), { timeoutMs });
  return Date.parse(String(line['time']));
}

async function startPair(cluster: Cluster): Promise<Pair> {
  const tenant = await aTenant(cluster);
  const receiver = await startReceiver();
  const proxy = await startApiProxy(cluster);
  cleanups.push(
    () => proxy.close(),
    () => receiver.close(),
  );
  const leader = await startReplica(tenant, proxy.kubeconfigPath);
  await logged(leader, LEADING);
  const standby = await startReplica(tenant, cluster.kubeconfigPath);
  await logged(standby, WAITING);
  return { tenant, receiver, proxy, leader, standby };
}

/** How many requests came for an event. */
function requestsFor({ receiver }: Pair, { deliveries }: FlagEventStatus): number {
  const id = deliveries?.[0]?.deliveryID;
  return receiver.requests.filter(({ headers }) => headers['webhook-id'] === id).length;
}

const metricOf = async (operator: OperatorProcess) =>
  /^leader_election_master_status.*$/m.exec((await operator.get('/metrics')).body)?.[0];

/** Its end, by SIGTERM with a request in flight; then the kill of the next one. Two wait for the one or the other. */
async function ended(cluster: Cluster) {
  const pair = await startPair(cluster);
  const { tenant, receiver, leader, standby } = pair;
  const other = await startReplica(tenant, cluster.kubeconfigPath);
  await logged(other, WAITING);
  const waiting = [standby, other];
  const leading = () => waiting.find(({ log }) => log.some(({ msg }) => msg === LEADING));
  const ready = await standby.get('/readyz');
  const metrics = [await metricOf(leader), await metricOf(standby)];
  const gate = aGate();
  receiver.answerWith(async () => (await gate.opened, 200));
  await tenant.createEndpoint('hook', { url: receiver.origin, timeoutSeconds: 30, maxInFlight: 1 });
  await tenant.endpointReason('hook', 'Ready');
  await tenant.createEvent('in-flight');
  await waitUntil('the request', () => receiver.requests.length === 1);
  leader.kill('SIGTERM');
  await logged(leader, 'stopping');
  await tenant.createEvent('queued');
  // They would have had the time to take over too early.
  await nothingFor(2000, () => waiting.filter(({ log }) => log.some(({ msg }) => msg === LEADING)).length);
  gate.open();
  const status = await leader.exited;
  const released = await logged(leader, 'released the Lease');
  const second = await waitUntil('a takeover', leading);
  const taken = await logged(second, LEADING);
  const inFlight = await tenant.eventReason('in-flight', 'AllDelivered');
  const queued = await tenant.eventReason('queued', 'AllDelivered');

  const third = second === standby ? other : standby;
  second.kill('SIGKILL');
  const killedAt = Date.now();
  await second.exited;
  await tenant.createEvent('orphaned');
  const thirdTook = await logged(third, LEADING, EXPIRY_MILLISECONDS);
  const orphaned = await tenant.eventReason('orphaned', 'AllDelivered');
  return {
    ready,
    metrics,
    metricsThen: await metricOf(third),
    status,
    takeover: taken - released,
    statuses: [inFlight, queued, orphaned],
    requests: [inFlight, queued, orphaned].map((event) => requestsFor(pair, event)),
    takeoverOfKilled: thirdTook - killedAt,
  };
}

/** Frozen for longer than its Lease, with work that falls due meanwhile, and woken again. */
async function frozen(cluster: Cluster) {
  const pair = await startPair(cluster);
  const { tenant, receiver, proxy, leader, standby } = pair;
  await tenant.createEndpoint('hook', {
    url: receiver.origin,
    retry: { initialDelaySeconds: 3, maxDelaySeconds: 3 },
  });
  receiver.answerWith(() => 500);
  await tenant.createEvent('due');
  await tenant.deliveryReason('due', 'BadStatus');
  receiver.answerWith(() => 200);
  leader.kill('SIGSTOP');
  const frozenAt = Date.now();
  await tenant.createEvent('created');
  const taken = await logged(standby, LEADING, EXPIRY_MILLISECONDS);
  const due = await tenant.eventReason('due', 'AllDelivered');
  const created = await tenant.eventReason('created', 'AllDelivered');
  // What is not done when it wakes, so that two could do it.
  receiver.answerWith(() => 400);
  await tenant.createEvent('failing');
  const failing = await tenant.deliveryReason('failing', 'BadStatus');
  const before = receiver.requests.length;
  const written = proxy.calls.length;
  leader.kill('SIGCONT');
  const status = await leader.exited;
  const after = receiver.requests.length;
  const calls = proxy.calls.slice(written).filter(({ verb }) => !['get', 'list', 'watch'].includes(verb));
  return {
    takeover: taken - frozenAt,
    statuses: [due, created],
    requests: [due, created].map((event) => requestsFor(pair, event)),
    failing,
    sent: after - before,
    calls,
    status,
    lost: leader.log.filter(({ msg }) => msg === 'lost the Lease'),
  };
}

/** Its renewals are cut off while a request is in flight. */
async function cutOff(cluster: Cluster) {
  const pair = await startPair(cluster);
  const { tenant, receiver, proxy, leader, standby } = pair;
  await tenant.createEndpoint('hook', { url: receiver.origin, timeoutSeconds: 30 });
  await tenant.endpointReason('hook', 'Ready');
  receiver.answerWith(() => 'hang');
  await tenant.createEvent('hanging');
  await waitUntil('the request', () => receiver.requests.length === 1);
  proxy.fault({ resource: 'leases', verb: 'update' }, 'hold');
  const status = await leader.exited;
  await waitUntil('the request to be aborted', () => receiver.open === 0);
  const lost = await logged(leader, 'lost the Lease');
  receiver.answerWith(() => 200);
  const taken = await logged(standby, LEADING, EXPIRY_MILLISECONDS);
  const event = await tenant.eventReason('hanging', 'AllDelivered');
  const endpoint = await tenant.endpointStatus(
    'hook',
    ({ lastSuccessTime }) => lastSuccessTime !== undefined,
  );
  return { status, pause: taken - lost, event, requests: requestsFor(pair, event), endpoint };
}

// All three wait for a Lease to expire, so they do it together.
let scenes: readonly [ReturnType<typeof ended>, ReturnType<typeof frozen>, ReturnType<typeof cutOff>];

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  scenes = [ended(cluster), frozen(cluster), cutOff(cluster)];
  await Promise.allSettled(scenes);
}, 120_000);

afterAll(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const attemptsOf = (statuses: readonly FlagEventStatus[]) =>
  statuses.map(({ deliveries }) => deliveries?.[0]?.attempts);

describe('a leader that is told to stop', () => {
  test('ends what is in flight before another takes over, which is within 2 s then', async () => {
    const scene = await scenes[0];
    expect(scene).toMatchObject({ status: 0 });
    expect(scene.takeover).toBeLessThan(2000);
  });

  test('leaves behind one that was ready, and says who leads', async () => {
    const { ready, metrics, metricsThen } = await scenes[0];
    expect(ready).toEqual({ status: 200, body: 'ok\n' });
    const line = 'leader_election_master_status{name="flagpost"}';
    expect([...metrics, metricsThen]).toEqual([`${line} 1`, `${line} 0`, `${line} 1`]);
  });

  test('sends nothing that the next one sends, or one that comes after a kill', async () => {
    const { statuses, requests, takeoverOfKilled } = await scenes[0];
    expect(attemptsOf(statuses)).toEqual([1, 1, 1]);
    expect(requests).toEqual([1, 1, 1]);
    expect(takeoverOfKilled).toBeGreaterThan(10_000);
    expect(takeoverOfKilled).toBeLessThan(20_000);
  });
});

describe('a leader that is frozen for longer than its Lease', () => {
  test('is replaced', async () => {
    const { takeover, statuses, requests } = await scenes[1];
    expect(takeover).toBeGreaterThan(10_000);
    expect(takeover).toBeLessThan(20_000);
    expect(attemptsOf(statuses)).toEqual([2, 1]);
    expect(requests).toEqual([2, 1]);
  });

  test('sends nothing and writes nothing when it wakes, and ends', async () => {
    const { sent, calls, status, lost, failing } = await scenes[1];
    expect(failing).toMatchObject({ attempts: 1, state: 'Pending' });
    expect({ sent, calls, status }).toEqual({ sent: 0, calls: [], status: 1 });
    expect(lost).toMatchObject([{ why: 'not renewed in time' }]);
  });
});

test('a leader that can not renew ends its requests and itself before another takes over', async () => {
  const { status, pause, event, requests, endpoint } = await scenes[2];
  expect(status).toBe(1);
  expect(pause).toBeGreaterThan(3000);
  // What was aborted counts neither as an attempt nor against the receiver.
  expect(attemptsOf([event])).toEqual([1]);
  expect(requests).toBe(2);
  expect(endpoint).toMatchObject({ consecutiveFailures: 0 });
});
