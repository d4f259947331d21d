import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AdminClient, causesOf } from '../support/adminClient.ts';
import { endpointManifest } from '../support/manifests/endpoint.ts';
import { auditLogManifest, flagUpdatedManifest } from '../support/manifests/event.ts';
import type { Manifest } from '../support/manifests/manifest.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';

type Fields = Record<string, unknown>;
interface Named {
  readonly metadata: { readonly name: string };
}

const API = '/apis/flagpost.dev/v1alpha1';
const NOW = '2026-11-25T02:07:54Z';
const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';

/** The first that asks for the control plane waits for its start. */
const START_MS = 60_000;

let admin: AdminClient;
let kubectl: (...args: string[]) => Promise<string>;
let events: string;
let endpoints: string;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  const namespace = await cluster.createNamespace();
  events = `${API}/namespaces/${namespace}/flagevents`;
  endpoints = `${API}/namespaces/${namespace}/webhookendpoints`;
  admin = new AdminClient(cluster);
  kubectl = async (...args) => {
    const { stdout, stderr, status } = await cluster.kubectl(['-n', namespace, ...args]);
    if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
}, START_MS);

afterAll(() => admin.close());

const named = (manifest: Manifest, name: string): Manifest => ({ ...manifest, metadata: { name } });

async function createEvent(manifest: Manifest, name: string): Promise<string> {
  expect(await admin.call('POST', events, { body: named(manifest, name) })).toMatchObject({ status: 201 });
  return `${events}/${name}`;
}

async function createEndpoint(name: string, spec: Fields = {}): Promise<string> {
  expect(await admin.call('POST', endpoints, { body: endpointManifest(spec, name) })).toMatchObject({
    status: 201,
  });
  return `${endpoints}/${name}`;
}

async function putStatus(path: string, status: unknown) {
  const { body } = await admin.call('GET', path);
  return admin.call('PUT', `${path}/status`, { body: { ...body, status } });
}

async function select(selector: string): Promise<readonly string[]> {
  const { body } = await admin.call('GET', `${events}?fieldSelector=${encodeURIComponent(selector)}`);
  return (body['items'] as readonly Named[]).map(({ metadata }) => metadata.name).toSorted();
}

const condition = (type: string, status: string, reason: string): Fields => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime: NOW,
});

/** The columns of `kubectl get`, each with its name, priority and the object's cell. */
async function table(path: string, name: string) {
  const { body } = await admin.call('GET', `${path}/${name}`, {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  });
  const columns = body['columnDefinitions'] as readonly {
    readonly name: string;
    readonly priority: number;
  }[];
  const [row] = body['rows'] as readonly { readonly cells: readonly unknown[] }[];
  return columns.map((column, index) => [column.name, column.priority, row?.cells[index]]);
}

describe('status', () => {
  test('a write of {} keeps observedGeneration at -1', async () => {
    for (const path of [await createEvent(flagUpdatedManifest(), 'empty'), await createEndpoint('empty')]) {
      const { status, body } = await putStatus(path, {});
      expect({ status, written: body['status'] }).toEqual({
        status: 200,
        written: { observedGeneration: -1 },
      });
    }
  });

  test('a status given at creation is not taken', async () => {
    const body = { ...named(flagUpdatedManifest(), 'born-done'), status: { completionTime: NOW } };
    const answer = await admin.call('POST', events, { body });
    expect(answer).toMatchObject({ status: 201, body: { status: { observedGeneration: -1 } } });
    expect(answer.body['status']).not.toHaveProperty('completionTime');
  });

  test.each<[what: string, status: Fields, field: string]>([
    ['a time without a zone', { completionTime: '2026-11-25T02:07:54' }, 'status.completionTime'],
    ['an unknown state', { deliveries: [{ state: 'Done' }] }, 'status.deliveries[0].state'],
    ['a delivery without an ID', { deliveries: [{ state: 'Pending' }] }, 'status.deliveries[0].deliveryID'],
    ['a message too long', { deliveries: [{ message: 'x'.repeat(257) }] }, 'status.deliveries[0].message'],
    [
      'a condition twice',
      { conditions: [1, 2].map(() => condition('Stalled', 'True', 'X')) },
      'status.conditions[1]',
    ],
    [
      'a reason with a space',
      { conditions: [condition('Stalled', 'True', 'a b')] },
      'status.conditions[0].reason',
    ],
    ['1,001 deliveries', { deliveries: Array.from({ length: 1001 }, () => ({})) }, 'status.deliveries'],
    ['negative attempts', { deliveries: [{ attempts: -1 }] }, 'status.deliveries[0].attempts'],
  ])('with %s is refused', async (what, status, field) => {
    const path = await createEvent(flagUpdatedManifest(), what.replaceAll(/\W+/g, '-').toLowerCase());
    const answer = await putStatus(path, status);
    expect(answer.status).toBe(422);
    expect(causesOf(answer).map((cause) => cause.field)).toContain(field);
  });
});

describe('field selectors', () => {
  test('find unfinished events, and the events of a type', async () => {
    const done = await createEvent(flagUpdatedManifest(), 'select-done');
    await createEvent(auditLogManifest(), 'select-audit');
    expect(await select('status.completionTime=')).toEqual(
      expect.arrayContaining(['select-audit', 'select-done']),
    );

    expect(await putStatus(done, { completionTime: NOW })).toMatchObject({ status: 200 });
    expect(await select('status.completionTime=')).not.toContain('select-done');
    expect(await select('status.completionTime!=')).toEqual(['select-done']);
    expect(await select('spec.type=AUDIT_LOG')).toEqual(['select-audit']);

    const patch = { body: { status: { completionTime: null } }, contentType: MERGE };
    expect(await admin.call('PATCH', `${done}/status`, patch)).toMatchObject({ status: 200 });
    expect(await select('status.completionTime=')).toContain('select-done');
  });
});

describe('server-side apply', () => {
  const apply = (path: string, spec: Fields) =>
    admin.call('PATCH', `${path}?fieldManager=pipeline&force=true`, {
      contentType: APPLY,
      body: {
        apiVersion: 'flagpost.dev/v1alpha1',
        kind: 'WebhookEndpoint',
        metadata: { name: path.split('/').at(-1) },
        spec,
      },
    });
  const edit = (path: string, spec: Fields) =>
    admin.call('PATCH', `${path}?fieldManager=kubectl-edit`, { contentType: MERGE, body: { spec } });

  const base = endpointManifest().spec as Fields;
  const reference = { name: 'hook', key: 'token' };

  test.each<[what: string, before: Fields, edited: Fields, after: Fields]>([
    [
      "a header from value to valueFrom after somebody's kubectl edit",
      { headers: [{ name: 'X-Team', value: 'a' }] },
      { headers: [{ name: 'X-Team', value: 'b' }] },
      { headers: [{ name: 'X-Team', valueFrom: { secretKeyRef: reference } }] },
    ],
    [
      "a CA from a ConfigMap to a Secret after somebody's kubectl edit",
      { tls: { caFrom: { configMapKeyRef: { name: 'ca', key: 'a' } } } },
      { tls: { caFrom: { configMapKeyRef: { name: 'ca', key: 'b' } } } },
      { tls: { caFrom: { secretKeyRef: reference } } },
    ],
  ])('switches %s', async (what, before, edited, after) => {
    const path = `${endpoints}/apply-${what.includes('header') ? 'header' : 'ca'}`;
    expect(await apply(path, { ...base, ...before })).toMatchObject({ status: 201 });
    expect(await edit(path, edited)).toMatchObject({ status: 200, body: { spec: edited } });
    const answer = await apply(path, { ...base, ...after });
    expect({ status: answer.status, message: answer.body['message'] }).toEqual({
      status: 200,
      message: undefined,
    });
    expect(answer.body['spec']).toMatchObject(after);
  });

  test('leaves headers of two managers side by side', async () => {
    const path = await createEndpoint('two-managers', { headers: [{ name: 'X-One', value: '1' }] });
    const answer = await apply(path, { ...base, headers: [{ name: 'X-Two', value: '2' }] });
    expect(answer.body['spec']).toMatchObject({ headers: [{ name: 'X-One' }, { name: 'X-Two' }] });
  });
});

describe('managedFields', () => {
  test('stay small, whatever the payload and however many deliveries', async () => {
    const unknown = Object.fromEntries(
      Array.from({ length: 5000 }, (_, index) => [`unknown_${index}`, { a: index }]),
    );
    const path = await createEvent(flagUpdatedManifest(unknown), 'large');
    const deliveries = Array.from({ length: 1000 }, (_, index) => ({
      endpointName: `endpoint-${index}`,
      endpointUID: '0b3e1c1e-7d2f-4c07-8a3e-5a3d0c8a4b1f',
      deliveryID: `msg_${index}`,
      state: 'Pending',
      startTime: NOW,
    }));
    const { status, body } = await putStatus(path, { observedGeneration: 1, deliveries });
    expect(status).toBe(200);
    const { managedFields } = body['metadata'] as { readonly managedFields: unknown };
    expect(JSON.stringify(managedFields).length).toBeLessThan(1000);
  });
});

describe('kubectl', () => {
  test("shows an event's columns", async () => {
    const path = await createEvent(flagUpdatedManifest(), 'columns');
    await putStatus(path, {
      conditions: [condition('Succeeded', 'Unknown', 'Delivering')],
      delivered: '2/3',
    });
    expect(await table(events, 'columns')).toEqual([
      ['Name', 0, 'columns'],
      ['Type', 0, 'FLAG_UPDATED'],
      ['Succeeded', 0, 'Unknown'],
      ['Reason', 0, 'Delivering'],
      ['Delivered', 0, '2/3'],
      ['Age', 0, expect.any(String)],
      ['Feature', 1, 'butter_bar'],
      ['Environment', 1, 'Development'],
      ['Changed By', 1, 'user@domain.com'],
      ['Completed', 1, null],
    ]);
  });

  test('shows no feature, environment and author of an audit log record', async () => {
    await createEvent(auditLogManifest(), 'audit-columns');
    expect((await table(events, 'audit-columns')).slice(6, 9)).toEqual([
      ['Feature', 1, null],
      ['Environment', 1, null],
      ['Changed By', 1, null],
    ]);
  });

  test("shows an endpoint's columns", async () => {
    const path = await createEndpoint('columns');
    await putStatus(path, {
      conditions: [condition('Ready', 'True', 'Ready'), condition('Delivering', 'Unknown', 'NoDeliveries')],
      host: 'flag-cache.shop.svc',
      pendingDeliveries: 0,
      consecutiveFailures: 3,
    });
    expect(await table(endpoints, 'columns')).toEqual([
      ['Name', 0, 'columns'],
      ['Ready', 0, 'True'],
      ['Reason', 0, 'Ready'],
      ['Delivering', 0, 'Unknown'],
      ['Host', 0, 'flag-cache.shop.svc'],
      ['Pending', 0, 0],
      ['Last Success', 0, null],
      ['Age', 0, expect.any(String)],
      ['Events', 1, '["FLAG_UPDATED"]'],
      ['Failures', 1, 3],
      ['Suspended', 1, false],
    ]);
  });

  test('knows the short names and the category', async () => {
    await createEvent(flagUpdatedManifest(), 'found');
    await createEndpoint('found');
    expect((await kubectl('get', 'fev/found', 'whe/found', '-o', 'name')).split('\n').slice(0, 2)).toEqual([
      'flagevent.flagpost.dev/found',
      'webhookendpoint.flagpost.dev/found',
    ]);
    const category = await kubectl('get', 'flagpost', '-o', 'name');
    expect(category).toContain('flagevent.flagpost.dev/found');
    expect(category).toContain('webhookendpoint.flagpost.dev/found');
  });

  test.each([
    ['fev.spec.flagUpdated.new_state.feature_state_value', 'a string, an integer, a boolean or null'],
    ['fev.status.deliveries.message', 'Details for people'],
    ['whe.spec.match.features.name', 'with a "\\*" at its end, any name that begins so'],
    ['whe.spec.retry.giveUpAfterSeconds', 'The retry window'],
    ['whe.status.host', 'without port or brackets'],
  ])('explains %s', async (path, words) => {
    const explained = await kubectl('explain', path);
    expect(explained.replaceAll(/\s+/g, ' ')).toMatch(new RegExp(words));
    expect(explained).not.toContain('<empty>');
  });
});
