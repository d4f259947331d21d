import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startApiProxy, type ApiProxy } from '../support/apiProxy.ts';
import { startControlPlane, type ControlPlane } from '../support/controlPlane.ts';
import { installCrds } from '../support/installCrds.ts';
import { spawnOperator, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

let controlPlane: ControlPlane;
let proxy: ApiProxy;
let receiver: Receiver;
let tenant: Tenant;
let operator: OperatorProcess;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  proxy = await startApiProxy(controlPlane);
  receiver = await startReceiver();
  tenant = await aTenant(controlPlane);
  operator = spawnOperator({ kubeconfig: proxy.kubeconfigPath, namespaces: [] });
}, 120_000);

afterAll(async () => {
  operator?.kill('SIGKILL');
  await operator?.exited;
  await receiver?.close();
  await proxy?.close();
  await controlPlane?.stop();
}, 30_000);

/** What has been said of watches so far. While the API server sets up a resource, it answers that it does so. */
const said = () =>
  operator.log
    .filter(({ msg }) => String(msg).startsWith('a watch'))
    .map(({ msg, resource, message = '' }) =>
      `${String(msg)}: ${String(resource)} ${String(message)}`.trimEnd(),
    )
    .filter((line) => !line.includes('storage is (re)initializing'));
const asked = () => proxy.calls.filter(({ url }) => url.includes('/flagpost.dev/')).length;

const MISSING = [
  'a watch failed: webhookendpoints its CustomResourceDefinition is not installed',
  'a watch failed: flagevents its CustomResourceDefinition is not installed',
];
const THERE_AGAIN = [
  'a watch that had failed works again: webhookendpoints',
  'a watch that had failed works again: flagevents',
];

/** Waits until the API server has been asked in vain a few times. */
async function inVain(): Promise<void> {
  const before = asked();
  await waitUntil('a few tries', () => asked() > before + 6, { timeoutMs: 20_000 });
}

async function delivers(name: string): Promise<void> {
  await tenant.createEndpoint(name, { url: `${receiver.origin}/${name}` });
  await tenant.createEvent(name);
  await tenant.eventReason(name, 'AllDelivered');
  expect(receiver.requests.filter(({ path }) => path === `/${name}`)).toHaveLength(1);
}

test('where the CustomResourceDefinitions are missing it waits, says so once, and goes on once they are there', async () => {
  await waitUntil('the failures', () => said().length >= 2, { timeoutMs: 30_000 });
  await inVain();
  expect(said().toSorted()).toEqual(MISSING.toSorted());
  expect(await operator.get('/readyz')).toEqual({
    status: 503,
    body: [
      'the webhookendpoints can not be listed: its CustomResourceDefinition is not installed',
      'the flagevents can not be listed: its CustomResourceDefinition is not installed',
      'the controllers have not started\n',
    ].join('\n'),
  });
  expect((await operator.get('/healthz')).status).toBe(200);

  await installCrds(controlPlane);
  await waitUntil('it to be ready', async () => (await operator.get('/readyz')).status === 200, {
    timeoutMs: 40_000,
  });
  expect(said().slice(2).toSorted()).toEqual(THERE_AGAIN.toSorted());
  await delivers('installed');
}, 120_000);

test('where they are removed and put back while it runs it goes on with what is created then', async () => {
  const before = said().length;
  const { status, stderr } = await controlPlane.kubectl(['delete', 'crd', '--all']);
  expect([status, stderr]).toEqual([0, '']);
  await waitUntil('the failures', () => said().length >= before + 2, { timeoutMs: 30_000 });
  await inVain();
  const probes = [await operator.get('/healthz'), await operator.get('/readyz')];
  expect(probes.map((answer) => answer.status)).toEqual([200, 200]);

  await installCrds(controlPlane);
  await waitUntil('the watches to work again', () => said().length >= before + 4, { timeoutMs: 40_000 });
  await delivers('put-back');
  expect(
    said()
      .slice(before, before + 2)
      .toSorted(),
  ).toEqual(MISSING.toSorted());
  expect(
    said()
      .slice(before + 2)
      .toSorted(),
  ).toEqual(THERE_AGAIN.toSorted());
  const complaints = operator.log.filter(({ level, msg }) => Number(level) >= 40 && msg !== 'a watch failed');
  expect(complaints).toEqual([]);
}, 120_000);
