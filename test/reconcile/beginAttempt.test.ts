import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { EventWorld } from '../support/eventWorld.ts';
import { aDelivery, anEndpoint, uid } from '../support/fixtures.ts';

let world: EventWorld;

beforeEach(async () => {
  world = await EventWorld.recording();
});

afterEach(() => world.stop());

const signed = { maxInFlight: 1, signingKeys: [{ secretKeyRef: { name: 'hook', key: 'key' } }] };
const useKey = (key: string) => {
  world.secret = { state: 'found', data: new Map([['key', new SecretBytes(Buffer.from(key))]]) };
  world.registry.objectChanged('Secret', 'shop', 'hook');
};
const taken = (attempts: number) => ({
  observedGeneration: 1,
  startTime: '2026-11-25T00:00:00Z',
  deliveries: [aDelivery({ endpointName: 'a', attempts })],
});

test('an attempt that could not be made counts as none, is told, and made again after a second', async () => {
  world.addEndpoint(anEndpoint({ name: 'a' }));
  world.sendFails = true;
  world.create('butter-bar');
  for (let round = 0; round < 35; round += 1) {
    await world.advance(100);
    world.queue.add('shop/butter-bar');
  }
  expect(world.failures).toEqual(Array.from({ length: 4 }, () => 'make an attempt: Error: a bug'));
  expect(world.works.unwritten).toBe(0);
  world.sendFails = false;
  await world.advance(2000);
  expect(world.status('butter-bar')?.deliveries).toMatchObject([{ state: 'Succeeded', attempts: 1 }]);
});

test("an event's first request is told once, and not again after a restart", async () => {
  for (const name of ['a', 'b']) world.addEndpoint(anEndpoint({ name }));
  world.receiver = (request) => (world.requests.indexOf(request) < 2 ? 500 : 200);
  world.create('butter-bar');
  world.create('old', { status: taken(1) });
  await world.advance(20_000);
  expect(world.requests.length).toBeGreaterThan(3);
  expect(world.firstRequests).toEqual(['butter-bar']);
});

test('a key that was rotated while an attempt waited for its turn signs it', async () => {
  useKey('old');
  world.receiver = () => undefined;
  world.addEndpoint(anEndpoint({ name: 'a', spec: signed }));
  world.create('first');
  world.create('second');
  await world.advance(20);
  expect(world.requests).toHaveLength(1);
  useKey('new');
  world.requests[0]?.answer(200);
  await world.advance(20);
  const signatures = world.requests.map(({ headers }) => headers.get('X-Flagsmith-Signature'));
  const wanted = (key: string, index: number) =>
    createHmac('sha256', key)
      .update(world.requests[index]?.body ?? '')
      .digest('hex');
  expect(signatures).toEqual([wanted('old', 0), wanted('new', 1)]);
});

test('an attempt whose endpoint can not be used any more when its turn comes is not made, and waits', async () => {
  useKey('key');
  world.receiver = () => undefined;
  world.addEndpoint(anEndpoint({ name: 'a', spec: signed }));
  world.create('first');
  world.create('second');
  await world.advance(20);
  world.secret = { state: 'missing' };
  world.registry.objectChanged('Secret', 'shop', 'hook');
  world.requests[0]?.answer(200);
  await world.advance(5000);
  expect(world.requests).toHaveLength(1);
  expect(world.deliveries('second')).toEqual({ a: 'Pending SecretNotReady' });
  useKey('key');
  await world.advance(20);
  expect(world.requests).toHaveLength(2);
});

test('an attempt whose endpoint can not be used any more once its payload was read is made when it can', async () => {
  useKey('key');
  world.addEndpoint(anEndpoint({ name: 'a', spec: signed }));
  // Its payload is not in memory.
  world.create('butter-bar', { status: taken(0) });
  await world.advance(world.watchLagMilliseconds);
  expect(world.calls).toContain('get event butter-bar');
  world.secret = { state: 'unknown' };
  world.registry.objectChanged('Secret', 'shop', 'hook');
  await world.advance(1000);
  expect(world.requests).toEqual([]);
  useKey('key');
  await world.advance(1000);
  expect(world.deliveries('butter-bar')).toEqual({ a: 'Succeeded Delivered' });
});

test('the payload of an event that was taken up is sent as it is, or not at all', async () => {
  world.addEndpoint(anEndpoint({ name: 'a' }));
  const spec = aFlagUpdated({ timestamp: 'what an earlier version took' });
  world.create('butter-bar', { spec, status: taken(0) });
  await world.advance(2500);
  expect(world.requests).toEqual([]);
  expect(new Set(world.failures)).toEqual(
    new Set(['make an attempt: Error: this version can not send the payload of an event that was taken up']),
  );
  expect(world.failures.length).toBeLessThanOrEqual(3);
});

test('a delivery whose endpoint nobody knows is not sent before it was read', async () => {
  world.addEndpoint(anEndpoint({ name: 'a' }), { shown: false });
  world.create('butter-bar', { status: taken(0) });
  await world.advance(20);
  expect(world.calls).toContain('get endpoint a');
  expect(world.sentTo).toEqual(['a']);
  expect(world.registry.isGone(uid('uid-a'))).toBe(false);
});

test.each<[what: string, spec: object, wanted: object]>([
  ['gives it another attempt', { retry: { giveUpAfterSeconds: 60 } }, { state: 'Pending', attempts: 1 }],
  ['still gives it none', { timeoutSeconds: 7, retry: { giveUpAfterSeconds: 0 } }, { state: 'Failed' }],
])(
  'an attempt that fails is judged by the spec as it stands then, where that %s',
  async (_what, spec, wanted) => {
    world.addEndpoint(anEndpoint({ name: 'a', spec: { retry: { giveUpAfterSeconds: 0 } } }));
    world.receiver = () => undefined;
    world.create('butter-bar');
    await world.advance(100);
    world.addEndpoint(anEndpoint({ name: 'a', spec, metadata: { generation: 2 } }));
    for (const request of world.open) request.answer(503);
    await world.advance(100);
    expect(world.status('butter-bar')?.deliveries).toMatchObject([wanted]);
  },
);
