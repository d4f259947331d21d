import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { flagEventCrd, webhookEndpointCrd } from '../../src/api/crd.ts';
import type { Cluster } from './cluster.ts';

const RULES = 'x-kubernetes-validations';

type Json = Readonly<Record<string, unknown>>;

/** What an API server serves of a group and version under /openapi/v3. */
const openApi = z.looseObject({
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});
const served = z.object({ group: z.string(), version: z.string(), kind: z.string() });

/** Where kubeconform finds the schema of a kind that `writeSchemas` has written. */
export const schemaTemplate = '{{.Group}}/{{.ResourceAPIVersion}}/{{.ResourceKind}}.json';

/**
 * Writes the schemas of these versions (`v1`, `apps/v1`) as the API server has them: below `folder`/openapi as they are,
 * which kubectl-validate reads, and below `folder`/schemas as JSON Schema that refuses unknown fields, for kubeconform.
 */
export async function writeSchemas(
  cluster: Pick<Cluster, 'request'>,
  apiVersions: Iterable<string>,
  folder: string,
): Promise<void> {
  const write = async (path: string, value: unknown) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), JSON.stringify(value));
  };
  for (const apiVersion of apiVersions) {
    const api = apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
    const { status, body } = await cluster.request(`/openapi/v3/${api}`);
    if (status !== 200) throw new Error(`/openapi/v3/${api}: ${status} ${body}`);
    const document: unknown = JSON.parse(body);
    await write(`openapi/${api}.json`, document);
    // As kubeconform splits it: the group of `v1` is `v1`.
    const [group, version = group] = apiVersion.split('/');
    const { components } = openApi.parse(document);
    await write(`schemas/${group}/${version}/all.json`, { components: jsonSchema(components) });
    for (const [name, schema] of Object.entries(components.schemas)) {
      const kinds = z.array(served).safeParse(schema['x-kubernetes-group-version-kind']).data ?? [];
      for (const one of kinds) {
        if ([one.group, one.version].filter(Boolean).join('/') !== apiVersion) continue;
        const $ref = `all.json#/components/schemas/${name}`;
        await write(`schemas/${group}/${version}/${one.kind.toLowerCase()}.json`, { $ref });
      }
    }
  }
}

/**
 * Writes our CRDs into `folder`/crds without their rules: kubectl-validate v0.0.4, the newest one that is to be had, has
 * the CEL of Kubernetes 1.30, which knows neither `format` nor `isIP`. The API server of the tests knows them.
 */
export async function writeCrds(folder: string): Promise<void> {
  await mkdir(join(folder, 'crds'), { recursive: true });
  for (const crd of [flagEventCrd(), webhookEndpointCrd()]) {
    const text = JSON.stringify(crd, (key, value: unknown) => (key === RULES ? undefined : value));
    await writeFile(join(folder, 'crds', `${crd.spec.names.plural}.json`), text);
  }
}

/** JSON Schema of a schema of OpenAPI 3.0, with only the fields that it names. */
function jsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(jsonSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const mapped: Json = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, jsonSchema(value)]),
  );
  return {
    ...mapped,
    ...(mapped['nullable'] === true && 'type' in mapped && { type: [mapped['type'], 'null'] }),
    ...(isClosed(mapped) && { additionalProperties: false }),
  };
}

/** A schema that says which fields there are, and not that there may be more. */
function isClosed(schema: Json): boolean {
  return (
    schema['type'] === 'object' &&
    'properties' in schema &&
    !('additionalProperties' in schema) &&
    schema['x-kubernetes-preserve-unknown-fields'] !== true
  );
}
