import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { objectMeta } from '../../src/api/objectMeta.ts';
import { ResourceClient } from '../../src/kube/resourceClient.ts';
import type { Transport } from '../../src/kube/transport.ts';
import { aConfigMap } from '../support/configMap.ts';
import { failureOf } from '../support/failureOf.ts';
import { FakeApiServer } from '../support/fakeApiServer.ts';
import { aTransport } from '../support/transport.ts';

const parsed = z.object({ metadata: objectMeta, data: z.record(z.string(), z.string()) });
const { signal } = new AbortController();

let server: FakeApiServer;
let transport: Transport;
let client: ResourceClient<z.infer<typeof parsed>>;
let unparsable: string[];

beforeEach(async () => {
  server = new FakeApiServer();
  transport = aTransport(await server.start());
  unparsable = [];
  client = new ResourceClient({
    transport,
    resource: { group: 'flagpost.dev', version: 'v1alpha1', plural: 'flagevents', kind: 'FlagEvent' },
    parse: (value) => parsed.parse(value),
    onUnparsable: (where) => unparsable.push(where),
  });
});

afterEach(async () => {
  await transport.close();
  await server.stop();
});

const root = '/apis/flagpost.dev/v1alpha1';
const metadataOf = ({ metadata }: ReturnType<typeof aConfigMap>) => ({ metadata });

describe('get', () => {
  test('gives the object as it is parsed', async () => {
    const answer = client.get('shop', 'a', signal);
    const call = await server.next();
    expect([call.method, call.path]).toEqual(['GET', `${root}/namespaces/shop/flagevents/a`]);
    call.json(aConfigMap('a', '1', { x: 'y' }));
    expect((await answer)?.data).toEqual({ x: 'y' });
  });

  test('gives nothing where the object does not exist', async () => {
    const answer = client.get('shop', 'a', signal);
    (await server.next()).refuse(404, 'NotFound');
    expect(await answer).toBeUndefined();
  });

  test('fails where there is no such resource', async () => {
    const failure = failureOf(client.get('shop', 'a', signal));
    (await server.next()).json('404 page not found', 404);
    expect(await failure).toMatchObject({ status: 404 });
  });

  test('escapes what is put into the path', async () => {
    const answer = client.get('../x', 'a/b?c', signal);
    const call = await server.next();
    expect(call.request.url).toBe(`${root}/namespaces/..%2Fx/flagevents/a%2Fb%3Fc`);
    call.refuse(404, 'NotFound');
    await answer;
  });
});

test('metadata is listed in pages, consistently, and without the rest', async () => {
  const answer = client.listMetadata('shop', signal);
  const first = await server.next();
  expect(first.query).toEqual({ limit: '500' });
  expect(first.headers.accept).toBe('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1');
  first.json({
    metadata: { resourceVersion: '9', continue: 'more' },
    items: [metadataOf(aConfigMap('a', '1'))],
  });
  const second = await server.next();
  expect(second.query).toEqual({ limit: '500', continue: 'more' });
  second.json({ metadata: { resourceVersion: '9' }, items: [metadataOf(aConfigMap('b', '2'))] });
  expect((await answer).map(({ name, resourceVersion }) => [name, resourceVersion])).toEqual([
    ['a', '1'],
    ['b', '2'],
  ]);
});

test('a status is replaced without the spec, under the version it was made for', async () => {
  const { metadata } = parsed.parse(aConfigMap('a', '7'));
  const answer = client.replaceStatus(metadata, { delivered: '1/1' }, signal);
  const call = await server.next();
  expect([call.method, call.path]).toEqual(['PUT', `${root}/namespaces/shop/flagevents/a/status`]);
  expect(call.headers.accept).toBe('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
  expect(JSON.parse(await call.body)).toEqual({
    apiVersion: 'flagpost.dev/v1alpha1',
    kind: 'FlagEvent',
    metadata: { namespace: 'shop', name: 'a', uid: 'uid-a', resourceVersion: '7' },
    status: { delivered: '1/1' },
  });
  call.json(metadataOf(aConfigMap('a', '8')));
  expect((await answer).resourceVersion).toBe('8');
});

test('a patch merges changes into the object', async () => {
  const answer = client.patch('shop', 'a', { series: { count: 2 } }, signal);
  const call = await server.next();
  expect([call.method, call.path]).toEqual(['PATCH', `${root}/namespaces/shop/flagevents/a`]);
  expect(call.headers['content-type']).toBe('application/merge-patch+json');
  expect(JSON.parse(await call.body)).toEqual({ series: { count: 2 } });
  call.json(metadataOf(aConfigMap('a', '8')));
  await answer;
});

test('a delete carries the UID and the version that it is meant for', async () => {
  const answer = client.delete('shop', 'a', { uid: 'u', resourceVersion: '7' }, signal);
  const call = await server.next();
  expect([call.method, call.path]).toEqual(['DELETE', `${root}/namespaces/shop/flagevents/a`]);
  expect(JSON.parse(await call.body)).toMatchObject({ preconditions: { uid: 'u', resourceVersion: '7' } });
  call.json({ kind: 'Status', status: 'Success' });
  await answer;
});

test('of all namespaces the core group and a selection are asked for by their names', async () => {
  const core = new ResourceClient({
    transport,
    resource: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' },
    parse: (value) => parsed.parse(value),
    onUnparsable: () => {},
  });
  const answer = core.listWatch({ fieldSelector: 'metadata.name=x' }).list({ limit: 5 }, signal);
  const call = await server.next();
  expect(call.path).toBe('/api/v1/secrets');
  expect(call.query).toEqual({ limit: '5', fieldSelector: 'metadata.name=x' });
  call.json({ metadata: { resourceVersion: '3' }, items: null });
  expect(await answer).toMatchObject({ items: [], resourceVersion: '3', continueToken: undefined });
});

test('where metadata is enough, lists and watches ask for no more', async () => {
  const metadata = new ResourceClient({
    transport,
    resource: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' },
    parse: (value) => parsed.pick({ metadata: true }).parse(value),
    metadataOnly: true,
    onUnparsable: () => {},
  });
  const listed = metadata.listWatch().list({}, signal);
  const list = await server.next();
  expect(list.headers.accept).toBe('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1');
  list.json({ metadata: { resourceVersion: '3' }, items: [metadataOf(aConfigMap('a', '1'))] });
  expect((await listed).items).toHaveLength(1);

  const watched = metadata.listWatch().watch({ timeoutSeconds: 1 }, signal)[Symbol.asyncIterator]().next();
  const watch = await server.next();
  expect(watch.headers.accept).toBe('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
  watch.refuse(410, 'Expired');
  await expect(watched).rejects.toMatchObject({ status: 410 });
});

test('an object of a list that nobody understands is reported and left out', async () => {
  const answer = client.listWatch().list({}, signal);
  (await server.next()).json({
    metadata: { resourceVersion: '3' },
    items: [aConfigMap('a', '1'), { ...aConfigMap('b', '2'), data: 5 }, 7],
  });
  expect((await answer).items.map(({ metadata }) => metadata.name)).toEqual(['a']);
  expect(unparsable).toEqual(['shop/b', 'unknown']);
});
