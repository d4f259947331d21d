import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { deployPath } from '../support/kustomize.ts';
import { healthOf, testWithLua } from '../support/lua.ts';
import { type OperatorProcess, startOperatorFor } from '../support/operatorProcess.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';

let tenant: Tenant;
let receiver: Receiver;
let operator: OperatorProcess;
let manifests: string;
beforeAll(async () => {
  tenant = await aTenant(await sharedControlPlane());
  receiver = await startReceiver();
  operator = await startOperatorFor(tenant);
  const { stdout } = await tenant.cluster.kubectl(['kustomize', deployPath('gitops/shop')]);
  manifests = stdout.replace('http://flag-cache.shop.svc', receiver.origin);
}, 120_000);
afterAll(async () => {
  await operator?.stop();
  await receiver?.close();
});

const kubectl = (command: string) =>
  tenant.cluster.kubectl([command, '--server-side', '-n', tenant.namespace, '-f', '-'], manifests);

const { data } = z
  .object({ data: z.record(z.string(), z.string()) })
  .parse(parse(readFileSync(deployPath('gitops/argo-cd/health.yaml'), 'utf8')));
const healthIn = (kind: string, object: unknown) =>
  healthOf(data[`resource.customizations.health.flagpost.dev_${kind}`] ?? '', object).status;

test('what Git has is applied in its order, once', async () => {
  const { stdout, stderr, status } = await kubectl('apply');
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout.trim().split('\n')).toEqual([
    'webhookendpoint.flagpost.dev/flag-cache serverside-applied',
    'flagevent.flagpost.dev/butter-bar-on serverside-applied',
  ]);
  await tenant.endpointReason('flag-cache', 'SecretNotFound');
  await tenant.createSecret('hook', { secret: 'my shared secret' });
  await tenant.eventReason('butter-bar-on', 'AllDelivered');
});

test('the receiver got the nulls that Git has', () => {
  const bodies = receiver.requests.map(({ body }) => JSON.parse(body.toString()) as unknown);
  expect(bodies).toMatchObject([{ data: { previous_state: null, new_state: { identity: null } } }]);
});

test('what the API server and the operator have added is no drift', async () => {
  expect(await kubectl('diff')).toEqual({ stdout: '', stderr: '', status: 0 });
  const before = await tenant.event('butter-bar-on');
  await kubectl('apply');
  expect(await tenant.event('butter-bar-on')).toEqual(before);
});

testWithLua('Argo CD takes both for healthy', async () => {
  await tenant.endpointReason('flag-cache', 'Healthy', 'Delivering');
  expect(healthIn('WebhookEndpoint', await tenant.endpoint('flag-cache'))).toBe('Healthy');
  expect(healthIn('FlagEvent', await tenant.event('butter-bar-on'))).toBe('Healthy');
});
