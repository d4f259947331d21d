import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { objectMeta } from '../../src/api/objectMeta.ts';
import { findConfig, readConfig } from '../../src/kube/config.ts';
import { CredentialsReader } from '../../src/kube/credentials.ts';
import { ResourceClient } from '../../src/kube/resourceClient.ts';
import type { Transport } from '../../src/kube/transport.ts';
import { WatchedObjects } from '../../src/kube/watchedObjects.ts';
import type { WatchEvent } from '../../src/runtime/listWatch.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { Reflector } from '../../src/runtime/reflector.ts';
import { Store } from '../../src/runtime/store.ts';
import type { Cluster } from '../support/cluster.ts';
import { type ControlPlane, startControlPlane } from '../support/controlPlane.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTransport } from '../support/transport.ts';
import { waitUntil } from '../support/waitUntil.ts';

const parsed = z.object({
  metadata: objectMeta,
  data: z.record(z.string(), z.string()).optional(),
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});
type Parsed = z.infer<typeof parsed>;

const configMaps = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
const flagEvents = { group: 'flagpost.dev', version: 'v1alpha1', plural: 'flagevents', kind: 'FlagEvent' };
const { signal } = new AbortController();

const transportTo = (kubeconfigPath: string): Transport => {
  const source = findConfig({ KUBECONFIG: kubeconfigPath });
  return aTransport(new URL(readConfig(source).cluster.server), {
    credentials: new CredentialsReader(() => readConfig(source)),
  });
};
const clientOf = (transport: Transport, resource: typeof configMaps): ResourceClient<Parsed> =>
  new ResourceClient({
    transport,
    resource,
    parse: (value) => parsed.parse(value),
    onUnparsable: (where, error) => {
      throw new Error(where, { cause: error });
    },
  });

describe('on a real API server', () => {
  let cluster: Cluster;
  let transport: Transport;
  let namespace: string;
  let stop: AbortController;
  const running: Promise<void>[] = [];

  beforeAll(async () => {
    cluster = await sharedControlPlane();
    transport = transportTo(cluster.kubeconfigPath);
  }, 400_000);
  afterAll(() => transport?.close());
  beforeEach(async () => {
    stop = new AbortController();
    namespace = await cluster.createNamespace();
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(running.splice(0));
  });

  const follow = (store: Store<Parsed>): Reflector<Parsed> => {
    const reflector = new Reflector({
      listWatch: clientOf(transport, configMaps).listWatch({ namespace, labelSelector: 'team' }),
      store,
      clock: systemClock,
      random: Math.random,
    });
    running.push(reflector.start(stop.signal));
    return reflector;
  };
  const create = (name: string, data: Record<string, string> = {}): Promise<Parsed> =>
    clientOf(transport, configMaps).create(
      namespace,
      { metadata: { name, labels: { team: 'x' } }, data },
      signal,
    );

  test('a store follows what is created, changed and deleted', async () => {
    await create('a', { text: 'ü' });
    const store = new Store<Parsed>();
    await follow(store).synced;
    expect(store.get(namespace, 'a')?.data).toEqual({ text: 'ü' });
    const { metadata } = await create('b');
    await waitUntil('b', () => store.get(namespace, 'b'));
    await clientOf(transport, configMaps).delete(namespace, 'b', metadata, signal);
    await waitUntil('the deletion of b', () => store.size === 1);
    await create('b');
    const again = await waitUntil('b again', () => store.get(namespace, 'b'));
    expect(again.metadata.uid).not.toBe(metadata.uid);
  });

  test('pages of a list come together to one state', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
    const listWatch = clientOf(transport, configMaps).listWatch({ namespace, labelSelector: 'team' });
    const names: string[] = [];
    const versions = new Set<string>();
    let continueToken: string | undefined;
    do {
      const page = await listWatch.list({ limit: 2, continueToken }, signal);
      names.push(...page.items.map(({ metadata }) => metadata.name));
      versions.add(page.resourceVersion);
      expect(page.bytes).toBeGreaterThan(100);
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(versions.size).toBe(1);
  });

  const createEvent = (): Promise<Parsed> =>
    clientOf(transport, flagEvents).create(
      namespace,
      {
        metadata: {
          name: 'e',
          labels: { team: 'x' },
          annotations: { note: 'kept' },
          finalizers: ['test.example/kept'],
        },
        spec: aFlagUpdated(),
      },
      signal,
    );

  test('a status goes without the spec, which stays, and so does all metadata', async () => {
    const client = clientOf(transport, flagEvents);
    const created = await createEvent();
    const before = JSON.parse((await read('e')).body);
    const { resourceVersion } = await client.replaceStatus(created.metadata, { delivered: '1/2' }, signal);
    expect(resourceVersion).not.toBe(created.metadata.resourceVersion);
    const after = JSON.parse((await read('e')).body);
    expect(after.metadata.resourceVersion).toBe(resourceVersion);
    expect(after.status.delivered).toBe('1/2');
    expect(after.spec).toEqual(before.spec);
    const { labels, annotations, finalizers, generation } = after.metadata;
    expect({ labels, annotations, finalizers, generation }).toEqual({
      labels: { team: 'x' },
      annotations: { note: 'kept' },
      finalizers: ['test.example/kept'],
      generation: 1,
    });
    await expect(client.replaceStatus(created.metadata, {}, signal)).rejects.toMatchObject({ status: 409 });
    const other = { ...created.metadata, resourceVersion: after.metadata.resourceVersion, uid: 'another' };
    await expect(client.replaceStatus(parsed.shape.metadata.parse(other), {}, signal)).rejects.toMatchObject({
      status: 409,
    });
    await cluster.request(`/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/flagevents/e`, {
      method: 'DELETE',
    });
  });

  const read = (name: string): Promise<{ body: string }> =>
    cluster.request(`/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/flagevents/${name}`);

  test('a write that makes an object leave the selection is shown as DELETED, with its version', async () => {
    const client = clientOf(transport, flagEvents);
    const { metadata } = await createEvent();
    const shown: WatchEvent<Parsed>[] = [];
    const listWatch = client.listWatch({ namespace, fieldSelector: 'status.completionTime=' });
    const watching = (async () => {
      for await (const event of listWatch.watch({ sendInitialEvents: true, timeoutSeconds: 60 }, stop.signal))
        shown.push(event);
    })().catch(() => {});
    running.push(watching);
    await waitUntil('everything', () => shown.some((event) => event.type === 'BOOKMARK'));
    const status = { completionTime: '2026-01-01T00:00:00Z' };
    const { resourceVersion } = await client.replaceStatus(metadata, status, signal);
    const last = await waitUntil('the event to leave', () => shown.find((event) => event.type === 'DELETED'));
    expect(last.object.metadata.resourceVersion).toBe(resourceVersion);
  });

  test('metadata is listed without the rest, as new as the last acknowledged write', async () => {
    for (let i = 0; i < 3; i += 1) {
      const { metadata } = await create(`m${i}`, { large: 'x'.repeat(1000) });
      const listed = await clientOf(transport, configMaps).listMetadata(namespace, signal);
      expect(listed.map(({ uid }) => uid)).toContain(metadata.uid);
    }
  });

  test('one Secret is watched with the right to watch just that one', async () => {
    const secret = (value: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'hook', namespace },
      stringData: { key: value },
    });
    const alice = transportTo(cluster.userKubeconfig('alice'));
    const objects = new WatchedObjects({
      transport: alice,
      clock: systemClock,
      random: Math.random,
      onChange: () => {},
    });
    const untilRead = (wanted: string): Promise<unknown> =>
      waitUntil(
        wanted,
        () => {
          const object = objects.read('Secret', namespace, 'hook');
          const now = object.state === 'found' ? object.data.get('key')?.reveal().toString() : object.state;
          return now === wanted;
        },
        { timeoutMs: 30_000 },
      );
    objects.acquire('Secret', namespace, 'hook');
    await untilRead('forbidden');
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'hook', namespace } };
    const rules = [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['hook'], verbs: ['watch'] }];
    const subjects = [{ kind: 'User', name: 'alice', apiGroup: 'rbac.authorization.k8s.io' }];
    const roleRef = { kind: 'Role', name: 'hook', apiGroup: 'rbac.authorization.k8s.io' };
    await cluster.apply(JSON.stringify({ ...role, kind: 'Role', rules }));
    await cluster.apply(JSON.stringify({ ...role, kind: 'RoleBinding', subjects, roleRef }));
    await untilRead('missing');
    await cluster.apply(JSON.stringify(secret('one')));
    await untilRead('one');
    await cluster.apply(JSON.stringify(secret('two')));
    await untilRead('two');
    await objects.stop();
    await alice.close();
  }, 90_000);
});

describe('when the real API server', () => {
  let controlPlane: ControlPlane;
  let transport: Transport;
  let namespace: string;
  let store: Store<Parsed>;
  let reflector: Reflector<Parsed>;
  let stop: AbortController;
  let running: Promise<void>;
  let errors: unknown[];

  beforeAll(async () => {
    controlPlane = await startControlPlane();
  }, 400_000);
  afterAll(() => controlPlane?.stop());

  beforeEach(async () => {
    transport = transportTo(controlPlane.kubeconfigPath);
    namespace = await controlPlane.createNamespace();
    store = new Store();
    stop = new AbortController();
    errors = [];
    reflector = new Reflector({
      listWatch: clientOf(transport, configMaps).listWatch({ namespace }),
      store,
      clock: systemClock,
      random: Math.random,
      silenceMilliseconds: 3000,
      backoff: { initialMilliseconds: 100, maxMilliseconds: 1000 },
      onError: (error) => errors.push(error),
    });
    running = reflector.start(stop.signal);
    await reflector.synced;
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await transport.close();
  });

  const apply = (name: string): Promise<string> =>
    controlPlane.apply(
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } }),
    );
  const untilShown = (name: string): Promise<unknown> =>
    waitUntil(name, () => store.get(namespace, name), { timeoutMs: 30_000 });

  test('is restarted, the store follows again', async () => {
    await apply('before');
    await untilShown('before');
    await controlPlane.stopApiServer();
    await waitUntil('the failure', () => errors.length > 0);
    expect(store.get(namespace, 'before')).toBeDefined();
    await controlPlane.startApiServer();
    await apply('after');
    await untilShown('after');
  }, 120_000);

  test('stands still and goes on, the store follows again', async () => {
    controlPlane.pause();
    // The watch falls silent, and the next one gets no answer.
    const before = reflector.lastContact() ?? 0;
    await waitUntil('the silence', () => performance.now() - before > 5000, { timeoutMs: 20_000 });
    controlPlane.resume();
    await apply('after');
    await untilShown('after');
  }, 120_000);
});
