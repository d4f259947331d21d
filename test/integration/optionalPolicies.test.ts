import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AdminClient, type Answer } from '../support/adminClient.ts';
import { boundRole } from '../support/boundRole.ts';
import type { Cluster } from '../support/cluster.ts';
import { readDocument } from '../support/document.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { type KubernetesObject, parseObjects } from '../support/kustomize.ts';
import { endpointManifest } from '../support/manifests/endpoint.ts';
import { eventManifest } from '../support/manifests/event.ts';
import type { Manifest } from '../support/manifests/manifest.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

type Json = Readonly<Record<string, unknown>>;

let cluster: Cluster;
let client: AdminClient;
let created = 0;
beforeAll(async () => {
  cluster = await sharedControlPlane();
  client = new AdminClient(cluster);
}, 60_000);
afterAll(() => client.close());

/** What a component of deploy/ has, bound to one namespace alone: other tests share the API server. */
function policyFor(component: string, namespace: string): readonly KubernetesObject[] {
  const matchLabels = { 'kubernetes.io/metadata.name': namespace };
  const objects = parseObjects(readDocument(`deploy/components/${component}/${component}-policy.yaml`));
  return objects.map((object) =>
    object.kind === 'ValidatingAdmissionPolicyBinding'
      ? {
          ...object,
          spec: { ...(object['spec'] as Json), matchResources: { namespaceSelector: { matchLabels } } },
        }
      : object,
  );
}

async function applyPolicy(
  component: string,
  namespace: string,
  refused: () => Promise<Answer>,
): Promise<void> {
  const items = policyFor(component, namespace);
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), ['--server-side']);
  await waitUntil(`the policy ${component} to hold`, async () => (await refused()).status === 403);
}

const path = (namespace: string, plural: string, name = '') =>
  `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/${plural}${name && `/${name}`}`;

const newName = () => `made-${(created += 1)}`;

const withMetadata = (manifest: Manifest, metadata: Json): Manifest => ({
  ...manifest,
  metadata: { ...manifest.metadata, ...metadata },
});

const createEndpoint = (namespace: string, spec: Json) =>
  client.call('POST', path(namespace, 'webhookendpoints'), { body: endpointManifest(spec, newName()) });

const merge = (namespace: string, plural: string, name: string, body: Json, as?: string) =>
  client.call('PATCH', path(namespace, plural, name), {
    as,
    body,
    contentType: 'application/merge-patch+json',
  });

async function expectRefusal(answer: Promise<Answer>, ...texts: readonly string[]): Promise<void> {
  const { status, body } = await answer;
  expect({ status, reason: body['reason'] }).toEqual({ status: 403, reason: 'Forbidden' });
  for (const text of texts) expect(body['message']).toContain(text);
}

const fromSecret = { url: undefined, urlSecretKeyRef: { name: 'hook', key: 'url' } };

describe('the policy https-only', () => {
  let namespace: string;
  let old: string;
  beforeAll(async () => {
    namespace = await cluster.createNamespace();
    const { body } = await createEndpoint(namespace, { url: 'http://hooks.example/' });
    old = (body['metadata'] as { readonly name: string }).name;
    await applyPolicy('https-only', namespace, () =>
      createEndpoint(namespace, { url: 'http://hooks.example/' }),
    );
  });

  test.each([
    'https://hooks.example/a?b=http:',
    'HTTPS://hooks.example:8443',
    'https://10.1.2.3/',
    'http://flag-cache.shop.svc/',
    'http://FLAG-cache.shop.SVC.:8080/hooks',
    'http://flag-cache.shop.svc.cluster.local/',
  ])('lets %s be', async (url) => {
    expect(await createEndpoint(namespace, { url })).toMatchObject({ status: 201 });
  });

  test.each([
    'http://hooks.example/',
    'HTTP://hooks.example/',
    'http://10.1.2.3/',
    'http://[2001:db8::1]/',
    'http://flag-cache/',
    'http://svc/',
    'http://hooks.example/.svc',
    'http://hooks.example?a.svc',
    'http://shop.svc.hooks.example/',
    'http://hooks.example。svc/',
    'http://hooksesvc/',
  ])('refuses %s', async (url) => {
    await expectRefusal(
      createEndpoint(namespace, { url }),
      'spec.url: only https is allowed outside the cluster',
    );
  });

  test('refuses a URL that it does not see', async () => {
    await expectRefusal(createEndpoint(namespace, fromSecret), 'spec.urlSecretKeyRef: only https');
  });

  test('lets an endpoint that was there before be changed in all but its URL', async () => {
    const patch = (spec: Json) => merge(namespace, 'webhookendpoints', old, { spec });
    expect(await patch({ suspend: true })).toMatchObject({ status: 200 });
    await expectRefusal(patch({ url: 'http://other.example/' }), 'spec.url');
    await expectRefusal(
      patch({ url: null, urlSecretKeyRef: fromSecret.urlSecretKeyRef }),
      'spec.urlSecretKeyRef',
    );
    expect(await patch({ url: 'https://hooks.example/' })).toMatchObject({ status: 200 });
  });
});

describe('the policy allowed-hosts', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await cluster.createNamespace();
    await cluster.kubectl([
      ...['label', 'namespace', namespace],
      ...['hosts.flagpost.dev/hooks.example=host', 'hosts.flagpost.dev/shop.svc=domain'],
    ]);
    await applyPolicy('allowed-hosts', namespace, () =>
      createEndpoint(namespace, { url: 'https://evil.example/' }),
    );
  });

  test.each([
    'https://hooks.example/',
    'http://HOOKS.example.:8080/x',
    'http://flag-cache.shop.svc/',
    'http://a.b.shop.svc/',
    'http://shop.svc/',
  ])('lets %s be', async (url) => {
    expect(await createEndpoint(namespace, { url })).toMatchObject({ status: 201 });
  });

  test.each([
    'https://evil.example/hooks.example',
    'https://a.hooks.example/',
    'https://hooks.example.evil/',
    'https://workshop.svc/',
    'https://10.1.2.3/',
    'https://evil.example?.shop.svc',
  ])('refuses %s', async (url) => {
    await expectRefusal(
      createEndpoint(namespace, { url }),
      `spec.url: the host ${new URL(url).hostname} is none of those that namespace ${namespace} is limited to`,
      'hooks.example',
      '*.shop.svc',
    );
  });

  test('refuses a URL that it does not see', async () => {
    await expectRefusal(
      createEndpoint(namespace, fromSecret),
      'spec.urlSecretKeyRef: a host that is not seen',
    );
  });

  test('lets a namespace without such a label be', async () => {
    await cluster.kubectl([
      'label',
      'namespace',
      namespace,
      ...['hooks.example', 'shop.svc'].map((host) => `hosts.flagpost.dev/${host}-`),
    ]);
    await waitUntil('the labels to be gone', async () => {
      const { status } = await createEndpoint(namespace, { url: 'https://evil.example/' });
      return status === 201;
    });
    expect(await createEndpoint(namespace, fromSecret)).toMatchObject({ status: 201 });
  });
});

describe('the policy redeliver-and-test', () => {
  const REDELIVER = 'flagpost.dev/redeliver';
  const SINCE = 'flagpost.dev/redeliver-since';
  const TEST = 'flagpost.dev/test';
  const writes = ['create', 'get', 'patch', 'update'];
  const users = { editor: writes, tester: [...writes, 'test'], redeliverer: [...writes, 'redeliver'] };
  const resources = ['flagevents', 'webhookendpoints'];

  let namespace: string;
  beforeAll(async () => {
    namespace = await cluster.createNamespace();
    const items = Object.entries(users).flatMap(([user, verbs]) =>
      boundRole(namespace, user, [{ apiGroups: ['flagpost.dev'], resources, verbs }]),
    );
    await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    await waitUntil('the last role to hold', async () => {
      const { status } = await create('redeliverer', 'webhookendpoints');
      return status === 201;
    });
    await applyPolicy('redeliver-and-test', namespace, () =>
      create('editor', 'webhookendpoints', { annotations: { [TEST]: '1' } }),
    );
  });

  type Plural = 'flagevents' | 'webhookendpoints';
  const cases: readonly [Plural, Json, string, string, string][] = [
    ['flagevents', { labels: { [REDELIVER]: '1' } }, 'redeliver', 'redeliverer', 'tester'],
    [
      'webhookendpoints',
      { annotations: { [SINCE]: '2026-11-24T00:00:00Z' } },
      'redeliver',
      'redeliverer',
      'tester',
    ],
    ['webhookendpoints', { annotations: { [TEST]: '1' } }, 'test', 'tester', 'redeliverer'],
  ];

  async function create(as: string, plural: Plural, metadata: Json = {}) {
    const name = newName();
    const manifest =
      plural === 'flagevents' ? eventManifest(aFlagUpdated(), name) : endpointManifest({}, name);
    const body = withMetadata(manifest, metadata);
    return { name, ...(await client.call('POST', path(namespace, plural), { as, body })) };
  }

  test.each(cases)('%s take %j only with the verb %s', async (plural, metadata, verb, may, mayNot) => {
    const { name } = await create('editor', plural);
    const patch = (as: string, change: Json) => merge(namespace, plural, name, { metadata: change }, as);
    for (const user of ['editor', mayNot]) {
      const refusal = `takes the verb ${verb} on ${plural} in namespace ${namespace}`;
      await expectRefusal(patch(user, metadata), refusal);
    }
    expect(await patch(may, metadata)).toMatchObject({ status: 200 });
    // The value stays, and goes.
    const gone = { labels: { [REDELIVER]: null }, annotations: { [SINCE]: null, [TEST]: null } };
    for (const change of [{ labels: { team: 'shop' } }, gone])
      expect(await patch('editor', change)).toMatchObject({ status: 200 });
  });

  test.each(cases)('%s are created with %j only with the verb %s', async (plural, metadata, verb, may) => {
    await expectRefusal(create('editor', plural, metadata), `takes the verb ${verb}`);
    expect(await create(may, plural, metadata)).toMatchObject({ status: 201 });
  });

  test('comes with a role that has the verbs, which admin gets and edit does not', () => {
    const role = policyFor('redeliver-and-test', namespace).find(({ kind }) => kind === 'ClusterRole');
    expect(role).toMatchObject({
      metadata: { labels: { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } },
      rules: [{ verbs: ['redeliver'] }, { verbs: ['redeliver', 'test'] }],
    });
    expect(Object.keys(role?.metadata.labels ?? {})).toHaveLength(1);
  });
});
