import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AdminClient } from '../support/adminClient.ts';
import { type ControlPlane, startControlPlane } from '../support/controlPlane.ts';
import { codeBlocks, projectFolder, readDocument } from '../support/document.ts';
import { installCrds } from '../support/installCrds.ts';
import { goodEndpoints } from '../support/manifests/goodEndpoints.ts';
import type { GoodManifest } from '../support/manifests/manifest.ts';
import { goodEvents } from '../support/manifests/goodEvents.ts';
import { shellLine } from '../support/shellLine.ts';
import { waitUntil } from '../support/waitUntil.ts';

const released = join(projectFolder, 'test/deploy/released');

interface Stored {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly spec: object;
  readonly status: object;
}

const time = '2026-11-24T00:00:00Z';
const condition = (type: string, status: string, reason: string) => ({
  ...{ type, status, reason, message: reason, observedGeneration: 1, lastTransitionTime: time },
});
/** As operators have written it. */
const statuses = {
  webhookendpoints: {
    observedGeneration: 1,
    conditions: [condition('Ready', 'True', 'Ready'), condition('Stalled', 'False', 'Ready')],
    host: 'flag-cache.shop.svc',
    pendingDeliveries: 1,
    consecutiveFailures: 2,
    lastSuccessTime: time,
    lastFailureTime: time,
    recentDeliveries: [
      { flagEvent: 'butter-bar', deliveryID: 'msg_1', time, attempt: 1, reason: 'Delivered', message: '' },
    ],
  },
  flagevents: {
    observedGeneration: 1,
    conditions: [
      condition('Succeeded', 'Unknown', 'Delivering'),
      condition('Reconciling', 'True', 'Delivering'),
    ],
    startTime: time,
    delivered: '0/1',
  },
};
const kinds: readonly [keyof typeof statuses, readonly GoodManifest[]][] = [
  ['webhookendpoints', goodEndpoints],
  ['flagevents', goodEvents],
];

describe.each(readdirSync(released))('what was stored under the CRDs of %s', (version) => {
  let cluster: ControlPlane;
  let client: AdminClient;
  const path = (plural: string, name = '') =>
    `/apis/flagpost.dev/v1alpha1/namespaces/default/${plural}${name && `/${name}`}`;
  const stored = (plural: string) =>
    // For a moment after its start an API server does not know its CRDs.
    waitUntil(`${plural} to be served`, async () => {
      const { status, body } = await client.call('GET', path(plural));
      return status === 200 && (body as unknown as { readonly items: readonly Stored[] }).items;
    });
  const before = new Map<string, readonly Stored[]>();

  beforeAll(async () => {
    cluster = await startControlPlane();
    await installCrds(cluster, join(released, version));
    client = new AdminClient(cluster);
    for (const [plural, manifests] of kinds) {
      for (const [index, { manifest }] of manifests.entries()) {
        const body = { ...manifest, metadata: { ...manifest.metadata, name: `object-${index}` } };
        // What is newer than these CRDs is refused.
        await client.call('POST', `${path(plural)}?fieldValidation=Strict`, { body });
      }
      const contentType = 'application/merge-patch+json';
      const status = { body: { status: statuses[plural] }, contentType };
      expect(await client.call('PATCH', `${path(plural, 'object-0')}/status`, status)).toMatchObject({
        status: 200,
      });
      before.set(plural, await stored(plural));
    }
    await installCrds(cluster);
    // It reads them from etcd by the new schemas alone.
    await cluster.restartApiServer();
  }, 120_000);
  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  test.each(kinds)('keeps all of its fields: %s', async (plural, manifests) => {
    const [was, is] = [before.get(plural) ?? [], await stored(plural)];
    expect(was.length).toBeGreaterThan(manifests.length / 2);
    expect(is.map(({ metadata }) => metadata.name)).toEqual(was.map(({ metadata }) => metadata.name));
    for (const [index, { spec, status }] of was.entries()) expect(is[index]).toMatchObject({ spec, status });
  });

  test.each(kinds.map(([plural]) => plural))('can be written as it is: %s', async (plural) => {
    for (const object of await stored(plural)) {
      const { name } = object.metadata;
      const put = (where: string, body: object) =>
        client.call('PUT', `${path(plural, name)}${where}?fieldValidation=Strict`, { body });
      const answer = await put('', { ...object, metadata: { ...object.metadata, labels: { team: 'shop' } } });
      expect({ name, ...answer }).toMatchObject({ name, status: 200 });
      expect(await put('/status', answer.body)).toMatchObject({ status: 200 });
    }
  });

  test('is written once more by the command of the README', async () => {
    const lines = codeBlocks(readDocument('README.md'), 'console').flatMap((block) => block.split('\n'));
    const line = lines.find((one) => one.includes('kubectl replace'));
    const printed = await shellLine({ cluster, namespace: 'default' }, line ?? 'no such line');
    const count = [...before.values()].flat().length;
    expect(printed.match(/^(webhookendpoint|flagevent).flagpost.dev\/.* replaced$/gm)).toHaveLength(count);
  });
});
