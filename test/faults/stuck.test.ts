import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startApiProxy, type ApiProxy } from '../support/apiProxy.ts';
import { startOperatorProcess, type OperatorProcess } from '../support/operatorProcess.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

/** By SIGUSR2 the event loop stands still for 3 s; by SIGCONT the monotonic clock goes ten minutes ahead, and no timer with it. */
const FAULTS = `
  process.on('SIGUSR2', () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000));
  const now = performance.now.bind(performance);
  let ahead = 0;
  performance.now = () => now() + ahead;
  process.on('SIGCONT', () => void (ahead += 600_000));
`;

let tenant: Tenant;
let proxy: ApiProxy;
let operator: OperatorProcess;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  tenant = await aTenant(cluster);
  proxy = await startApiProxy(cluster);
  operator = await startOperatorProcess({
    kubeconfig: proxy.kubeconfigPath,
    namespaces: [tenant.namespace],
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(FAULTS)}` },
  });
}, 120_000);

afterAll(async () => {
  operator?.kill('SIGKILL');
  await operator?.exited;
  await proxy?.close();
});

test('/healthz is not answered while the event loop is stuck', async () => {
  operator.kill('SIGUSR2');
  // The signal may take a moment.
  await waitUntil('no answer', async () => {
    const answered = await operator.get('/healthz', 1000).then(
      () => true,
      () => false,
    );
    return !answered;
  });
  await waitUntil('an answer', () => operator.get('/healthz').catch(() => undefined));
  expect(await operator.get('/healthz')).toEqual({ status: 200, body: 'ok\n' });
});

test('/healthz fails while a watch stands still for longer than could be right, and names it', async () => {
  const { createEndpoint } = tenant;
  const releases = ['webhookendpoints', 'flagevents'].map((resource) => proxy.holdWatches(resource));
  operator.kill('SIGCONT');
  const { status, body } = await waitUntil('a failure', async () => {
    const answer = await operator.get('/healthz');
    return answer.status !== 200 && answer;
  });
  expect(status).toBe(503);
  expect(body.split('\n')).toEqual([
    'the watch of the webhookendpoints is stuck',
    'the watch of the flagevents is stuck',
    'the watch of the flagevents with the redeliver label is stuck',
    '',
  ]);
  // Not to be restarted for this: it still knows what there is.
  expect((await operator.get('/readyz')).status).toBe(200);

  for (const release of releases) release();
  await createEndpoint('shown', { url: 'http://flag-cache.shop.svc/' });
  await waitUntil('the watch to go on', async () => {
    const { body: then } = await operator.get('/healthz');
    return !then.includes('webhookendpoints');
  });
}, 60_000);
