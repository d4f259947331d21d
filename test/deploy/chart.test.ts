import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { helpText, parseCommand } from '../../src/config.ts';
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
const withMonitor = (components: string) => kustomizeWith({ resources: 'overlays/cluster', components });

describe('the chart has the objects of', () => {
  testWithHelm.each([
    ['the overlay cluster', {}, () => overlay('cluster')],
    ['the overlay opt-in', { access: 'opt-in' }, () => overlay('opt-in')],
    ['the overlay namespaced', { access: 'namespaced', namespaces: ['shop'] }, () => overlay('namespaced')],
    ['the overlay ha', { replicas: 2 }, () => overlay('ha')],
    [
      'the component service-monitor',
      { 'serviceMonitor.create': true },
      () => withMonitor('components/service-monitor'),
    ],
    ['the component pod-monitor', { 'podMonitor.create': true }, () => withMonitor('components/pod-monitor')],
  ])('%s', async (_, values, kustomized) => {
    expect(byName(await helmTemplate(values))).toEqual(byName(kustomized()));
  });
});

const EVERYTHING = {
  image: {
    repository: 'registry.example/flagpost',
    digest: `sha256:${'0'.repeat(64)}`,
    pullPolicy: 'Always',
  },
  imagePullSecrets: [{ name: 'registry' }],
  replicas: 3,
  access: 'namespaced',
  namespaces: ['shop', 'billing'],
  flags: {
    'allow-cidr': ['10.1.2.0/24', 'fd12::/48'],
    'ttl-failed-seconds': 2_147_483_647,
    'log-level': 'debug',
    'shutdown-grace-seconds': 60,
  },
  env: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' }],
  nodeSelector: { 'kubernetes.io/arch': 'arm64' },
  tolerations: [{ key: 'spot', operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  topologySpreadConstraints: [
    { maxSkew: 2, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
  ],
  priorityClassName: 'high',
  podAnnotations: { 'shop.example/a': 'b' },
  podLabels: { team: 'shop' },
  serviceAccount: { annotations: { 'shop.example/role': 'sender' } },
  networkPolicy: { egress: [{ ports: [{ port: 443 }] }] },
  serviceMonitor: { create: true },
};
const NOTHING = {
  ...Object.fromEntries(
    ['admissionPolicy', 'userRoles', 'networkPolicy', 'flowSchema'].map((name) => [name, { create: false }]),
  ),
  crds: { install: false },
};

testWithHelm.each([
  ['the defaults', {}],
  ['opt-in', { access: 'opt-in' }],
  ['everything', EVERYTHING],
  ['nothing', NOTHING],
])('helm lint has no objection to %s', async (_, values) => {
  expect(await helm(['lint', '--strict', chartPath, ...valueFlags(values)])).toContain('0 chart(s) failed');
});

const deployment = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    template: z.object({
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number(),
        containers: z.tuple([
          z.looseObject({
            image: z.string(),
            args: z.array(z.string()),
            env: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
          }),
        ]),
      }),
    }),
  }),
});
const deploymentOf = (objects: readonly KubernetesObject[]) =>
  deployment.parse(objects.find(({ kind }) => kind === 'Deployment'));

testWithHelm('values reach the Pod, and the operator takes its flags', async () => {
  const { spec } = deploymentOf(await helmTemplate(EVERYTHING)).spec.template;
  expect(spec).toMatchObject({
    imagePullSecrets: [{ name: 'registry' }],
    nodeSelector: EVERYTHING.nodeSelector,
    tolerations: EVERYTHING.tolerations,
    affinity: EVERYTHING.affinity,
    topologySpreadConstraints: EVERYTHING.topologySpreadConstraints,
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
