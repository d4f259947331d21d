import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openCluster } from '../../src/cluster.ts';
import { parseCommand } from '../../src/config.ts';
import { REDELIVER_LABEL } from '../../src/delivery/redeliver.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createSweeper } from '../../src/sweeping.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { AdminClient, causesOf } from '../support/adminClient.ts';
import type { Cluster } from '../support/cluster.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { onlyFor } from '../support/onlyFor.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

/** The first that asks for the control plane waits for its start. */
const START_MS = 120_000;

let cluster: Cluster;
let admin: AdminClient;

beforeAll(async () => {
  cluster = await sharedControlPlane();
  admin = new AdminClient(cluster);
}, START_MS);

afterAll(() => admin.close());

function patchEvent({ namespace }: Tenant, name: string, body: unknown, subresource = '') {
  const path = `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/flagevents/${name}${subresource}`;
  return admin.call('PATCH', path, { body, contentType: 'application/merge-patch+json' });
}

/** Says of an event that it has finished, as the operator would, or that it is being sent again. */
const finish = (tenant: Tenant, name: string, completionTime: string | null) =>
  patchEvent(tenant, name, { status: { completionTime } }, '/status');

const livingFor = (ttlSecondsAfterFinished: number | undefined) => ({
  ...aFlagUpdated(),
  ttlSecondsAfterFinished,
});

describe('the time to live of an event', () => {
  const timeToLive = (ttlSecondsAfterFinished: number | null) => ({ spec: { ttlSecondsAfterFinished } });
  let tenant: Tenant;
  beforeAll(async () => {
    tenant = await aTenant(cluster);
  });

  test('may be set, changed and taken away until it has finished', async () => {
    await tenant.createEvent('open');
    for (const ttl of [60, -1, null, 0]) {
      expect(await patchEvent(tenant, 'open', timeToLive(ttl))).toMatchObject({ status: 200 });
    }
  });

  test.each<[change: string, before: number | undefined, after: number | null]>([
    ['set', undefined, 60],
    ['changed', 60, -1],
    ['taken away', 60, null],
  ])('can not be %s once it has finished', async (change, before, after) => {
    const name = `finished-${change.replace(' ', '-')}`;
    await tenant.createEvent(name, livingFor(before));
    expect(await finish(tenant, name, '2026-11-25T00:00:00Z')).toMatchObject({ status: 200 });
    const refused = await patchEvent(tenant, name, timeToLive(after));
    expect(refused.status).toBe(422);
    expect(causesOf(refused)).toEqual([
      expect.objectContaining({
        field: 'spec.ttlSecondsAfterFinished',
        message: expect.stringContaining("can't be changed once the event has finished"),
      }),
    ]);
    const labelled = await patchEvent(tenant, name, { metadata: { labels: { team: 'shop' } } });
    expect(labelled).toMatchObject({ status: 200 });
    // Being sent again it may live for another time.
    expect(await finish(tenant, name, null)).toMatchObject({ status: 200 });
    expect(await patchEvent(tenant, name, timeToLive(after))).toMatchObject({ status: 200 });
  });
});

describe('the operator', () => {
  let receiver: Receiver;
  let operators: OperatorProcess[] = [];
  let tenant: Tenant;
  let limited: Tenant;

  beforeAll(async () => {
    receiver = await startReceiver({ answer: ({ path }) => (path === '/failing' ? 500 : 200) });
    [tenant, limited] = await Promise.all([aTenant(cluster), aTenant(cluster)]);
    for (const [name, ttl] of [
      ['old', undefined],
      ['old-kept', -1],
    ] as const) {
      await tenant.createEvent(name, livingFor(ttl));
      await finish(tenant, name, new Date().toISOString());
    }
    operators = await Promise.all([
      startOperatorFor(tenant, {
        args: ['--ttl-succeeded-seconds', '3', '--ttl-failed-seconds', '-1'],
      }),
      startOperatorFor(limited, { args: ['--max-finished-per-namespace', '5'] }),
    ]);
    for (const { createEndpoint, endpointReason } of [tenant, limited]) {
      await createEndpoint('flags', { url: receiver.origin });
      await endpointReason('flags', 'Ready');
    }
  }, START_MS);

  afterAll(async () => {
    for (const operator of operators) expect(await operator.stop()).toBe(0);
    await receiver?.close();
  });

  test('deletes an event with time to live 0 at once, after it was sent', async () => {
    const before = receiver.requests.length;
    await tenant.createEvent('brief', livingFor(0));
    const begun = performance.now();
    await tenant.eventGone('brief');
    expect(performance.now() - begun).toBeLessThan(3000);
    expect(receiver.requests.length - before).toBe(1);
  });

  test('deletes after its own time, else the default, what has finished before it started too; keeps -1', async () => {
    const { endpoint, event } = onlyFor('failing');
    await tenant.createEndpoint('failing', {
      url: `${receiver.origin}/failing`,
      retry: { giveUpAfterSeconds: 0 },
      ...endpoint,
    });
    await tenant.endpointReason('failing', 'Ready');
    await tenant.createEvent('kept', livingFor(-1));
    await tenant.createEvent('failed', livingFor(undefined), event);
    await tenant.createEvent('failed-own', livingFor(2), event);
    await tenant.eventReason('failed', 'DeliveryFailed');
    await tenant.createEvent('default');
    const { completionTime } = await tenant.eventReason('default', 'AllDelivered');
    for (const name of ['default', 'failed-own', 'old']) await tenant.eventGone(name);
    expect(Date.now() - Date.parse(completionTime ?? '')).toBeGreaterThanOrEqual(3000);
    expect(await tenant.eventNames()).toEqual(['failed', 'kept', 'old-kept']);
  });

  test('keeps so many events of a namespace as it is told to, and those that say how long', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await limited.createEvent('own', livingFor(3600));
    for (const name of names) {
      await limited.createEvent(name);
      await limited.eventReason(name, 'AllDelivered');
    }
    await limited.eventGone('a', 60_000);
    await limited.eventGone('b');
    expect(await limited.eventNames()).toEqual(['c', 'd', 'e', 'f', 'own']);
  }, 90_000);
});

describe('a sweep of the API server', () => {
  test('goes through all pages, and leaves what is to be sent again, what is kept and what has not finished', async () => {
    const tenant = await aTenant(cluster);
    const old = '2026-01-01T00:00:00Z';
    const names = Array.from({ length: 45 }, (_, index) => `old-${index}`);
    await Promise.all(names.map((name) => tenant.createEvent(name, livingFor(0))));
    await Promise.all(names.map((name) => finish(tenant, name, old)));
    await tenant.createEvent('kept', livingFor(-1));
    await tenant.createEvent('again', livingFor(0), { labels: { [REDELIVER_LABEL]: '1764000000' } });
    await tenant.createEvent('handled', livingFor(0), { labels: { [REDELIVER_LABEL]: '1764000000' } });
    for (const name of ['kept', 'again', 'handled']) await finish(tenant, name, old);
    const handled = { status: { lastHandledRedeliver: '1764000000' } };
    await patchEvent(tenant, 'handled', handled, '/status');
    await tenant.createEvent('open', livingFor(0));

    const clock = systemClock;
    const logger = createLogger('silent', 'json');
    const metrics = createMetrics({ pendingDeliveries: () => 0, circuitsOpen: () => 0 });
    const client = openCluster({
      env: { KUBECONFIG: cluster.kubeconfigPath },
      version: 'test',
      mayAct: () => true,
      logger,
      metrics,
      clock,
      random: Math.random,
    });
    const command = parseCommand(['--namespace', tenant.namespace], {});
    if (!('run' in command)) throw new Error('no configuration');
    const life = new AbortController();
    const sweeper = createSweeper({
      config: command.run,
      cluster: client,
      clock,
      random: Math.random,
      logger,
      signal: life.signal,
    });
    const ended = sweeper.run(life.signal);
    const left = await waitUntil('all pages', async () => {
      const present = await tenant.eventNames();
      return present.length <= 3 && present;
    });
    expect(left).toEqual(['again', 'kept', 'open']);
    life.abort();
    await ended;
    await client.close();
  });
});
