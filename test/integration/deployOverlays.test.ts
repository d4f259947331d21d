import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AdminClient } from '../support/adminClient.ts';
import type { Cluster } from '../support/cluster.ts';
import { deployPath } from '../support/kustomize.ts';
import { writeKubeconfig } from '../support/kubeconfig.ts';
import { startOperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const OPERATOR = 'system:serviceaccount:flagpost-system:flagpost';

let cluster: Cluster;
let client: AdminClient;
let elsewhere: string;
beforeAll(async () => {
  cluster = await sharedControlPlane();
  client = new AdminClient(cluster);
  elsewhere = await cluster.createNamespace();
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }));
}, 60_000);
afterAll(() => client.close());

const metadata = z.object({
  name: z.string(),
  generation: z.number().optional(),
  resourceVersion: z.string(),
});
const list = z.object({ items: z.array(z.object({ kind: z.string(), metadata })) });

/** As a GitOps tool does it; gives each object with what tells that somebody has changed it. */
async function apply(overlay: string): Promise<readonly string[]> {
  const { stdout, stderr, status } = await cluster.kubectl([
    ...['apply', '--server-side', '-o', 'json', '-k', deployPath(overlay)],
  ]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return list.parse(JSON.parse(stdout)).items.map(
    // Of what has a status the API server itself may write that.
    ({ kind, metadata: { name, generation, resourceVersion } }) =>
      `${kind} ${name} ${generation ?? resourceVersion}`,
  );
}

/** Whether RBAC lets the user do it, such as `list secrets`, in a namespace, or in all where it is empty. */
async function may(user: string, what: string, namespace: string): Promise<boolean> {
  const [verb, path = ''] = what.split(' ');
  const [resource, subresource] = path.split('/');
  const group = ['secrets', 'configmaps'].includes(path) ? '' : 'flagpost.dev';
  const { body } = await client.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    body: { spec: { user, resourceAttributes: { verb, group, resource, subresource, namespace } } },
  });
  return (body['status'] as { readonly allowed: boolean }).allowed;
}

const operatorMay = async (what: string) => ({
  shop: await may(OPERATOR, what, 'shop'),
  elsewhere: await may(OPERATOR, what, elsewhere),
  everywhere: await may(OPERATOR, what, ''),
});
const inShop = { shop: true, elsewhere: false, everywhere: false };
const nowhere = { shop: false, elsewhere: false, everywhere: false };
const everywhere = { shop: true, elsewhere: true, everywhere: true };

/** The API server sees a new role a moment later. */
const eventually = (what: string, isSo: () => Promise<boolean>) => waitUntil(what, isSo, { everyMs: 50 });

// In this order each grants more than the one before.
test.each(['namespaced', 'opt-in', 'cluster', 'ha'])(
  'the overlay %s is applied as it is, and applied again changes nothing',
  async (overlay) => {
    const first = await apply(`overlays/${overlay}`);
    expect(first.length).toBeGreaterThan(15);
    expect(await apply(`overlays/${overlay}`)).toEqual(first);
    await expectedRights[overlay]?.();
  },
  60_000,
);

const expectedRights: Readonly<Record<string, () => Promise<void>>> = {
  async namespaced() {
    await eventually('the rights in shop', () => may(OPERATOR, 'watch secrets', 'shop'));
    expect(await operatorMay('list secrets')).toEqual(inShop);
    expect(await operatorMay('list flagevents')).toEqual(inShop);
    expect(await operatorMay('update webhookendpoints/status')).toEqual(inShop);
    await expectDeliveryInShop();
  },
  async 'opt-in'() {
    await eventually('the rights everywhere', () => may(OPERATOR, 'list flagevents', ''));
    await cluster.kubectl(['delete', '-n', 'shop', 'rolebinding', 'flagpost-references']);
    await eventually('none in shop', async () => !(await may(OPERATOR, 'list secrets', 'shop')));
    expect(await operatorMay('list secrets')).toEqual(nowhere);
    expect(await operatorMay('list configmaps')).toEqual(nowhere);
    await bindAsAdmin();
    await eventually('the binding', () => may(OPERATOR, 'list secrets', 'shop'));
    expect(await operatorMay('list secrets')).toEqual(inShop);
  },
  async cluster() {
    await eventually('the rights everywhere', () => may(OPERATOR, 'list secrets', ''));
    for (const what of ['watch secrets', 'list configmaps', 'list flagevents'])
      expect(await operatorMay(what)).toEqual(everywhere);
    expect(await operatorMay('get secrets')).toEqual(nowhere);
  },
};

/** The operator works with the Roles of the overlay alone. */
async function expectDeliveryInShop(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'flagpost-overlays-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const { stdout } = await cluster.kubectl(['create', 'token', 'flagpost', '-n', 'flagpost-system']);
  await writeKubeconfig(kubeconfig, { ...cluster, token: stdout.trim() });
  const tenant = await aTenant({ ...cluster, createNamespace: async () => 'shop' });
  const receiver = await startReceiver();
  const operator = await startOperatorProcess({ kubeconfig, namespaces: ['shop'] });
  try {
    await tenant.createSecret('hook', { secret: 'my shared secret' });
    const signingKeys = [{ secretKeyRef: { name: 'hook', key: 'secret' } }];
    await tenant.createEndpoint('flag-cache', { url: receiver.origin, signingKeys });
    await tenant.createEvent('butter-bar');
    await tenant.eventReason('butter-bar', 'AllDelivered');
    expect(operator.output()).not.toMatch(/cannot \w+ resource/);
  } finally {
    await operator.stop();
    await receiver.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The command that the overlay's text names, by somebody who has no more than a namespace's `admin` role. */
async function bindAsAdmin(): Promise<void> {
  // What a controller makes of it elsewhere.
  for (const part of ['admin', 'edit', 'view']) {
    const role = `--clusterrole=system:aggregate-to-${part}`;
    await cluster.kubectl(['create', 'rolebinding', part, '-n', 'shop', role, '--user=shop-admin']);
  }
  await eventually('the admin of shop', () => may('shop-admin', 'list secrets', 'shop'));
  const { status, stderr } = await cluster.kubectl([
    ...['create', 'rolebinding', 'flagpost-references', '-n', 'shop', '--as=shop-admin'],
    ...['--clusterrole=flagpost-references', '--serviceaccount=flagpost-system:flagpost'],
  ]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

describe('the role', () => {
  const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
  const resources = ['flagevents', 'webhookendpoints'];
  const all = (some: readonly string[], of: readonly string[]) =>
    of.flatMap((resource) => some.map((verb) => `${verb} ${resource}`));

  test.each([
    ['flagpost-view', all(verbs.slice(0, 3), resources), ['admin', 'edit', 'view']],
    ['flagpost-edit', all(verbs.slice(3), resources), ['admin', 'edit']],
    ['flagpost-event-creator', ['create flagevents'], []],
  ])('%s grants what its name says, and no status', async (role, granted, parts) => {
    const bind = ['create', 'rolebinding', role, '-n', elsewhere, `--clusterrole=${role}`, `--user=${role}`];
    expect(await cluster.kubectl(bind)).toMatchObject({ status: 0, stderr: '' });
    await eventually(`the binding of ${role}`, () => may(role, granted[0] ?? '', elsewhere));
    const asked = all(verbs, [...resources, ...resources.map((name) => `${name}/status`)]);
    const answers = await Promise.all(asked.map((what) => may(role, what, elsewhere)));
    expect(asked.filter((_, index) => answers[index])).toEqual(
      asked.filter((what) => granted.includes(what)),
    );

    const { stdout } = await cluster.kubectl(['get', 'clusterrole', role, '-o', 'json']);
    const labels = z.object({ metadata: z.object({ labels: z.record(z.string(), z.string()) }) });
    const aggregated = Object.keys(labels.parse(JSON.parse(stdout)).metadata.labels).flatMap((label) =>
      label.startsWith('rbac.authorization.k8s.io/aggregate-to-') ? [label.slice(39)] : [],
    );
    expect(aggregated.toSorted()).toEqual(parts);
  });
});
