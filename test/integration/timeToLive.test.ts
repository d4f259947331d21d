import { beforeAll, describe, expect, test } from '@jest/globals';
import { AdminClient, causesOf } from '../support/adminClient.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';

/** The first that asks for the control plane waits for its start. */
const START_MS = 60_000;

let tenant: Tenant;
let admin: AdminClient;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  admin = new AdminClient(cluster);
  tenant = await aTenant(cluster);
}, START_MS);

function patchEvent(name: string, body: unknown, subresource = '') {
  const path = `/apis/flagpost.dev/v1alpha1/namespaces/${tenant.namespace}/flagevents/${name}${subresource}`;
  return admin.call('PATCH', path, { body, contentType: 'application/merge-patch+json' });
}

const timeToLive = (ttlSecondsAfterFinished: number | null) => ({ spec: { ttlSecondsAfterFinished } });

/** Says of an event that it has finished, as the operator would, or that it is being sent again. */
const finish = (name: string, completionTime: string | null) =>
  patchEvent(name, { status: { completionTime } }, '/status');

describe('the time to live of an event', () => {
  test('may be set, changed and taken away until it has finished', async () => {
    await tenant.createEvent('open');
    for (const ttl of [60, -1, null, 0]) {
      expect(await patchEvent('open', timeToLive(ttl))).toMatchObject({ status: 200 });
    }
  });

  test.each<[change: string, before: number | undefined, after: number | null]>([
    ['set', undefined, 60],
    ['changed', 60, -1],
    ['taken away', 60, null],
  ])('can not be %s once it has finished', async (change, before, after) => {
    const name = `finished-${change.replace(' ', '-')}`;
    await tenant.createEvent(name, { ...aFlagUpdated(), ttlSecondsAfterFinished: before });
    expect(await finish(name, '2026-11-25T00:00:00Z')).toMatchObject({ status: 200 });
    const refused = await patchEvent(name, timeToLive(after));
    expect(refused.status).toBe(422);
    expect(causesOf(refused)).toEqual([
      expect.objectContaining({
        field: 'spec.ttlSecondsAfterFinished',
        message: expect.stringContaining("can't be changed once the event has finished"),
      }),
    ]);
    expect(await patchEvent(name, { metadata: { labels: { team: 'shop' } } })).toMatchObject({ status: 200 });
    // Being sent again it may live for another time.
    expect(await finish(name, null)).toMatchObject({ status: 200 });
    expect(await patchEvent(name, timeToLive(after))).toMatchObject({ status: 200 });
  });
});
