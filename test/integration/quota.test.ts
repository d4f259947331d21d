import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseCommand } from '../../src/config.ts';
import { AdminClient } from '../support/adminClient.ts';
import { readDocument } from '../support/document.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { eventManifest } from '../support/manifests/event.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

const EVENTS = 'count/flagevents.flagpost.dev';
const text = readDocument('deploy/samples/quota/flagevents.yaml');
const { hard } = z
  .object({ spec: z.object({ hard: z.record(z.string(), z.string().regex(/^\d+k$/)) }) })
  .parse(parse(text)).spec;
const mostEvents = Number(hard[EVENTS]?.replace('k', '000'));

test('the quota of the samples holds events back above its number, and no others', async () => {
  const cluster = await sharedControlPlane();
  const client = new AdminClient(cluster);
  const namespace = await cluster.createNamespace();
  const core = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const events = `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/flagevents`;
  try {
    await cluster.apply(text, ['-n', namespace]);
    // What a controller of Kubernetes writes, of a namespace with room for one more.
    const used = {
      ...Object.fromEntries(Object.keys(hard).map((name) => [name, '0'])),
      [EVENTS]: `${mostEvents - 1}`,
    };
    const status = { hard, used };
    await client.call('PATCH', `${core}/flagevents/status`, {
      body: { status },
      contentType: 'application/merge-patch+json',
    });
    const create = (name: string) =>
      client.call('POST', events, { body: eventManifest(aFlagUpdated(), name) });
    // Until the API server has seen the status it lets nothing in.
    await waitUntil('an event to be let in', async () => (await create('last')).status === 201);
    expect(await create('one-more')).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining(`exceeded quota: flagevents, requested: ${EVENTS}=1`) },
    });
    const others = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'ca' } };
    expect(
      await client.call('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: others }),
    ).toMatchObject({
      status: 201,
    });
  } finally {
    await client.close();
  }
});

test('it leaves room for events beside the finished ones that are kept by default', () => {
  const command = parseCommand([], {});
  const kept = 'run' in command ? command.run.maxFinishedPerNamespace : NaN;
  expect(mostEvents).toBeGreaterThanOrEqual(2 * kept);
});
