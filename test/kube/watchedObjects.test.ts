import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Transport } from '../../src/kube/transport.ts';
import { WatchedObjects } from '../../src/kube/watchedObjects.ts';
import { aConfigMap } from '../support/configMap.ts';
import { FakeApiServer } from '../support/fakeApiServer.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aTransport } from '../support/transport.ts';
import { waitUntil } from '../support/waitUntil.ts';

let server: FakeApiServer;
let transport: Transport;
let clock: FakeClock;
let objects: WatchedObjects;
let changes: string[];
let errors: unknown[];

beforeEach(async () => {
  server = new FakeApiServer();
  transport = aTransport(await server.start());
  clock = new FakeClock();
  changes = [];
  errors = [];
  objects = new WatchedObjects({
    transport,
    clock,
    random: () => 0.5,
    onChange: (kind, namespace, name) =>
      changes.push(`${kind} ${namespace}/${name} ${objects.read(kind, namespace, name).state}`),
    onError: (_kind, _namespace, _name, error) => errors.push(error),
  });
});

afterEach(async () => {
  await objects.stop();
  await transport.close();
  await server.stop();
});

const aSecret = (resourceVersion: string, value: string) => ({
  ...aConfigMap('hook', resourceVersion, { key: Buffer.from(value).toString('base64') }),
  type: 'Opaque',
});
const read = (): string => {
  const object = objects.read('Secret', 'shop', 'hook');
  return object.state === 'found' ? String(object.data.get('key')?.reveal()) : object.state;
};
const untilRead = (wanted: string): Promise<unknown> =>
  waitUntil(`${wanted} instead of ${read()}`, () => read() === wanted);

test('an object is watched alone, and its state is told at each change', async () => {
  objects.acquire('Secret', 'shop', 'hook');
  expect(read()).toBe('unknown');
  const call = await server.next();
  expect(call.path).toBe('/api/v1/namespaces/shop/secrets');
  expect(call.query['fieldSelector']).toBe('metadata.name=hook');
  call.event('ADDED', aSecret('1', 'one'));
  call.bookmark('2', true);
  await untilRead('one');
  call.event('MODIFIED', aSecret('3', 'two'));
  await untilRead('two');
  call.event('DELETED', aSecret('4', 'two'));
  await untilRead('missing');
  call.event('ADDED', aSecret('5', 'three'));
  await untilRead('three');
  expect(new Set(changes)).toEqual(new Set(['Secret shop/hook found', 'Secret shop/hook missing']));
});

test('an object that is missing is seen once it is created', async () => {
  objects.acquire('Secret', 'shop', 'hook');
  const call = await server.next();
  call.bookmark('2', true);
  await untilRead('missing');
  await waitUntil('the change', () => changes.join() === 'Secret shop/hook missing');
  call.event('ADDED', aSecret('3', 'one'));
  await untilRead('one');
});

test('an object that is forbidden is asked for again within a minute', async () => {
  objects.acquire('Secret', 'shop', 'hook');
  for (let i = 0; i < 8; i += 1) {
    (await server.next()).refuse(403, 'Forbidden');
    await untilRead('forbidden');
    // A watch may be silent for 30 s; each pause here is shorter.
    await waitUntil('the pause', () => clock.untilNext < 30_000);
    await clock.advance(clock.untilNext);
  }
  expect(errors).toHaveLength(1);
  const call = await server.next();
  call.event('ADDED', aSecret('1', 'one'));
  call.bookmark('2', true);
  await untilRead('one');
});

test('an object that becomes forbidden, and then is no longer, is as it was', async () => {
  objects.acquire('Secret', 'shop', 'hook');
  const call = await server.next();
  call.event('ADDED', aSecret('1', 'one'));
  call.bookmark('2', true);
  await untilRead('one');
  await clock.advance(40_000);
  call.end();
  (await server.next()).refuse(403, 'Forbidden');
  await untilRead('forbidden');
  await clock.advance(1000);
  (await server.next()).bookmark('5');
  await untilRead('one');
  expect(changes.slice(-2)).toEqual(['Secret shop/hook forbidden', 'Secret shop/hook found']);
});

test('what is known stays known while the API server is away', async () => {
  objects.acquire('Secret', 'shop', 'hook');
  const call = await server.next();
  call.event('ADDED', aSecret('1', 'one'));
  call.bookmark('2', true);
  await untilRead('one');
  call.reset();
  await waitUntil('the failure', () => errors.length === 1);
  expect(read()).toBe('one');
});

test('references share a watch, which ends with the last of them', async () => {
  objects.acquire('Secret', 'shop', 'hook');
  objects.acquire('Secret', 'shop', 'hook');
  objects.acquire('ConfigMap', 'shop', 'hook');
  const calls = [await server.next(), await server.next()];
  const secret = calls.find(({ path }) => path.endsWith('/secrets'));
  expect(objects.size).toBe(2);
  objects.release('Secret', 'shop', 'hook');
  expect(objects.size).toBe(2);
  expect(secret?.closed).toBe(false);
  objects.release('Secret', 'shop', 'hook');
  objects.release('Secret', 'shop', 'hook');
  expect(objects.size).toBe(1);
  await waitUntil('the watch to end', () => secret?.closed);
  expect(read()).toBe('unknown');
  expect(server.count).toBe(2);
});

test('an object that nobody understands is reported without its value', async () => {
  objects.acquire('Secret', 'shop', 'hook');
  const call = await server.next();
  call.event('ADDED', { ...aSecret('1', 'one'), data: ['s3cr3t'], type: 7 });
  call.bookmark('2', true);
  await untilRead('missing');
  expect(errors).toHaveLength(1);
  expect(String(errors[0])).not.toContain('s3cr3t');
});
