import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { projectFolder } from '../support/document.ts';
import { deployPath, kustomize, type KubernetesObject, nameOf, parseObjects } from '../support/kustomize.ts';
import { healthOf, testWithLua } from '../support/lua.ts';

const read = (name: string) => readFileSync(deployPath(`gitops/${name}`), 'utf8');
const isKustomization = (path: string) => existsSync(join(projectFolder, path, 'kustomization.yaml'));

const WAVE = 'argocd.argoproj.io/sync-wave';
const waveOf = ({ metadata }: KubernetesObject) =>
  Number(z.record(z.string(), z.string()).parse(metadata['annotations'])[WAVE]);

describe('the sample of a team', () => {
  const objects = kustomize(deployPath('gitops/shop'));

  test('has its events in a later wave than its endpoints', () => {
    const waves = (wanted: string) => objects.filter(({ kind }) => kind === wanted).map(waveOf);
    expect(Math.max(...waves('WebhookEndpoint'))).toBeLessThan(Math.min(...waves('FlagEvent')));
  });

  test('keeps its events as long as they are in Git, under names of their own', () => {
    const event = z.object({ spec: z.object({ ttlSecondsAfterFinished: z.literal(-1) }) });
    const events = objects.filter(({ kind }) => kind === 'FlagEvent');
    expect(events.map((object) => event.safeParse(object).success)).toEqual([true]);
  });
});

// The CRDs of Argo CD and Flux are not in the API server of the tests: this is what is used of them.
const metadata = z.looseObject({ name: z.string(), namespace: z.string() });
const application = z.strictObject({
  apiVersion: z.literal('argoproj.io/v1alpha1'),
  kind: z.literal('Application'),
  metadata: z.strictObject({
    name: z.string(),
    namespace: z.literal('argocd'),
    labels: z.record(z.string(), z.string()),
    annotations: z.strictObject({
      'argocd.argoproj.io/compare-options': z.literal('ServerSideDiff=true'),
    }),
  }),
  spec: z.strictObject({
    project: z.string(),
    source: z.strictObject({ repoURL: z.url(), targetRevision: z.string(), path: z.string() }),
    destination: z.strictObject({ server: z.url(), namespace: z.string().optional() }),
    syncPolicy: z.strictObject({
      automated: z.strictObject({ prune: z.boolean().optional(), selfHeal: z.boolean() }),
      syncOptions: z.array(z.enum(['CreateNamespace=true', 'ServerSideApply=true'])),
    }),
  }),
});
const interval = z.string().regex(/^\d+[hms]$/);
const fluxKustomization = z.strictObject({
  apiVersion: z.literal('kustomize.toolkit.fluxcd.io/v1'),
  kind: z.literal('Kustomization'),
  metadata,
  spec: z.strictObject({
    interval,
    dependsOn: z.array(z.strictObject({ name: z.string() })).default([]),
    sourceRef: z.strictObject({ kind: z.literal('GitRepository'), name: z.string() }),
    path: z.string().startsWith('./'),
    targetNamespace: z.string().optional(),
    prune: z.boolean(),
    wait: z.literal(true),
  }),
});
const gitRepository = z.strictObject({
  apiVersion: z.literal('source.toolkit.fluxcd.io/v1'),
  kind: z.literal('GitRepository'),
  metadata,
  spec: z.strictObject({ interval, url: z.url(), ref: z.strictObject({ branch: z.string() }) }),
});

test('the Applications of Argo CD apply what is there, on the server', () => {
  const applications = parseObjects(read('argo-cd/applications.yaml')).map((object) =>
    application.parse(object),
  );
  expect(applications.map(({ spec }) => spec.source.path)).toEqual([
    'deploy/overlays/cluster',
    'deploy/gitops/shop',
  ]);
  for (const { spec } of applications) {
    expect(isKustomization(spec.source.path)).toBe(true);
    expect(spec.syncPolicy.syncOptions).toContain('ServerSideApply=true');
  }
});

test('the Kustomizations of Flux apply what is there, one after the other', () => {
  const [repository, ...rest] = parseObjects(read('flux/kustomizations.yaml'));
  const { name } = gitRepository.parse(repository).metadata;
  const kustomizations = rest.map((object) => fluxKustomization.parse(object));
  expect(kustomizations.map(({ spec }) => isKustomization(spec.path))).toEqual([true, true, true]);
  expect(kustomizations.map(({ spec }) => spec.sourceRef.name)).toEqual([name, name, name]);
  const names = kustomizations.map((kustomization) => kustomization.metadata.name);
  expect(kustomizations.map(({ spec }) => spec.dependsOn)).toEqual([
    [],
    [{ name: names[0] }],
    [{ name: names[1] }],
  ]);
  // Both find the same objects.
  const applied = kustomizations.slice(1).flatMap(({ spec }) => kustomize(join(projectFolder, spec.path)));
  expect(applied.map(nameOf)).toEqual(kustomize(deployPath('gitops/shop')).map(nameOf));
});

describe('the health in Argo CD', () => {
  const { data } = z
    .object({ data: z.record(z.string(), z.string()) })
    .parse(parse(read('argo-cd/health.yaml')));
  const scriptOf = (kind: string) => data[`resource.customizations.health.flagpost.dev_${kind}`] ?? '';

  /** Conditions in short: `Ready False Gone`. */
  const object = (lines: readonly string[], observedGeneration = 2) => ({
    metadata: { name: 'flags', generation: 2 },
    status: {
      observedGeneration,
      conditions: lines.map((line) => {
        const [type, status, reason] = line.split(' ');
        return { type, status, reason, message: `it is ${reason}` };
      }),
    },
  });
  const endpoint = (ready: string, reconciling: string, stalled: string, reason: string) => [
    ...[`Ready ${ready} ${reason}`, 'SecretsResolved True Resolved', 'Delivering Unknown NoDeliveries'],
    ...[`Reconciling ${reconciling} ${reason}`, `Stalled ${stalled} ${reason}`],
  ];
  const event = (succeeded: string, reconciling: string, stalled: string, reason: string) => [
    ...[
      `Succeeded ${succeeded} ${reason}`,
      `Reconciling ${reconciling} ${reason}`,
      `Stalled ${stalled} ${reason}`,
    ],
  ];

  testWithLua.each([
    ['WebhookEndpoint', 'Ready', 'Healthy', endpoint('True', 'False', 'False', 'Ready')],
    ['WebhookEndpoint', 'Suspended', 'Healthy', endpoint('True', 'False', 'False', 'Suspended')],
    [
      'WebhookEndpoint',
      'SecretNotFound',
      'Progressing',
      endpoint('False', 'True', 'False', 'SecretNotFound'),
    ],
    ['WebhookEndpoint', 'Gone', 'Degraded', endpoint('False', 'False', 'True', 'Gone')],
    ['FlagEvent', 'Delivering', 'Progressing', event('Unknown', 'True', 'False', 'Delivering')],
    ['FlagEvent', 'Waiting', 'Healthy', event('Unknown', 'False', 'False', 'Waiting')],
    ['FlagEvent', 'AllDelivered', 'Healthy', event('True', 'False', 'False', 'AllDelivered')],
    ['FlagEvent', 'DeliveryFailed', 'Degraded', event('False', 'False', 'True', 'DeliveryFailed')],
  ])('of a %s that is %s is %s', (kind, reason, status, conditions) => {
    expect(healthOf(scriptOf(kind), object(conditions))).toEqual({
      status,
      message: `${reason}: it is ${reason}`,
    });
  });

  testWithLua.each([
    ['no status', { metadata: { generation: 1 } }],
    ['only its defaults', { metadata: { generation: 1 }, status: { observedGeneration: -1 } }],
    ['the status of an older spec', object(endpoint('True', 'False', 'False', 'Ready'), 1)],
    ['a condition too few', object(['Ready True Ready'])],
  ])('of an object with %s is Progressing', (_, seen) => {
    expect(healthOf(scriptOf('WebhookEndpoint'), seen)).toMatchObject({ status: 'Progressing' });
  });
});
