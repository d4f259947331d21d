import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { crdYaml } from '../../scripts/crdYaml.ts';
import type { CrdKeywords } from '../../src/api/crdKeywords.ts';
import { flagEventCrd, webhookEndpointCrd } from '../../src/api/crd.ts';

const crds = [flagEventCrd(), webhookEndpointCrd()];

const schemaOf = (crd: (typeof crds)[number]): CrdKeywords =>
  crd.spec.versions[0]?.schema.openAPIV3Schema ?? {};

interface Node {
  readonly path: string;
  readonly schema: CrdKeywords;
  /** Whether kubectl explain shows a description of it: fields, and lists' entries that have fields. */
  readonly explained: boolean;
}

function nodesOf(schema: CrdKeywords, path: string, explained: boolean): Node[] {
  const { properties = {}, items, additionalProperties } = schema;
  return [
    { path, schema, explained },
    ...Object.entries(properties).flatMap(([name, child]) => nodesOf(child, `${path}.${name}`, true)),
    ...(items ? nodesOf(items, `${path}[]`, items.properties !== undefined) : []),
    ...(additionalProperties ? nodesOf(additionalProperties, `${path}{}`, false) : []),
  ];
}

const nodes = crds.flatMap((crd) => nodesOf(schemaOf(crd), crd.spec.names.kind, true));

const KEYWORDS =
  'type description format nullable default enum pattern minLength maxLength minimum maximum multipleOf minItems ' +
  'maxItems minProperties maxProperties not required properties additionalProperties items ' +
  'x-kubernetes-preserve-unknown-fields x-kubernetes-list-type x-kubernetes-list-map-keys x-kubernetes-map-type ' +
  'x-kubernetes-validations';

describe('the generated CRDs', () => {
  test.each(crds)('$spec.names.plural.yaml in crds/ is what src/api says', async (crd) => {
    const stored = readFileSync(new URL(`../../crds/${crd.spec.names.plural}.yaml`, import.meta.url), 'utf8');
    expect(stored).toBe(await crdYaml(crd));
  });

  test('each field has a description for kubectl explain', () => {
    const metadata = /^\w+\.metadata\b/; // The API server has its own description of it.
    const silent = nodes.filter(
      ({ path, schema, explained }) =>
        explained && !metadata.test(path) && !/^[A-Z"].*\.$|#/.test(schema.description ?? ''),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
    expect(nodes.length).toBeGreaterThan(150);
  });

  test('has only keywords that a structural schema may have', () => {
    const allowed = new Set(KEYWORDS.split(' '));
    const keywords = new Set(nodes.flatMap(({ schema }) => Object.keys(schema)));
    expect([...keywords].filter((keyword) => !allowed.has(keyword))).toEqual([]);
  });

  test('says of each list how it is merged, and of each list but what a rule bounds how long it may be', () => {
    const lists = nodes.filter(({ schema }) => schema.type === 'array');
    expect(lists.filter(({ schema }) => !schema['x-kubernetes-list-type']).map(({ path }) => path)).toEqual(
      [],
    );
    expect(lists.filter(({ schema }) => schema.maxItems === undefined).map(({ path }) => path)).toEqual([]);
  });

  test('bounds each integer by what a double holds exactly', () => {
    const integers = nodes.filter(({ schema }) => schema.type === 'integer');
    expect(integers.length).toBeGreaterThan(20);
    for (const { schema } of integers) {
      expect(Math.abs(schema.minimum ?? Infinity)).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
      expect(schema.maximum).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
      expect(schema.format).toBe(schema.maximum === Number.MAX_SAFE_INTEGER ? 'int64' : 'int32');
    }
  });

  test('bounds each string but those of the payload, which is bounded as a whole', () => {
    const unbounded = nodes.filter(
      ({ path, schema }) =>
        schema.type === 'string' &&
        !schema.enum &&
        schema.maxLength === undefined &&
        !/^FlagEvent\.spec\.(flagUpdated|auditLog)\./.test(path),
    );
    expect(unbounded.map(({ path }) => path)).toEqual([
      'FlagEvent.apiVersion',
      'FlagEvent.kind',
      'WebhookEndpoint.apiVersion',
      'WebhookEndpoint.kind',
      'WebhookEndpoint.metadata.name',
    ]);
  });

  test('lets each optional field of the payload be null', () => {
    const dropped = nodes
      .filter(({ path }) => /^FlagEvent\.spec\.(flagUpdated|auditLog)/.test(path))
      .flatMap(({ path, schema }) =>
        Object.entries(schema.properties ?? {})
          .filter(([name, child]) => !schema.required?.includes(name) && !child.nullable)
          .map(([name]) => `${path}.${name}`),
      );
    expect(dropped).toEqual([]);
  });

  test("has api.md's defaults", () => {
    const defaults = nodes.filter(({ schema }) => 'default' in schema);
    expect(Object.fromEntries(defaults.map(({ path, schema }) => [path, schema.default]))).toEqual({
      'FlagEvent.status': { observedGeneration: -1 },
      'FlagEvent.status.observedGeneration': -1,
      'WebhookEndpoint.spec.ordering': 'None',
      'WebhookEndpoint.spec.suspend': false,
      'WebhookEndpoint.spec.timeoutSeconds': 10,
      'WebhookEndpoint.spec.retry': {},
      'WebhookEndpoint.spec.retry.initialDelaySeconds': 5,
      'WebhookEndpoint.spec.retry.maxDelaySeconds': 3600,
      'WebhookEndpoint.spec.retry.giveUpAfterSeconds': 259200,
      'WebhookEndpoint.spec.maxInFlight': 8,
      'WebhookEndpoint.status': { observedGeneration: -1 },
      'WebhookEndpoint.status.observedGeneration': -1,
    });
  });
});
