import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { flagEventCrd, webhookEndpointCrd } from '../../src/api/crd.ts';
import { parseFlagEvent, parseWebhookEndpoint } from '../../src/api/parse.ts';
import { webhookEndpointSpec } from '../../src/api/webhookEndpoint.ts';
import { canonicalText } from '../../src/delivery/canonicalJson.ts';
import { AdminClient, causesOf, type Answer, type Cause } from '../support/adminClient.ts';
import { badEndpoints } from '../support/manifests/badEndpoints.ts';
import { badEvents } from '../support/manifests/badEvents.ts';
import { goodEndpoints } from '../support/manifests/goodEndpoints.ts';
import { goodEvents } from '../support/manifests/goodEvents.ts';
import type { Manifest } from '../support/manifests/manifest.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';

const PLURALS = { FlagEvent: 'flagevents', WebhookEndpoint: 'webhookendpoints' };

/** The first that asks for the control plane waits for its start. */
const START_MS = 60_000;

let admin: AdminClient;
let namespace: string;
let created = 0;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  namespace = await cluster.createNamespace();
  admin = new AdminClient(cluster);
}, START_MS);

afterAll(() => admin.close());

/** Creates it as kubectl does: unknown fields are an error, and a name of its own unless the name is what it is about. */
function create(manifest: Manifest): Promise<Answer> {
  created += 1;
  const { name } = manifest.metadata;
  const long = typeof name === 'string' && name.length > 20;
  return admin.call(
    'POST',
    `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/${PLURALS[manifest.kind]}?fieldValidation=Strict`,
    { body: { ...manifest, metadata: { ...manifest.metadata, name: long ? name : `object-${created}` } } },
  );
}

/** The spec's two payloads as one text; undefined members are left out. */
const payloadText = (spec: unknown): string => {
  const { flagUpdated, auditLog } = spec as Record<string, unknown>;
  return canonicalText({ flagUpdated, auditLog });
};

/** The messages of all rules below. */
function ruleMessages(node: unknown): readonly string[] {
  if (typeof node !== 'object' || node === null) return [];
  if ('rule' in node && 'message' in node) return [String(node.message)];
  return Object.values(node).flatMap(ruleMessages);
}

describe('the API server accepts', () => {
  test('both CRDs as they are, with their costs', async () => {
    for (const crd of [flagEventCrd(), webhookEndpointCrd()]) {
      const { body } = await admin.call(
        'GET',
        `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`,
      );
      expect(body).toMatchObject({ spec: { group: 'flagpost.dev' } });
      const { conditions } = body['status'] as { conditions: readonly { type: string; status: string }[] };
      const held = conditions.filter(({ status }) => status === 'True').map(({ type }) => type);
      expect(held.toSorted()).toEqual(['Established', 'NamesAccepted']);
    }
  });

  test.each(goodEndpoints)('an endpoint with $what, which the operator can read', async ({ manifest }) => {
    const { status, body } = await create(manifest);
    expect({ status, body }).toMatchObject({ status: 201 });
    const { spec } = parseWebhookEndpoint(body);
    const written: unknown = JSON.parse(JSON.stringify(manifest.spec));
    expect(spec).toMatchObject(written as object);
    expect(body['status']).toEqual({ observedGeneration: -1 });
  });

  test.each(goodEvents)('an event with $what, and keeps its payload as it is', async ({ manifest }) => {
    const { status, body } = await create(manifest);
    expect({ status, message: body['message'] }).toEqual({ status: 201, message: undefined });
    const { name } = body['metadata'] as { readonly name: string };
    const stored = await admin.call(
      'GET',
      `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/flagevents/${name}`,
    );
    expect(payloadText(stored.body['spec'])).toBe(payloadText(manifest.spec));
    expect(payloadText(parseFlagEvent(stored.body).spec)).toBe(payloadText(manifest.spec));
    expect(stored.body['status']).toEqual({ observedGeneration: -1 });
  });
});

describe('the API server refuses, naming the field and the remedy', () => {
  test.each([...badEndpoints, ...badEvents])(
    '$manifest.kind with $what: $field',
    async ({ manifest, field, remedy }) => {
      const answer = await create(manifest);
      const message = String(answer.body['message']);
      const named = causesOf(answer).some(
        (cause) =>
          (cause.field === field || (cause.field === '<nil>' && cause.message.includes(`"${field}"`))) &&
          cause.message.includes(remedy),
      );
      // An unknown field is found before there are causes.
      const unknown = answer.status === 400 && message.includes(`${remedy} "${field}"`);
      expect({ status: answer.status, message, named: named || unknown }).toEqual({
        status: unknown ? 400 : 422,
        message: expect.any(String),
        named: true,
      });
    },
  );

  test('at least 100 bad manifests and 30 good ones were tried', () => {
    expect(badEndpoints.length + badEvents.length).toBeGreaterThanOrEqual(100);
    expect(goodEndpoints.length + goodEvents.length).toBeGreaterThanOrEqual(30);
  });
});

describe('the operator and the API server agree', () => {
  const messages = ruleMessages([flagEventCrd(), webhookEndpointCrd()]);
  /** zod has types, bounds and patterns only; rules and the uniqueness of lists are the API server's. */
  const isStructural = ({ field, message }: Cause): boolean =>
    field.startsWith('spec') &&
    !message.startsWith('Duplicate value') &&
    !messages.some((ours) => message.endsWith(ours));

  test.each(badEndpoints)('on an endpoint with $what', async ({ manifest }) => {
    const structural = causesOf(await create(manifest)).some(isStructural);
    const spec: unknown = JSON.parse(JSON.stringify(manifest.spec ?? null));
    const accepted = webhookEndpointSpec.safeParse(spec).success;
    expect({ structural, accepted }).not.toEqual({ structural: true, accepted: true });
  });
});
