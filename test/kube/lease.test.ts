import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLeaseClient } from '../../src/kube/lease.ts';
import type { Transport } from '../../src/kube/transport.ts';
import { ApiError } from '../../src/runtime/apiError.ts';
import type { LeaseClient, LeaseRecord } from '../../src/runtime/leaderElection.ts';
import { failureOf } from '../support/failureOf.ts';
import { FakeApiServer } from '../support/fakeApiServer.ts';
import { aTransport } from '../support/transport.ts';

const { signal } = new AbortController();
const COLLECTION = '/apis/coordination.k8s.io/v1/namespaces/flagpost-system/leases';

let server: FakeApiServer;
let transport: Transport;
let client: LeaseClient;

beforeEach(async () => {
  server = new FakeApiServer();
  transport = aTransport(await server.start());
  client = createLeaseClient({ transport, namespace: 'flagpost-system', name: 'flagpost' });
});

afterEach(async () => {
  await transport.close();
  await server.stop();
});

const record: LeaseRecord = {
  holderIdentity: 'host_1',
  leaseDurationSeconds: 15,
  acquireTime: Date.parse('2026-11-25T12:00:00.5Z'),
  renewTime: Date.parse('2026-11-25T12:00:02Z'),
  leaseTransitions: 3,
};
const spec = {
  holderIdentity: 'host_1',
  leaseDurationSeconds: 15,
  acquireTime: '2026-11-25T12:00:00.500000Z',
  renewTime: '2026-11-25T12:00:02.000000Z',
  leaseTransitions: 3,
};
const metadata = { name: 'flagpost', namespace: 'flagpost-system', resourceVersion: '7', uid: 'u' };

async function got(object: unknown) {
  const lease = client.get(signal);
  (await server.next()).json(object);
  return lease;
}

describe('a Lease is read', () => {
  test('as client-go writes it', async () => {
    const lease = client.get(signal);
    const call = await server.next();
    expect([call.method, call.path]).toEqual(['GET', `${COLLECTION}/flagpost`]);
    call.json({ metadata, spec });
    expect((await lease)?.record).toEqual(record);
  });

  test.each<[what: string, object: object, want: Partial<LeaseRecord>]>([
    ['without a spec', { metadata }, {}],
    [
      'that was released',
      { metadata, spec: { holderIdentity: '', leaseDurationSeconds: 1 } },
      { leaseDurationSeconds: 1 },
    ],
    ['with nulls', { metadata, spec: { holderIdentity: null, renewTime: null } }, {}],
    ['with a time that is none', { metadata, spec: { renewTime: 'soon' } }, {}],
  ])('%s', async (_what, object, want) => {
    expect((await got(object))?.record).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: 0,
      acquireTime: undefined,
      renewTime: undefined,
      leaseTransitions: 0,
      ...want,
    });
  });

  test('as nothing where there is none', async () => {
    const lease = client.get(signal);
    (await server.next()).refuse(404, 'NotFound');
    expect(await lease).toBeUndefined();
  });
});

describe('a Lease is written', () => {
  test('where there was none', async () => {
    const lease = client.create(record, signal);
    const call = await server.next();
    expect([call.method, call.path]).toEqual(['POST', COLLECTION]);
    expect(JSON.parse(await call.body)).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'flagpost', namespace: 'flagpost-system' },
      spec,
    });
    call.json({ metadata, spec }, 201);
    expect((await lease).record).toEqual(record);
  });

  test('over the version that was read, with what else stands in it', async () => {
    const labels = { team: 'shop' };
    const read = {
      metadata: { ...metadata, labels },
      spec: { ...spec, strategy: 'OldestEmulationVersion' },
      more: 1,
    };
    const lease = await got(read);
    const written = lease?.replace({ ...record, holderIdentity: '', leaseDurationSeconds: 1 }, signal);
    const call = await server.next();
    expect([call.method, call.path]).toEqual(['PUT', `${COLLECTION}/flagpost`]);
    expect(JSON.parse(await call.body)).toEqual({
      ...read,
      spec: { ...read.spec, holderIdentity: '', leaseDurationSeconds: 1 },
    });
    call.json({ metadata: { ...metadata, resourceVersion: '8' }, spec });
    const again = (await written)?.replace(record, signal);
    const second = await server.next();
    expect(JSON.parse(await second.body)).toMatchObject({ metadata: { resourceVersion: '8' } });
    second.json({ metadata, spec });
    await again;
  });

  test('and a conflict is thrown', async () => {
    const lease = await got({ metadata, spec });
    const written = failureOf(lease?.replace(record, signal) ?? Promise.resolve());
    (await server.next()).refuse(409, 'Conflict');
    const error = await written;
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409 });
  });
});
