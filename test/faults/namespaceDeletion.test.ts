import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AdminClient } from '../support/adminClient.ts';
import { restFor } from '../support/nothingFor.ts';
import { onlyFor } from '../support/onlyFor.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

let operator: ProxiedOperator;
let admin: AdminClient;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  admin = new AdminClient(cluster);
  operator = await startProxiedOperator(cluster);
  await operator.warmUp();
}, 120_000);

afterAll(async () => {
  await operator?.close();
  await admin?.close();
});

/** As the namespace controller does it, which no test's control plane has: all kinds at once. */
async function deleteNamespace(namespace: string): Promise<void> {
  await admin.call('DELETE', `/api/v1/namespaces/${namespace}`);
  const flagpost = `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}`;
  const collections = [
    `/api/v1/namespaces/${namespace}/secrets`,
    `${flagpost}/webhookendpoints`,
    `${flagpost}/flagevents`,
  ];
  const answers = await Promise.all(collections.map((path) => admin.call('DELETE', path)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
}

test('a namespace that is being deleted stops its work without noise', async () => {
  const { tenant, proxy, process, receiver, addEndpoint, requestsTo } = operator;
  receiver.answerWith(({ path }) => (path === '/hanging' ? 'hang' : 500));
  await tenant.createSecret('hook', { secret: 'my shared secret' });
  const signingKeys = [{ secretKeyRef: { name: 'hook', key: 'secret' } }];
  const spec = { signingKeys, timeoutSeconds: 30, retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 } };
  for (const name of ['hanging', 'failing']) {
    await addEndpoint(name, { ...spec, ...onlyFor(name).endpoint });
    await tenant.createEvent(name, undefined, onlyFor(name).event);
  }
  await addEndpoint('held', { ...spec, ...onlyFor('held').endpoint });
  await tenant.patchEndpoint('held', { spec: { suspend: true } });
  await tenant.endpointReason('held', 'Suspended');
  await tenant.createEvent('held', undefined, onlyFor('held').event);
  await tenant.deliveryReason('held', 'Suspended');
  await tenant.deliveryReason('failing', 'BadStatus');
  await waitUntil('the request', () => requestsTo('hanging') === 1);
  expect(receiver.open).toBeGreaterThan(0);

  await deleteNamespace(tenant.namespace);
  await waitUntil('the requests to end', () => receiver.open === 0);
  const work = () =>
    receiver.requests.length +
    proxy.calls.filter(({ verb, resource }) => verb !== 'watch' || resource === 'secrets').length;
  await restFor(3000, work);
  expect(process.log.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  expect(await process.get('/readyz')).toMatchObject({ status: 200 });
}, 60_000);
