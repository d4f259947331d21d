import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { webhookEndpointCrd } from '../../src/api/crd.ts';
import { AdminClient, type Answer } from '../support/adminClient.ts';
import { boundRole } from '../support/boundRole.ts';
import type { Cluster } from '../support/cluster.ts';
import { deployPath } from '../support/kustomize.ts';
import { endpointManifest } from '../support/manifests/endpoint.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

type Json = Readonly<Record<string, unknown>>;

/** Names as long as they can be, so that the policy costs as much as it can. */
const longName = (index: number) => `${'s'.repeat(250)}${String(index).padStart(3, '0')}`;
const longNames = (count: number) => Array.from({ length: count }, (_, index) => longName(index));

const GET = ['get'];
/** All of them may write endpoints; what they may do with Secrets. */
const authors: Readonly<Record<string, readonly Json[]>> = {
  'reader-of-all': [{ apiGroups: [''], resources: ['secrets'], verbs: GET }],
  'reader-of-hook': [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['hook'], verbs: GET }],
  'reader-of-many': [{ apiGroups: [''], resources: ['secrets'], resourceNames: longNames(40), verbs: GET }],
  'reader-of-none': [
    { apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch', 'create', 'update'] },
  ],
  'reader-elsewhere': [],
};

const signedBy = (...names: string[]) => ({
  signingKeys: names.map((name) => ({ secretKeyRef: { name, key: 'secret' } })),
});
const header = (name: string, secret: string) => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key: 'token' } },
});
/** Every field that names a Secret, with a spec that has it. */
const fields: Readonly<Record<string, (name: string) => Json>> = {
  'spec.urlSecretKeyRef': (name) => ({ url: undefined, urlSecretKeyRef: { name, key: 'url' } }),
  'spec.signingKeys[0].secretKeyRef': (name) => signedBy(name),
  'spec.headers[Authorization].valueFrom.secretKeyRef': (name) => ({
    headers: [{ name: 'X-Team', value: 'shop' }, header('Authorization', name)],
  }),
  'spec.tls.caFrom.secretKeyRef': (name) => ({ tls: { caFrom: { secretKeyRef: { name, key: 'ca.crt' } } } }),
  'spec.tls.clientCertificateSecretRef': (name) => ({ tls: { clientCertificateSecretRef: { name } } }),
};
/** 32 + 5 + 3 references, the most there can be, to `count` Secrets. */
function manyReferences(count: number): Json {
  const name = (index: number) => longName(index % count);
  return {
    url: undefined,
    urlSecretKeyRef: { name: name(0), key: 'url' },
    ...signedBy(...[1, 2, 3, 4, 5].map(name)),
    headers: Array.from({ length: 32 }, (_, index) => header(`X-${index}`, name(6 + index))),
    tls: {
      caFrom: { secretKeyRef: { name: name(38), key: 'ca.crt' } },
      clientCertificateSecretRef: { name: name(39) },
    },
  };
}

let cluster: Cluster;
let client: AdminClient;
let namespace: string;
let created = 0;

const path = (name = '') =>
  `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/webhookendpoints${name && `/${name}`}`;

async function create(author: string, spec: Json): Promise<Answer & { readonly name: string }> {
  created += 1;
  const name = `endpoint-${created}`;
  return { name, ...(await client.call('POST', path(), { as: author, body: endpointManifest(spec, name) })) };
}

const patch = (author: string, name: string, change: Json, subresource = '') =>
  client.call('PATCH', path(name) + subresource, {
    as: author,
    body: change,
    contentType: 'application/merge-patch+json',
  });

async function expectRefusal(answer: Promise<Answer>, ...texts: readonly string[]): Promise<void> {
  const { status, body } = await answer;
  expect({ status, reason: body['reason'] }).toEqual({ status: 403, reason: 'Forbidden' });
  for (const text of texts) expect(body['message']).toContain(text);
}

beforeAll(async () => {
  cluster = await sharedControlPlane();
  namespace = await cluster.createNamespace();
  client = new AdminClient(cluster);
  const writes = {
    apiGroups: ['flagpost.dev'],
    resources: ['webhookendpoints', 'webhookendpoints/status'],
    verbs: ['create', 'patch', 'update', 'get'],
  };
  const items = [
    ...Object.entries(authors).flatMap(([name, secrets]) => boundRole(namespace, name, [writes, ...secrets])),
    ...boundRole(await cluster.createNamespace(), 'reader-elsewhere', authors['reader-of-all'] ?? []),
  ];
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  // As whoever applies an overlay that has it: another manager of its fields would be in conflict.
  await cluster.apply(await readFile(deployPath('base/admission-policy.yaml'), 'utf8'), ['--server-side']);
  await waitUntil('the policy and the last role to hold', async () => {
    const { status, body } = await create('reader-elsewhere', signedBy('hook'));
    return status === 403 && String(body['message']).includes('ValidatingAdmissionPolicy');
  });
}, 60_000);

afterAll(() => client.close());

describe('an endpoint that names a Secret in', () => {
  test.each(Object.entries(fields))('%s is refused unless its author may get it', async (field, naming) => {
    await expectRefusal(
      create('reader-of-none', naming('hook')),
      `${field}: you may not get Secret hook of namespace ${namespace}`,
      'be granted get on it by a Role',
    );
    await expectRefusal(create('reader-of-hook', naming('other')), `${field}: you may not get Secret other`);
    expect(await create('reader-of-hook', naming('hook'))).toMatchObject({ status: 201 });
    expect(await create('reader-of-all', naming('other'))).toMatchObject({ status: 201 });
  });

  test('any field of the schema is checked', () => {
    const { schema } = webhookEndpointCrd().spec.versions[0] ?? {};
    const listed = Object.keys(fields).map((field) => field.replaceAll(/\[\w+\]/g, '[]'));
    expect(secretFields(schema?.openAPIV3Schema, '').toSorted()).toEqual(listed.toSorted());
  });
});

test('an endpoint that names no Secret is for anybody', async () => {
  const configMap = { tls: { caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } } } };
  const headers = { headers: [{ name: 'X-Team', value: 'shop' }] };
  for (const spec of [{}, configMap, headers])
    expect(await create('reader-of-none', spec)).toMatchObject({ status: 201 });
});

test('to get Secrets of another namespace does not count', async () => {
  await expectRefusal(create('reader-elsewhere', signedBy('hook')), 'you may not get Secret hook');
});

test('each Secret counts, and the first that is refused is told', async () => {
  await expectRefusal(
    create('reader-of-hook', signedBy('hook', 'hook', 'other', 'another')),
    'spec.signingKeys[2].secretKeyRef: you may not get Secret other',
  );
});

describe('of the most references that an endpoint may have', () => {
  test('20 Secrets, each of which its author may get, are taken', async () => {
    expect(await create('reader-of-many', manyReferences(20))).toMatchObject({ status: 201 });
  });

  test('the twentieth is checked', async () => {
    const { headers, ...spec } = manyReferences(19);
    const list = (headers as unknown[]).with(31, header('X-Last', 'other'));
    await expectRefusal(
      create('reader-of-many', { ...spec, headers: list }),
      'spec.headers[X-Last].valueFrom.secretKeyRef: you may not get Secret other',
    );
  });

  test('21 Secrets are for those who may get all', async () => {
    await expectRefusal(create('reader-of-many', manyReferences(21)), 'spec: names 21 Secrets', 'name fewer');
    await expectRefusal(create('reader-of-many', manyReferences(40)), 'spec: names 40 Secrets');
    expect(await create('reader-of-all', manyReferences(40))).toMatchObject({ status: 201 });
  });
});

describe('an endpoint of somebody who may get its Secret', () => {
  let name: string;
  beforeAll(async () => {
    ({ name } = await create('reader-of-all', signedBy('hook')));
  });

  test.each([
    ['a Secret', signedBy('other')],
    ['its URL, where the Secret would go', { url: 'https://elsewhere.example/' }],
    ['suspend', { suspend: true }],
  ])('is not changed in %s by one who may not', async (_, spec) => {
    await expectRefusal(patch('reader-of-none', name, { spec }), 'you may not get Secret');
    expect(await patch('reader-of-all', name, { spec })).toMatchObject({ status: 200 });
  });

  test('takes annotations and labels from anybody', async () => {
    const metadata = { annotations: { 'flagpost.dev/test': 'now' }, labels: { team: 'shop' } };
    expect(await patch('reader-of-none', name, { metadata })).toMatchObject({ status: 200 });
  });

  test('takes its status from the operator, who may not get Secrets', async () => {
    const status = { pendingDeliveries: 3 };
    expect(await patch('reader-of-none', name, { status }, '/status')).toMatchObject({
      status: 200,
      body: { status },
    });
  });

  test('is freed from its Secrets by anybody', async () => {
    expect(await patch('reader-of-none', name, { spec: { signingKeys: null } })).toMatchObject({
      status: 200,
    });
  });
});

/** The paths of what is named like a reference to a Secret, `[]` for the items of a list. */
function secretFields(schema: unknown, at: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  if (/secret(Key)?Ref$/i.test(at)) return [at.slice(1)];
  const { properties = {}, items } = schema as { properties?: Json; items?: unknown };
  return [
    ...Object.entries(properties).flatMap(([name, child]) => secretFields(child, `${at}.${name}`)),
    ...secretFields(items, `${at}[]`),
  ];
}
