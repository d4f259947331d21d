import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { helpText, parseCommand } from '../../src/config.ts';
import { everything, valueSets } from '../support/chartValues.ts';
import { deployment } from '../support/deployment.ts';
import { chartPath, helm, helmTemplate, testWithHelm, valueFlags } from '../support/helm.ts';
import { deployPath, kustomize, kustomizeWith, type KubernetesObject, nameOf } from '../support/kustomize.ts';

type Json = Readonly<Record<string, unknown>>;

const read = (name: string) => readFileSync(join(chartPath, name), 'utf8');

/** What only helm says of an object. */
const HELMS_OWN = [
  'app.kubernetes.io/instance',
  'app.kubernetes.io/version',
  'app.kubernetes.io/managed-by',
  'helm.sh/chart',
  'helm.sh/resource-policy',
];

/** Without what only helm says, and without empty objects. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([name]) => !HELMS_OWN.includes(name))
    .map(([name, child]) => [name, plain(child)] as const)
    .filter(([name, child]) => name !== 'annotations' || Object.keys(child as object).length > 0);
  return Object.fromEntries(entries);
}

function byName(objects: readonly KubernetesObject[]): Json {
  // A chart can't have the namespace that it is installed in.
  const named = objects
    .filter(({ kind }) => kind !== 'Namespace')
    .map((object) => [nameOf(object), plain(object)]);
  return Object.fromEntries(named);
}

const overlay = (name: string) => kustomize(deployPath(`overlays/${name}`));
const withComponent = (name: string) =>
  kustomizeWith({ resources: 'overlays/cluster', components: `components/${name}` });

describe('the chart has the objects of', () => {
  testWithHelm.each([
    ['the overlay cluster', {}, () => overlay('cluster')],
    ['the overlay opt-in', { access: 'opt-in' }, () => overlay('opt-in')],
    ['the overlay namespaced', { access: 'namespaced', namespaces: ['shop'] }, () => overlay('namespaced')],
    ['the overlay ha', { replicas: 2 }, () => overlay('ha')],
    [
      'the component service-monitor',
      { 'serviceMonitor.create': true },
      () => withComponent('service-monitor'),
    ],
    ['the component pod-monitor', { 'podMonitor.create': true }, () => withComponent('pod-monitor')],
    ['the component https-only', { 'policies.httpsOnly': true }, () => withComponent('https-only')],
    ['the component allowed-hosts', { 'policies.allowedHosts': true }, () => withComponent('allowed-hosts')],
    [
      'the component redeliver-and-test',
      { 'policies.redeliverAndTest': true },
      () => withComponent('redeliver-and-test'),
    ],
  ])('%s', async (_, values, kustomized) => {
    expect(byName(await helmTemplate(values))).toEqual(byName(kustomized()));
  });
});

testWithHelm.each(Object.entries(valueSets))('helm lint has no objection to %s', async (_, values) => {
  expect(await helm(['lint', '--strict', chartPath, ...valueFlags(values)])).toContain('0 chart(s) failed');
});

const deploymentOf = (objects: readonly KubernetesObject[]) =>
  deployment.parse(objects.find(({ kind }) => kind === 'Deployment'));

testWithHelm('values reach the Pod, and the operator takes its flags', async () => {
  const { spec } = deploymentOf(await helmTemplate(everything)).spec.template;
  expect(spec).toMatchObject({
    imagePullSecrets: [{ name: 'registry' }],
    nodeSelector: everything.nodeSelector,
    tolerations: everything.tolerations,
    affinity: everything.affinity,
    topologySpreadConstraints: everything.topologySpreadConstraints,
    priorityClassName: 'high',
    terminationGracePeriodSeconds: 70,
  });
  const [{ image, args, env }] = spec.containers;
  expect(image).toBe(`registry.example/flagpost@sha256:${'0'.repeat(64)}`);
  const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  expect(parseCommand(args, variables)).toMatchObject({
    run: {
      leaderElect: true,
      namespaces: ['shop', 'billing'],
      allowCidrs: [{ prefixLength: 24 }, { prefixLength: 48 }],
      ttlFailedSeconds: 2_147_483_647,
      logLevel: 'debug',
      shutdownGraceSeconds: 60,
    },
  });
});

testWithHelm('two releases share no object but those that the second one leaves to the first', async () => {
  const first = await helmTemplate({ access: 'namespaced', namespaces: ['shop'] });
  const left = { crds: { install: false }, admissionPolicy: { create: false }, userRoles: { create: false } };
  const more = { ...left, access: 'namespaced', namespaces: ['billing'] };
  const second = await helmTemplate(more, 'billing', 'flagpost-billing');
  const names = first.map(nameOf);
  expect(second.map(nameOf).filter((name) => names.includes(name))).toEqual([]);
  expect(JSON.stringify(second)).not.toContain('flagpost-system');
});

describe('values that are refused:', () => {
  testWithHelm.each([
    ['an unknown one', { replica: 2 }, 'replica'],
    ['an unknown flag', { flags: { 'max-inflight': 2 } }, 'max-inflight'],
    ['a flag out of range', { flags: { 'max-in-flight': 0 } }, 'max-in-flight'],
    ['namespaced without namespaces', { access: 'namespaced' }, 'namespaces'],
    ['namespaces that would mean nothing', { namespaces: ['shop'] }, 'namespaces'],
  ])('%s', async (_, values, named) => {
    await expect(helmTemplate(values)).rejects.toThrow(named);
  });
});

test('each flag of the operator is a value, unless the chart sets it', () => {
  const schema = z.object({ properties: z.object({ flags: z.object({ properties: z.looseObject({}) }) }) });
  const { flags } = schema.parse(JSON.parse(read('values.schema.json'))).properties;
  const set = [
    ...['namespace', 'leader-elect', 'leader-election-namespace'],
    ...['metrics-bind-address', 'health-probe-bind-address'],
  ];
  const known = [...helpText().matchAll(/^ {2}--([-a-z]+).*\((?:repeatable|default .*)\)$/gm)].map(
    ([, name]) => name ?? '',
  );
  expect([...Object.keys(flags.properties), ...set].toSorted()).toEqual(known.toSorted());
});

test('its README has a line for each value', () => {
  const values: unknown = parse(read('values.yaml'));
  const rows = [...read('README.md').matchAll(/^\| `([.\w]+)`/gm)].map(([, name]) => name ?? '');
  expect(rows).toEqual(leaves(values));
});

test('its version is that of the operator', () => {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));
  expect(parse(read('Chart.yaml'))).toMatchObject({ version, appVersion: version });
});

/** The paths of all values that are no objects, or empty ones; `resources` is Kubernetes' own. */
function leaves(value: unknown, path = ''): string[] {
  const isInner =
    typeof value === 'object' && value !== null && !Array.isArray(value) && path !== 'resources';
  const entries = isInner ? Object.entries(value) : [];
  if (entries.length === 0) return [path];
  return entries.flatMap(([name, child]) => leaves(child, path === '' ? name : `${path}.${name}`));
}
