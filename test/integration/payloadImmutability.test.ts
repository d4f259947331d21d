import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AdminClient, causesOf } from '../support/adminClient.ts';
import { eventManifest } from '../support/manifests/event.ts';
import { seedAuditLog, seedFlagUpdated } from '../support/seedPayloads.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';

type Fields = Record<string, unknown>;

// `extra` is no field that the schema knows; its keys are awkward on purpose.
const flagUpdated: Fields = {
  ...seedFlagUpdated,
  timestamp: '2021-06-18T07:50:26.5Z',
  new_state: { ...seedFlagUpdated.new_state, feature_state_value: 1, feature_segment: {} },
  extra: JSON.parse('{"__proto__": {"a": 1}, "list": [1, 2], "nothing": null, "number": 1}') as unknown,
};

const withRoot = (fields: Fields): Fields => ({ ...flagUpdated, ...fields });
const withState = (fields: Fields): Fields =>
  withRoot({ new_state: { ...(flagUpdated['new_state'] as Fields), ...fields } });
const withExtra = (json: string): Fields => withRoot({ extra: JSON.parse(json) as unknown });

/** Every kind of change to a payload. */
const PAYLOADS: readonly (readonly [what: string, payload: unknown])[] = [
  ['a known field', withRoot({ changed_by: 'somebody else' })],
  ['a known field deep inside', withState({ environment: { id: 24, name: 'Development' } })],
  ['another zone of the same instant', withRoot({ timestamp: '2021-06-18T09:50:26.5+02:00' })],
  ['another writing of the same instant', withRoot({ timestamp: '2021-06-18T07:50:26.50Z' })],
  ['a known field from null to a value', withState({ identity: 4 })],
  ['a known field from null to absent', withState({ identity: undefined })],
  [
    'null moved from one known field to another',
    withState({ identity: undefined, identity_identifier: null }),
  ],
  ['a known object from filled to null', withRoot({ previous_state: null })],
  ['a known object from filled to absent', withRoot({ previous_state: undefined })],
  ['an empty object to null', withState({ feature_segment: null })],
  ['the type of the value, 1 to "1"', withState({ feature_state_value: '1' })],
  ['the type of the value, 1 to true', withState({ feature_state_value: true })],
  ['an unknown field added at the root', withRoot({ another: 1 })],
  ['an unknown field added, null', withRoot({ another: null })],
  ['an unknown field added deep inside', withState({ another: 1 })],
  ['an unknown field removed', withRoot({ extra: undefined })],
  ['an unknown field renamed', { ...withRoot({ extra: undefined }), renamed: flagUpdated['extra'] }],
  [
    'a key inside an unknown field renamed',
    withExtra('{"__proto__":{"a":1},"list":[1,2],"none":null,"number":1}'),
  ],
  ['a value under __proto__', withExtra('{"__proto__":{"a":2},"list":[1,2],"nothing":null,"number":1}')],
  ['__proto__ removed', withExtra('{"list":[1,2],"nothing":null,"number":1}')],
  ['the order of a list', withExtra('{"__proto__":{"a":1},"list":[2,1],"nothing":null,"number":1}')],
  ['null removed from an unknown field', withExtra('{"__proto__":{"a":1},"list":[1,2],"number":1}')],
  [
    'null added to an unknown field',
    withExtra('{"__proto__":{"a":1},"b":null,"list":[1,2],"nothing":null,"number":1}'),
  ],
  [
    'a type inside an unknown field',
    withExtra('{"__proto__":{"a":1},"list":[1,2],"nothing":null,"number":"1"}'),
  ],
];

/** Changes that concern more than the payload. */
const SPECS: readonly (readonly [what: string, spec: unknown, field: string])[] = [
  ['the payload taken away', { type: 'FLAG_UPDATED' }, 'spec.flagUpdated'],
  ['the payload set to null', { type: 'FLAG_UPDATED', flagUpdated: null }, 'spec.flagUpdated'],
  ['the payload as a string', { type: 'FLAG_UPDATED', flagUpdated: 'x' }, 'spec.flagUpdated'],
  [
    'the other payload beside it',
    { type: 'FLAG_UPDATED', flagUpdated, auditLog: seedAuditLog },
    'spec.auditLog',
  ],
  ['the type alone', { type: 'AUDIT_LOG', flagUpdated }, 'spec.type'],
  ['the type and the payload', { type: 'AUDIT_LOG', auditLog: seedAuditLog }, 'spec.type'],
];

/** The first that asks for the control plane waits for its start. */
const START_MS = 60_000;

let admin: AdminClient;
let path: string;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  const events = `/apis/flagpost.dev/v1alpha1/namespaces/${await cluster.createNamespace()}/flagevents`;
  admin = new AdminClient(cluster);
  path = `${events}/butter-bar`;
  await admin.call('POST', events, {
    body: eventManifest({ type: 'FLAG_UPDATED', flagUpdated }),
  });
}, START_MS);

afterAll(() => admin.close());

async function put(change: (object: Fields) => Fields) {
  const { body } = await admin.call('GET', path);
  return admin.call('PUT', path, { body: change(body) });
}

describe('the payload of an event can not be changed:', () => {
  test.each(PAYLOADS)('%s', async (_, payload) => {
    const answer = await put((object) => ({
      ...object,
      spec: { type: 'FLAG_UPDATED', flagUpdated: payload },
    }));
    expect(answer.status).toBe(422);
    expect(causesOf(answer)).toContainEqual(
      expect.objectContaining({
        field: 'spec.flagUpdated',
        message: expect.stringContaining('is immutable; create a new event instead'),
      }),
    );
  });

  test.each(SPECS)('%s', async (_, spec, field) => {
    const answer = await put((object) => ({ ...object, spec }));
    expect(answer.status).toBe(422);
    expect(answer.body['message']).toContain(field);
  });

  test('a patch that takes it away', async () => {
    const answer = await admin.call('PATCH', path, {
      contentType: 'application/merge-patch+json',
      body: { spec: { flagUpdated: { extra: null } } },
    });
    expect(answer.status).toBe(422);
  });

  test('nor does a refused change leave a trace', async () => {
    const { body } = await admin.call('GET', path);
    expect((body['metadata'] as Fields)['generation']).toBe(1);
  });

  test('but the same payload, labels and annotations may be written', async () => {
    const answer = await put((object) => ({
      ...object,
      metadata: { ...(object['metadata'] as Fields), labels: { team: 'shop' }, annotations: { note: 'x' } },
    }));
    expect(answer).toMatchObject({
      status: 200,
      body: { metadata: { generation: 1, labels: { team: 'shop' } } },
    });
  });
});
