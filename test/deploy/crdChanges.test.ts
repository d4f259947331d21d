import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { flagEventCrd, webhookEndpointCrd } from '../../src/api/crd.ts';
import { breakingChanges } from './crdChanges.ts';

type Json = Readonly<Record<string, unknown>>;

const released = join(import.meta.dirname, 'released');
const now = [flagEventCrd(), webhookEndpointCrd()];

describe.each(readdirSync(released))('since %s', (version) => {
  test.each(now)('the CRD $metadata.name has let in more, if anything', (crd) => {
    const text = readFileSync(join(released, version, `${crd.spec.names.plural}.yaml`), 'utf8');
    expect(breakingChanges(parse(text) as Json, crd)).toEqual([]);
  });
});

/** A CRD with a field `retry` of this schema. */
function crd(
  retry: Json,
  more: { readonly spec?: Json; readonly version?: Json; readonly root?: Json } = {},
) {
  const names = { kind: 'A', plural: 'as', singular: 'a', shortNames: ['a', 'an'] };
  const openAPIV3Schema = { type: 'object', properties: { retry }, ...more.root };
  const version = { name: 'v1alpha1', served: true, schema: { openAPIV3Schema }, ...more.version };
  return { spec: { group: 'flagpost.dev', scope: 'Namespaced', names, versions: [version], ...more.spec } };
}

const fields = (properties: Json, more: Json = {}) => ({ type: 'object', properties, ...more });
const text = { type: 'string' };
const rule = (...rules: string[]) => ({
  ...text,
  'x-kubernetes-validations': rules.map((one) => ({ rule: one })),
});

describe('a field breaks by', () => {
  test.each<[string, Json, Json, string]>([
    ['a field taken away', fields({ a: text }), fields({}), 'retry: a is gone'],
    ['a field renamed', fields({ a: text }), fields({ b: text }), 'retry: a is gone'],
    [
      'a field that is required now',
      fields({ a: text }),
      fields({ a: text }, { required: ['a'] }),
      'retry: a is required now',
    ],
    [
      'a new field that is required',
      fields({}),
      fields({ a: text }, { required: ['a'] }),
      'retry: a is required now',
    ],
    ['another type', text, { type: 'integer' }, 'retry: type has changed'],
    ['a type', {}, text, 'retry: type has changed'],
    ['another format', text, { ...text, format: 'date-time' }, 'retry: format has changed'],
    [
      'a value less',
      { ...text, enum: ['a', 'b'] },
      { ...text, enum: ['a'] },
      'retry: the value b is refused',
    ],
    ['an enumeration', text, { ...text, enum: ['a'] }, 'retry: only certain values are allowed now'],
    ['a lower maximum', { maximum: 2 }, { maximum: 1 }, 'retry: maximum is lower'],
    ['a maximum', {}, { maximum: 1 }, 'retry: maximum is lower'],
    ['a higher minimum', { minimum: 0 }, { minimum: 1 }, 'retry: minimum is higher'],
    ['a lower maxLength', { ...text, maxLength: 9 }, { ...text, maxLength: 8 }, 'retry: maxLength is lower'],
    ['a minLength', text, { ...text, minLength: 1 }, 'retry: minLength is higher'],
    ['fewer items', { maxItems: 5 }, { maxItems: 4 }, 'retry: maxItems is lower'],
    ['more items', { minItems: 1 }, { minItems: 2 }, 'retry: minItems is higher'],
    ['a pattern', text, { ...text, pattern: '^a' }, 'retry: pattern has changed'],
    ['another pattern', { ...text, pattern: '^a' }, { ...text, pattern: '^b' }, 'retry: pattern has changed'],
    ['another default', { default: 1 }, { default: 2 }, 'retry: default has changed'],
    ['null refused', { nullable: true }, {}, 'retry: null is refused'],
    ['a rule', rule('a'), rule('a', 'b'), 'retry: a new rule: b'],
    [
      'unknown fields dropped',
      fields({}, { 'x-kubernetes-preserve-unknown-fields': true }),
      fields({}),
      'retry: unknown fields are dropped',
    ],
    [
      'another kind of list',
      { 'x-kubernetes-list-type': 'set' },
      { 'x-kubernetes-list-type': 'atomic' },
      'retry: x-kubernetes-list-type has changed',
    ],
    [
      'a change of a list’s items',
      { items: { maximum: 2 } },
      { items: { maximum: 1 } },
      'retry[]: maximum is lower',
    ],
    [
      'a change of a map’s values',
      { additionalProperties: { maxLength: 2 } },
      { additionalProperties: { maxLength: 1 } },
      'retry[]: maxLength is lower',
    ],
    [
      'a change further down',
      fields({ a: fields({ b: text }) }),
      fields({ a: fields({ b: {} }) }),
      'retry.a.b: type has changed',
    ],
  ])('%s', (_, before, after, change) => {
    expect(breakingChanges(crd(before), crd(after))).toEqual([`v1alpha1: ${change}`]);
  });
});

describe('a field does not break by', () => {
  test.each<[string, Json, Json]>([
    ['another description', { ...text, description: 'a' }, { ...text, description: 'b' }],
    ['a new field', fields({}), fields({ a: { ...text, default: 'x' } })],
    ['a field that is no longer required', fields({ a: text }, { required: ['a'] }), fields({ a: text })],
    ['wider bounds', { minimum: 1, maximum: 2, maxLength: 3 }, { minimum: 0, maximum: 3 }],
    ['a value more', { ...text, enum: ['a'] }, { ...text, enum: ['b', 'a'] }],
    ['no enumeration', { ...text, enum: ['a'] }, text],
    ['null allowed', text, { ...text, nullable: true }],
    ['a rule less', rule('a', 'b'), rule('b')],
    ['unknown fields kept', fields({}), fields({}, { 'x-kubernetes-preserve-unknown-fields': true })],
  ])('%s', (_, before, after) => {
    expect(breakingChanges(crd(before), crd(after))).toEqual([]);
  });
});

describe('a CRD', () => {
  const versions = (...names: string[]) => ({
    versions: names.map((name) => ({ ...crd({}).spec.versions[0], name })),
  });
  const selectable = { selectableFields: [{ jsonPath: '.spec.type' }] };

  test.each<[string, Json, Json, string]>([
    [
      'a version taken away',
      { spec: versions('v1alpha1', 'v1') },
      { spec: versions('v1') },
      'v1alpha1: the version is gone',
    ],
    ['a version not served', {}, { version: { served: false } }, 'v1alpha1: it is no longer served'],
    ['another scope', {}, { spec: { scope: 'Cluster' } }, 'spec.scope has changed'],
    [
      'a short name taken away',
      {},
      { spec: { names: { kind: 'A', plural: 'as', singular: 'a', shortNames: ['a'] } } },
      'short name an is gone',
    ],
    ['no status', { version: { subresources: { status: {} } } }, {}, 'v1alpha1: subresource status is gone'],
    [
      'a selectable field taken away',
      { version: selectable },
      {},
      'v1alpha1: selectable field .spec.type is gone',
    ],
    [
      'a rule of the root',
      {},
      { root: { 'x-kubernetes-validations': [{ rule: 'a' }] } },
      'v1alpha1: the root: a new rule: a',
    ],
  ])('breaks by %s', (_, before, after, change) => {
    expect(breakingChanges(crd({}, before), crd({}, after))).toEqual([change]);
  });

  test('does not break by another version beside', () => {
    expect(breakingChanges(crd({}), crd({}, { spec: versions('v1', 'v1alpha1') }))).toEqual([]);
  });
});
