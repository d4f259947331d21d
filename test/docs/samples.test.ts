import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Cluster } from '../support/cluster.ts';
import { projectFolder } from '../support/document.ts';
import { seedAuditLog, seedFlagUpdated } from '../support/seedPayloads.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';

const samples = join(projectFolder, 'deploy/samples');

let cluster: Cluster;
let namespace: string;
let applied: { readonly status: number | null; readonly stdout: string; readonly stderr: string };
beforeAll(async () => {
  cluster = await sharedControlPlane();
  namespace = await cluster.createNamespace();
  applied = await cluster.kubectl(['apply', '--server-side', '-n', namespace, '-f', samples]);
});

async function stored(object: string): Promise<unknown> {
  const { stdout } = await cluster.kubectl(['get', object, '-n', namespace, '-o', 'json']);
  return JSON.parse(stdout);
}

test('the API server takes them as they are, the endpoints before the events', () => {
  expect(applied).toMatchObject({ status: 0, stderr: '' });
  expect(applied.stdout.trim().split('\n')).toEqual([
    'secret/hook serverside-applied',
    'webhookendpoint.flagpost.dev/flag-cache serverside-applied',
    'webhookendpoint.flagpost.dev/audit-trail serverside-applied',
    'webhookendpoint.flagpost.dev/mobile-gateway serverside-applied',
    'flagevent.flagpost.dev/butter-bar-on serverside-applied',
    'flagevent.flagpost.dev/my-feature-created serverside-applied',
  ]);
});

test("the events are Flagsmith's own examples, nulls included", async () => {
  expect(await stored('fev/butter-bar-on')).toMatchObject({
    spec: { type: 'FLAG_UPDATED', flagUpdated: seedFlagUpdated },
  });
  expect(await stored('fev/my-feature-created')).toMatchObject({
    spec: { type: 'AUDIT_LOG', auditLog: seedAuditLog },
  });
});

test('one endpoint names a Secret that is not there', async () => {
  const endpoint = z.object({
    spec: z.object({
      signingKeys: z.array(z.object({ secretKeyRef: z.object({ name: z.string() }) })),
    }),
  });
  const { spec } = endpoint.parse(await stored('whe/mobile-gateway'));
  const { status, stderr } = await cluster.kubectl([
    'get',
    `secret/${spec.signingKeys[0]?.secretKeyRef.name}`,
    '-n',
    namespace,
  ]);
  expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining('NotFound') });
});
