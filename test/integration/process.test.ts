import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Cluster } from '../support/cluster.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { aGate } from '../support/gate.ts';
import {
  spawnOperator,
  startOperatorProcess,
  type OperatorProcess,
  type OperatorProcessOptions,
} from '../support/operatorProcess.ts';
import { startReceiver, type Receiver, type ReceiverOptions } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await sharedControlPlane();
}, 120_000);

/** Starts the operator with these flags only, as somebody would who expects it to end at once. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const operator = spawnOperator({ kubeconfig: cluster.kubeconfigPath, namespaces: ['shop'], args, env });
  const status = await operator.exited;
  return { status, lines: operator.output().trimEnd().split('\n') };
}

// What is refused is a table in the unit tests; here is what a refusal looks like from outside.
test.each<[what: string, args: string[], env: Record<string, string>]>([
  ['--no-such-flag', ['--no-such-flag'], {}],
  ['--max-in-flight', ['--max-in-flight=0'], {}],
  ['FLAGPOST_MAX_IN_FLIGHT', [], { FLAGPOST_MAX_IN_FLIGHT: 'many' }],
  ['kubeconfig', [], { KUBECONFIG: '/no/such/kubeconfig' }],
])('a bad %s ends it with 2 and one line that says so', async (what, args, env) => {
  const { status, lines } = await run(args, env);
  expect(status).toBe(2);
  expect(lines).toEqual([expect.stringContaining(what)]);
  expect(lines[0]).toMatch(/^flagpost: /);
});

test('--help names every flag, and --version is the version; neither needs an API server', async () => {
  const nowhere = { KUBECONFIG: '/no/such/kubeconfig' };
  const help = await run(['--help'], nowhere);
  expect(help.status).toBe(0);
  for (const flag of [
    'namespace',
    'leader-elect',
    'leader-election-namespace',
    'allow-cidr',
    'deny-cidr',
    'max-in-flight',
    'metrics-bind-address',
    'health-probe-bind-address',
    'log-level',
    'log-format',
    'shutdown-grace-seconds',
  ]) {
    expect(help.lines.join('\n')).toContain(`--${flag} `);
  }
  expect(await run(['--version'], nowhere)).toEqual({
    status: 0,
    lines: [expect.stringMatching(/^\d+\.\d+\.\d+$/)],
  });
});

interface Running {
  readonly tenant: Tenant;
  readonly receiver: Receiver;
  readonly operator: OperatorProcess;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A tenant with an operator of his own. */
async function running(
  answer: NonNullable<ReceiverOptions['answer']>,
  options: Partial<OperatorProcessOptions> = {},
): Promise<Running> {
  const tenant = await aTenant(cluster);
  const receiver = await startReceiver({ answer });
  const { kubeconfigPath: kubeconfig } = cluster;
  const operator = await startOperatorProcess({ kubeconfig, namespaces: [tenant.namespace], ...options });
  cleanups.push(
    () => receiver.close(),
    () => (operator.kill('SIGKILL'), operator.exited),
  );
  return { tenant, receiver, operator };
}

async function send({ tenant, receiver }: Running, name: string): Promise<void> {
  await tenant.createEvent(name, aFlagUpdated());
  await waitUntil('the request to arrive', () => receiver.requests.length > 0);
}

const log = (operator: OperatorProcess, msg: string) => operator.log.filter((line) => line['msg'] === msg);

test('the probes answer, and the metrics count what is delivered', async () => {
  const it = await running(() => 200);
  const { tenant, operator, receiver } = it;
  expect(await operator.get('/healthz')).toEqual({ status: 200, body: 'ok\n' });
  expect(await operator.get('/readyz')).toEqual({ status: 200, body: 'ok\n' });
  await tenant.createEndpoint('counted', { url: receiver.origin });
  await send(it, 'counted');
  await tenant.eventReason('counted', 'AllDelivered');
  const { body } = await operator.get('/metrics');
  for (const line of [
    /^flagpost_deliveries_total\{event_type="FLAG_UPDATED",outcome="Delivered"\} 1$/m,
    /^flagpost_delivery_duration_seconds_count\{event_type="FLAG_UPDATED"\} 1$/m,
    /^flagpost_event_latency_seconds_count 1$/m,
    /^flagpost_pending_deliveries 0$/m,
    /^controller_runtime_reconcile_total\{controller="flagevent",result="success"\} \d+$/m,
    /^controller_runtime_reconcile_time_seconds_count\{controller="webhookendpoint"\} \d+$/m,
    /^workqueue_depth\{name="flagevent"\} 0$/m,
    /^rest_client_requests_total\{code="200",method="PUT",host="127\.0\.0\.1:\d+"\} \d+$/m,
  ]) {
    expect(body).toMatch(line);
  }
  // No label that a tenant can grow.
  expect(body).not.toMatch(new RegExp(`${tenant.namespace}|counted`));
  expect(await operator.stop()).toBe(0);
});

test('flags come from the environment too', async () => {
  const tenant = await aTenant(cluster);
  const other = await aTenant(cluster);
  const { operator, receiver } = await running(() => 200, {
    namespaces: [],
    env: {
      FLAGPOST_NAMESPACE: `${tenant.namespace}, ${other.namespace}`,
      FLAGPOST_DENY_CIDR: '127.0.0.1/32',
      FLAGPOST_LOG_LEVEL: 'debug',
    },
  });
  for (const { createEndpoint, endpointReason } of [tenant, other]) {
    await createEndpoint('denied', { url: receiver.origin });
    await endpointReason('denied', 'URLForbidden');
  }
  expect(await operator.stop()).toBe(0);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s lets an attempt in flight end, begins none, and writes the outcome',
  async (signal) => {
    const gate = aGate();
    const it = await running(async () => (await gate.opened, 200));
    const { tenant, receiver, operator } = it;
    await tenant.createEndpoint('slow', { url: receiver.origin, timeoutSeconds: 30, maxInFlight: 1 });
    await send(it, 'in-flight');
    await tenant.createEvent('queued', aFlagUpdated());
    await tenant.eventReason('queued', 'Delivering');
    operator.kill(signal);
    await waitUntil('the operator to stop', () => log(operator, 'stopping').length > 0);
    gate.open();
    expect(await operator.exited).toBe(0);
    const { status } = await tenant.event('in-flight');
    expect(status?.deliveries).toMatchObject([{ state: 'Succeeded', reason: 'Delivered', attempts: 1 }]);
    expect(receiver.requests).toHaveLength(1);
    expect((await tenant.event('queued')).status?.deliveries).toMatchObject([
      { state: 'Pending', attempts: 0 },
    ]);
    expect(log(operator, 'stopped')).toHaveLength(1);
  },
);

test('an attempt that outlasts the grace is aborted and counts as none', async () => {
  const it = await running(() => 'hang', { args: ['--shutdown-grace-seconds=1'] });
  const { tenant, receiver, operator } = it;
  await tenant.createEndpoint('hanging', { url: receiver.origin, timeoutSeconds: 30 });
  await send(it, 'aborted');
  await tenant.eventReason('aborted', 'Delivering');
  expect(await operator.stop()).toBe(0);
  const { status } = await tenant.event('aborted');
  expect(status?.deliveries).toMatchObject([{ state: 'Pending', attempts: 0 }]);
  await waitUntil('the receiver to see the close', () => receiver.open === 0);
});

test('a second signal ends it at once', async () => {
  const it = await running(() => 'hang');
  const { tenant, receiver, operator } = it;
  await tenant.createEndpoint('hanging', { url: receiver.origin, timeoutSeconds: 30 });
  await send(it, 'hanging');
  operator.kill('SIGTERM');
  await waitUntil('the operator to stop', () => log(operator, 'stopping').length > 0);
  operator.kill('SIGINT');
  expect(await operator.exited).toBe(1);
});
