import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { valueSets } from '../support/chartValues.ts';
import { readDocument } from '../support/document.ts';
import { helmTemplate } from '../support/helm.ts';
import {
  deployPath,
  kustomize,
  type KubernetesObject,
  kustomizeWith,
  parseObjects,
} from '../support/kustomize.ts';
import { writeCrds, writeSchemas } from '../support/openApi.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { kubeconform, kubectlValidate, testWithValidators } from '../support/validators.ts';

/** Kinds of other projects, whose CRDs are not here. */
const FOREIGN = /^(monitoring\.coreos\.com|argoproj\.io|\w+\.toolkit\.fluxcd\.io)\//;

const samples = () =>
  readdirSync(deployPath('samples'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseObjects(readDocument(`deploy/samples/${name}`)));

/** Everything that somebody applies, by what it is. */
async function renderings(): Promise<Readonly<Record<string, readonly KubernetesObject[]>>> {
  const overlays = readdirSync(deployPath('overlays'));
  const components = readdirSync(deployPath('components'));
  const values = Object.entries(valueSets);
  const charts = await Promise.all(values.map(([, set]) => helmTemplate(set)));
  return Object.fromEntries([
    ...overlays.map((name) => [`overlay-${name}`, kustomize(deployPath(`overlays/${name}`))]),
    ...components.map((name) => [
      `component-${name}`,
      kustomizeWith({ resources: 'overlays/cluster', components: `components/${name}` }),
    ]),
    ...charts.map((objects, index) => [`chart-${values[index]?.[0].replaceAll(' ', '-')}`, objects]),
    ['gitops', kustomize(deployPath('gitops/shop'))],
    ['samples', samples()],
  ]);
}

const isCrd = ({ kind }: KubernetesObject) => kind === 'CustomResourceDefinition';

let folder: string;
let objects: readonly (readonly [rendering: string, object: KubernetesObject])[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flagpost-validators-'));
  objects = Object.entries(await renderings()).flatMap(([rendering, some]) =>
    some.filter(({ apiVersion }) => !FOREIGN.test(apiVersion)).map((object) => [rendering, object] as const),
  );
  const apiVersions = new Set(objects.map(([, { apiVersion }]) => apiVersion));
  await writeSchemas(await sharedControlPlane(), apiVersions, folder);
  await writeCrds(folder);
}, 120_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, objects: readonly object[]): Promise<string> {
  const path = join(folder, `${name}.yaml`);
  await writeFile(path, objects.map((object) => stringify(object, { version: '1.1' })).join('---\n'));
  return path;
}

const endpoint = {
  apiVersion: 'flagpost.dev/v1alpha1',
  kind: 'WebhookEndpoint',
  metadata: { name: 'flag-cache', namespace: 'shop' },
};
const spec = { url: 'https://flag-cache.shop.svc/', eventTypes: ['FLAG_UPDATED'] };
const budget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'flagpost', namespace: 'flagpost-system' },
};

describe.each([
  ['kubeconform', kubeconform, () => true],
  // It judges a CRD by its rules' CEL, too, which is too new for it.
  ['kubectl-validate', kubectlValidate, (object: KubernetesObject) => !isCrd(object)],
] as const)('%s', (tool, validate, knows) => {
  testWithValidators('has no objection to what is rendered of deploy/', async () => {
    const known = objects.filter(([, object]) => knows(object));
    const files = [...Map.groupBy(known, ([rendering]) => rendering)].map(([rendering, some]) =>
      write(
        `${tool}-${rendering}`,
        some.map(([, object]) => object),
      ),
    );
    expect(validate(folder, await Promise.all(files))).toEqual({ objects: known.length, complaints: [] });
  });

  testWithValidators.each([
    ['an unknown field', { ...endpoint, spec: { ...spec, urll: '/' } }, 'urll'],
    ['a value out of range', { ...endpoint, spec: { ...spec, timeoutSeconds: 31 } }, 'timeoutSeconds'],
    [
      'an unknown field of a kind of Kubernetes',
      { ...budget, spec: { maxUnavailables: 1 } },
      'maxUnavailables',
    ],
    ['a type of a kind of Kubernetes', { ...budget, spec: { selector: 'all' } }, 'selector'],
  ])('objects to %s', async (name, object, named) => {
    const { complaints } = validate(folder, [await write(`${tool}-${name.replaceAll(' ', '-')}`, [object])]);
    expect(complaints).toEqual([expect.stringContaining(named)]);
  });
});
