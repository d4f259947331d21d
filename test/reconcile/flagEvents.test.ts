import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { anAttempt } from '../support/anAttempt.ts';
import type { MutableEventWork } from '../../src/reconcile/eventWorks.ts';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { EventWorld, uidOf, type Fault, type Received } from '../support/eventWorld.ts';
import { aDelivery, anEndpoint, anEvent, uid } from '../support/fixtures.ts';

const KEY = 'shop/butter-bar';
let world: EventWorld;

beforeEach(async () => {
  world = await EventWorld.recording();
});

afterEach(() => world.stop());

const holdAll = () => {
  world.receiver = () => undefined;
};
const answerAll = (statusCode: number) => {
  for (const request of world.open) request.answer(statusCode);
};
const addEndpoints = (...names: string[]) => {
  for (const name of names) world.addEndpoint(anEndpoint({ name }));
};
/** Leaves room for no more unwritten outcomes of the namespace. */
const fill = () => {
  const { works } = world;
  const work = works.open('shop/full', uid('full'), 0);
  for (let index = 0; index < 750; index += 1) {
    works.record(uid('full'), anAttempt({ endpointUID: uid(`endpoint-${index}`) }));
  }
  return work;
};
const settleOne = (work: MutableEventWork) =>
  world.works.settle(work, [aDelivery({ endpointUID: uid('endpoint-0'), attempts: 1 })]);
const writes = () => world.written.map(({ status }) => status);

describe('an event that goes well', () => {
  test('costs one status write, whatever its number of endpoints', async () => {
    addEndpoints('a', 'b', 'c', 'd');
    world.create('butter-bar');
    await world.advance(60_000);
    expect(world.sentTo.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(writes()).toHaveLength(1);
    expect(world.reason('butter-bar')).toBe('AllDelivered');
  });

  test('is sent before the fence has answered', async () => {
    addEndpoints('a');
    world.create('butter-bar');
    await world.advance(5);
    expect(world.sentTo).toEqual(['a']);
    expect(world.calls).toEqual(['list']);
  });

  test('leaves nothing behind: no outcome, no pending delivery, no call', async () => {
    addEndpoints('a', 'b');
    world.create('butter-bar');
    await world.advance(60_000);
    const calls = world.calls.length;
    await world.advance(7_200_000);
    expect(world.calls).toHaveLength(calls);
    expect([...world.works.all()]).toEqual([]);
    expect(world.works.unwritten).toBe(0);
    expect(world.pending.size).toBe(0);
    expect(world.failures).toEqual([]);
  });

  test('is sent to the endpoints that match, and to no other', async () => {
    addEndpoints('wants');
    world.addEndpoint(anEndpoint({ name: 'audit', spec: { eventTypes: ['AUDIT_LOG'] } }));
    world.create('butter-bar');
    await world.advance(1000);
    expect(world.sentTo).toEqual(['wants']);
    expect(world.deliveries('butter-bar')).toEqual({ wants: 'Succeeded Delivered' });
  });

  test('that no endpoint matches ends with one write, and nothing is sent', async () => {
    world.create('butter-bar');
    await world.advance(60_000);
    expect(world.reason('butter-bar')).toBe('NoMatchingEndpoint');
    expect(writes()).toHaveLength(1);
    expect(world.requests).toEqual([]);
  });

  test('that can not be sent says why, and nothing is sent', async () => {
    addEndpoints('a');
    world.create('butter-bar', { spec: aFlagUpdated({ timestamp: 'yesterday' }) });
    await world.advance(60_000);
    expect(world.reason('butter-bar')).toBe('InvalidPayload');
    expect(writes()).toHaveLength(1);
    expect(world.requests).toEqual([]);
  });
});

describe('the first write', () => {
  test.each([
    [1005, 0],
    [1010, 1],
  ])('comes a second after the first request: after %d ms there are %d', async (milliseconds, count) => {
    holdAll();
    addEndpoints('a');
    world.create('butter-bar');
    await world.advance(milliseconds);
    expect(writes()).toHaveLength(count);
    expect(world.reason('butter-bar')).toBe(count === 0 ? undefined : 'Delivering');
  });

  test('waits for the fence, however long that takes', async () => {
    addEndpoints('a');
    world.listsFail = true;
    world.create('butter-bar');
    await world.advance(10_000);
    expect(world.sentTo).toEqual(['a']);
    expect(writes()).toEqual([]);
    expect(new Set(world.failures)).toEqual(
      new Set(['list the endpoints of the namespace: ApiError: unavailable']),
    );
    expect(world.failures.length).toBeLessThanOrEqual(11);
    world.listsFail = false;
    await world.advance(2000);
    expect(world.deliveries('butter-bar')).toEqual({ a: 'Succeeded Delivered' });
    expect(writes()).toHaveLength(1);
  });
});

describe('while nothing can be recorded', () => {
  const order = () => world.calls.filter((call) => call.startsWith('write') || call.startsWith('sent'));

  beforeEach(() => {
    world.onSend = ({ endpoint }) => world.calls.push(`sent ${endpoint}`);
  });

  test('the plan is written before the first request: before any write has succeeded since the start', async () => {
    world.stop();
    world = new EventWorld();
    world.onSend = ({ endpoint }) => world.calls.push(`sent ${endpoint}`);
    addEndpoints('a');
    world.create('butter-bar');
    await world.advance(5000);
    expect(order()).toEqual(['write butter-bar', 'sent a', 'write butter-bar']);
    expect(world.written[0]?.status.deliveries).toMatchObject([
      { endpointName: 'a', state: 'Pending', attempts: 0 },
    ]);
  });

  test('the plan is written before the first request: while the last write has failed', async () => {
    holdAll();
    addEndpoints('a');
    world.create('first');
    await world.advance(10);
    world.writesFail = true;
    answerAll(200);
    await world.advance(10);
    world.create('second');
    await world.advance(5000);
    expect(order().filter((call) => call.startsWith('sent'))).toEqual(['sent a']);
    world.writesFail = false;
    await world.advance(40_000);
    const lastSent = order().lastIndexOf('sent a');
    expect(order().slice(0, lastSent)).toContain('write second');
    expect(world.deliveries('first')).toEqual({ a: 'Succeeded Delivered' });
    expect(world.sentTo).toEqual(['a', 'a']);
  });
});

describe('a failed attempt', () => {
  test('is written at once, and tried again when its backoff is over', async () => {
    addEndpoints('a');
    world.receiver = () => (world.requests.length === 1 ? 503 : 200);
    world.create('butter-bar');
    await world.advance(100);
    expect(writes()).toHaveLength(1);
    expect(writes()[0]?.deliveries).toMatchObject([
      { state: 'Pending', attempts: 1, reason: 'BadStatus', lastStatusCode: 503 },
    ]);
    await world.advance(4800);
    expect(world.requests).toHaveLength(1);
    await world.advance(200);
    expect(world.requests).toHaveLength(2);
    expect(writes()).toHaveLength(2);
    expect(writes()[1]?.deliveries).toMatchObject([{ state: 'Succeeded', attempts: 2 }]);
    const [first, second] = world.requests;
    expect(second?.deliveryID).toBe(first?.deliveryID);
    expect(second?.body).toBe(first?.body);
  });

  test('that was the last one ends the delivery', async () => {
    world.addEndpoint(anEndpoint({ name: 'a', spec: { retry: { maxAttempts: 1 } } }));
    world.receiver = () => 500;
    world.create('butter-bar');
    await world.advance(60_000);
    expect(world.deliveries('butter-bar')).toEqual({ a: 'Failed BadStatus' });
    expect(world.reason('butter-bar')).toBe('DeliveryFailed');
    expect(world.requests).toHaveLength(1);
  });

  test('is not tried again before it was written', async () => {
    world.addEndpoint(anEndpoint({ name: 'a', spec: { retry: { initialDelaySeconds: 1 } } }));
    world.receiver = () => 503;
    world.create('butter-bar');
    await world.advance(6);
    world.writesFail = true;
    await world.advance(20_000);
    expect(world.requests).toHaveLength(1);
    world.writesFail = false;
    await world.advance(30_000);
    expect(world.requests.length).toBeGreaterThan(1);
  });

  test('goes on where it was after a restart', async () => {
    const status = {
      observedGeneration: 1,
      startTime: '2026-11-25T00:00:00Z',
      deliveries: [
        aDelivery({
          endpointName: 'a',
          attempts: 4,
          reason: 'Timeout',
          firstAttemptTime: '2026-11-25T00:00:00Z',
          nextAttemptTime: '2026-11-25T00:01:00Z',
        }),
      ],
    };
    addEndpoints('a');
    world.create('butter-bar', { status });
    await world.advance(58_000);
    expect(world.requests).toEqual([]);
    await world.advance(2000);
    expect(world.status('butter-bar')?.deliveries).toMatchObject([{ state: 'Succeeded', attempts: 5 }]);
    expect(world.requests.map(({ body }) => body)).toEqual([expect.stringContaining('butter_bar')]);
    expect(world.calls).toContain('get event butter-bar');
  });
});

describe('an event that was taken up before the start', () => {
  const deliveries = [
    aDelivery({ endpointName: 'a', nextAttemptTime: '2026-11-25T01:00:00Z' }),
    aDelivery({ endpointName: 'b', state: 'Succeeded' }),
  ];
  const event = anEvent({ name: 'butter-bar', status: { observedGeneration: 1, deliveries } });

  test('counts for the endpoints that it still has to go to, before it is reconciled', () => {
    world.reconciler.resume(event);
    expect([uidOf('a'), uidOf('b')].map((endpoint) => world.pending.count(endpoint))).toEqual([1, 0]);
    world.reconciler.forget(event);
    expect(world.pending.size).toBe(0);
  });

  test('is sent on spread over 5 s where it is late', async () => {
    addEndpoints('a');
    const late = [aDelivery({ endpointName: 'a', attempts: 1, nextAttemptTime: '2026-11-24T00:00:00Z' })];
    const status = { observedGeneration: 1, startTime: '2026-11-24T00:00:00Z', deliveries: late };
    world.reconciler.resume(world.create('late', { status }));
    await world.advance(2400);
    expect(world.requests).toEqual([]);
    await world.advance(200);
    expect(world.sentTo).toEqual(['a']);
  });

  test('is nothing to remember where nothing of it is pending', () => {
    world.reconciler.resume(anEvent({ name: 'butter-bar' }));
    expect([...world.works.all()]).toEqual([]);
  });
});

describe('reconciling again', () => {
  test('at any moment sends nothing twice and writes nothing more', async () => {
    addEndpoints('a', 'b');
    world.receiver = () => undefined;
    world.create('butter-bar');
    for (let round = 0; round < 100; round += 1) {
      world.queue.add(KEY);
      await world.advance(1);
      if (round === 50) answerAll(200);
    }
    expect(world.sentTo).toEqual(['a', 'b']);
    expect(writes()).toHaveLength(1);
  });

  test('an event that has ended, or that nobody has, does nothing', async () => {
    addEndpoints('a');
    world.watchLagMilliseconds = 100_000;
    world.create('butter-bar');
    await world.advance(101_000);
    expect(world.reason('butter-bar')).toBe('AllDelivered');
    const calls = world.calls.length;
    expect(await world.reconciler.reconcile(KEY)).toEqual({});
    expect(await world.reconciler.reconcile('shop/nothing')).toEqual({});
    expect(world.calls).toHaveLength(calls);
  });

  test('while the watch does not show our own writes sends nothing again', async () => {
    addEndpoints('a', 'b');
    world.receiver = ({ endpoint }) => (endpoint === 'a' ? 200 : undefined);
    world.create('butter-bar');
    await world.advance(100);
    world.watchLagMilliseconds = 60_000;
    await world.advance(1000);
    expect(world.deliveries('butter-bar')).toEqual({ a: 'Succeeded Delivered', b: 'Pending' });
    for (let round = 0; round < 10; round += 1) {
      world.queue.add(KEY);
      await world.advance(100);
    }
    answerAll(200);
    await world.advance(100);
    expect(world.reason('butter-bar')).toBe('AllDelivered');
    expect(world.sentTo).toEqual(['a', 'b']);
  });
});

describe('a write that does not go through', () => {
  test('for a conflict is merged with what is there and made again', async () => {
    holdAll();
    addEndpoints('a');
    world.create('butter-bar');
    await world.advance(10);
    world.watchLagMilliseconds = 60_000;
    world.touch('butter-bar', { labels: { team: 'shop' } });
    answerAll(200);
    await world.advance(500);
    expect(world.reason('butter-bar')).toBe('AllDelivered');
    expect(world.calls).toEqual(['list', 'write butter-bar', 'get event butter-bar', 'write butter-bar']);
    expect(world.sentTo).toEqual(['a']);
  });

  test.each<[fault: Fault, writes: number]>([
    ['unavailable', 1],
    ['answer lost', 1],
  ])('(%s) is not sent again, and is recorded in the end', async (fault, count) => {
    addEndpoints('a');
    world.faults.push(fault);
    world.create('butter-bar');
    await world.advance(60_000);
    expect(world.reason('butter-bar')).toBe('AllDelivered');
    expect(world.sentTo).toEqual(['a']);
    expect(writes()).toHaveLength(count);
    expect(world.works.unwritten).toBe(0);
  });

  test('since it is too large is made without messages, then ends the event', async () => {
    addEndpoints('a');
    world.receiver = () => 500;
    world.faults.push('too large');
    world.create('butter-bar');
    await world.advance(100);
    expect(writes()[0]?.deliveries).toMatchObject([{ state: 'Pending', attempts: 1, message: undefined }]);
    world.faults.push('too large', 'too large');
    await world.advance(10_000);
    expect(world.reason('butter-bar')).toBe('PayloadTooLarge');
    const sent = world.requests.length;
    await world.advance(100_000);
    expect(world.requests).toHaveLength(sent);
  });

  test('whatever it holds is made again each 30 s, not without a pause', async () => {
    addEndpoints('a');
    world.faults.push(...Array.from({ length: 300 }, () => 'too large' as const));
    world.create('butter-bar');
    await world.advance(61_000);
    expect(world.calls.filter((call) => call === 'write butter-bar')).toHaveLength(9);
    expect(world.sentTo).toEqual(['a']);
  });

  test('waits no longer than until another one goes through, also where it was read again meanwhile', async () => {
    holdAll();
    addEndpoints('a', 'b');
    world.create('first');
    world.create('second');
    await world.advance(10);
    world.writesFail = true;
    for (const { endpoint, answer } of world.open) if (endpoint === 'a') answer(500);
    await world.advance(40_000);
    // The second outcome brings about a read, which goes through.
    for (const { endpoint, answer } of world.open) if (endpoint === 'b') answer(200);
    await world.advance(100);
    world.writesFail = false;
    world.create('third', { spec: { type: 'AUDIT_LOG' } });
    await world.advance(300);
    expect(world.reason('third')).toBe('InvalidPayload');
    expect(world.deliveries('first')).toEqual({ a: 'Pending BadStatus', b: 'Succeeded Delivered' });
    expect(world.deliveries('second')).toEqual({ a: 'Pending BadStatus', b: 'Succeeded Delivered' });
  });

  test.each([
    ['before it was taken up', 0],
    ['after it was taken up', 2000],
  ])(
    'since the event was deleted %s sends nothing more, however long the watch lags',
    async (_when, taken) => {
      holdAll();
      addEndpoints('fast', 'slow');
      world.create('butter-bar');
      await world.advance(10 + taken);
      world.watchLagMilliseconds = 60_000;
      world.delete('butter-bar');
      world.calls.length = 0;
      for (const { endpoint, answer } of world.open) if (endpoint === 'fast') answer(200);
      await world.advance(30_000);
      expect(world.sentTo).toEqual(['fast', 'slow']);
      expect(world.requests[1]?.signal.aborted).toBe(true);
      expect(world.works.unwritten).toBe(0);
      expect(world.calls.length).toBeLessThan(6);
      await world.advance(60_000);
      expect([...world.works.all()]).toEqual([]);
      expect(world.pending.size).toBe(0);
    },
  );
});

describe('writes of one event', () => {
  test.each([
    [10, 250],
    [100_000, 2000],
  ])('with %d bytes in it wait for its size, about %d ms', async (bytes, most) => {
    holdAll();
    addEndpoints('a', 'b');
    world.create('butter-bar', { spec: aFlagUpdated({ filler: 'x'.repeat(bytes) }) });
    await world.advance(10);
    const [first, second] = world.requests;
    first?.answer(500);
    await world.advance(5);
    second?.answer(500);
    const least = Math.max(200, bytes / 100);
    await world.advance(least - 20);
    expect(writes()).toHaveLength(1);
    await world.advance(most - least + 20);
    expect(writes()).toHaveLength(2);
  });

  test('hold what arrives together', async () => {
    holdAll();
    addEndpoints('a', 'b', 'c', 'last');
    world.create('butter-bar');
    await world.advance(2000);
    expect(writes()).toHaveLength(1);
    for (const request of [...world.open].slice(0, 3)) {
      request.answer(200);
      await world.advance(50);
    }
    await world.advance(1000);
    expect(writes()).toHaveLength(2);
    expect(writes()[1]?.delivered).toBe('3/4');
  });
});

describe('the fence', () => {
  test('finds an endpoint that the watch has not shown yet', async () => {
    addEndpoints('known');
    world.addEndpoint(anEndpoint({ name: 'lagging' }), { shown: false });
    world.create('butter-bar');
    await world.advance(2000);
    expect(world.deliveries('butter-bar')).toEqual({
      known: 'Succeeded Delivered',
      lagging: 'Succeeded Delivered',
    });
    expect(world.sentTo.toSorted()).toEqual(['known', 'lagging']);
    expect(writes()).toHaveLength(1);
  });

  test('lacks an endpoint that was deleted just before: what was sent is recorded as Canceled', async () => {
    addEndpoints('a', 'deleted');
    world.deleteEndpoint('deleted');
    world.create('butter-bar');
    await world.advance(2000);
    expect(world.sentTo.toSorted()).toEqual(['a', 'deleted']);
    expect(world.deliveries('butter-bar')).toEqual({
      a: 'Succeeded Delivered',
      deleted: 'Canceled EndpointDeleted',
    });
    expect(world.calls).toContain('get endpoint deleted');
  });

  test('lacks an endpoint that was created after it: what was sent counts, and the next event is sent too', async () => {
    addEndpoints('a');
    world.create('butter-bar');
    // The list was made; its answer is under way.
    await world.advance(6);
    expect(world.calls).toEqual(['list']);
    addEndpoints('late');
    world.queue.add(KEY);
    await world.advance(2000);
    expect(world.calls).toContain('get endpoint late');
    expect(world.deliveries('butter-bar')).toEqual({
      a: 'Succeeded Delivered',
      late: 'Succeeded Delivered',
    });
    world.create('next');
    await world.advance(2000);
    expect(world.deliveries('next')).toEqual({ a: 'Succeeded Delivered', late: 'Succeeded Delivered' });
  });

  test('is waited for where the watch of the endpoints is broken', async () => {
    addEndpoints('a');
    world.endpointsAreCurrent = false;
    world.listsFail = true;
    world.create('butter-bar');
    await world.advance(10_000);
    expect(world.requests).toEqual([]);
    world.listsFail = false;
    await world.advance(2000);
    expect(world.sentTo).toEqual(['a']);
  });

  test('is shared by events that come together', async () => {
    addEndpoints('a');
    for (let index = 0; index < 50; index += 1) world.create(`event-${index}`);
    await world.advance(2000);
    expect(world.calls.filter((call) => call === 'list').length).toBeLessThanOrEqual(2);
    expect(writes()).toHaveLength(50);
  });
});

describe('an endpoint that goes away while a delivery is pending', () => {
  beforeEach(async () => {
    holdAll();
    addEndpoints('a');
    world.create('butter-bar');
    await world.advance(2000);
  });

  test('ends it as Canceled once a read has said that it is gone, and its attempt is aborted', async () => {
    world.deleteEndpoint('a');
    world.registry.delete(anEndpoint({ name: 'a' }));
    await world.advance(500);
    expect(world.deliveries('butter-bar')).toEqual({ a: 'Canceled EndpointDeleted' });
    expect(world.requests[0]?.signal.aborted).toBe(true);
    expect(world.pending.size).toBe(0);
  });

  test('and came back under its name is another endpoint', async () => {
    world.deleteEndpoint('a');
    world.registry.delete(anEndpoint({ name: 'a' }));
    world.addEndpoint(anEndpoint({ name: 'a', metadata: { uid: uid('again') } }));
    await world.advance(5000);
    expect(world.deliveries('butter-bar')).toEqual({ a: 'Canceled EndpointDeleted' });
    expect(world.requests).toHaveLength(1);
  });
});

describe('with 750 outcomes of the namespace unwritten', () => {
  test('nothing is begun; it is once some are written, or dropped', async () => {
    addEndpoints('a');
    fill();
    world.create('butter-bar');
    await world.advance(3000);
    expect(world.requests).toEqual([]);
    world.works.forget(uid('full'));
    world.create('other', { spec: { type: 'AUDIT_LOG' } });
    await world.advance(100);
    expect(world.sentTo).toEqual(['a']);
  });

  test('what waits in a lane is not sent either, and is once there is room', async () => {
    world.addEndpoint(anEndpoint({ name: 'a', spec: { maxInFlight: 1 } }));
    holdAll();
    world.create('first');
    world.create('second');
    await world.advance(500);
    expect(world.requests).toHaveLength(1);
    fill();
    const [first] = world.requests;
    first?.answer(200);
    await world.advance(500);
    expect(world.requests).toHaveLength(1);
    world.works.forget(uid('full'));
    world.create('other', { spec: { type: 'AUDIT_LOG' } });
    await world.advance(1000);
    expect(world.requests).toHaveLength(2);
  });

  test('an event that is gone does not keep those that wait behind it from their turn', async () => {
    addEndpoints('a');
    const full = fill();
    world.works.hold('shop/gone', 'first');
    world.create('butter-bar');
    await world.advance(100);
    expect(world.requests).toEqual([]);
    settleOne(full);
    world.queue.add('shop/nobody');
    await world.advance(100);
    expect(world.requests).toHaveLength(1);
  });

  test('an event that is deleted while it is sent does not wait for room', async () => {
    addEndpoints('a');
    holdAll();
    world.create('butter-bar');
    await world.advance(10);
    const full = fill();
    world.delete('butter-bar');
    await world.advance(10);
    settleOne(full);
    expect(world.works.release()).toEqual([]);
  });

  test('those of events that are deleted make room without a write', async () => {
    addEndpoints('a');
    holdAll();
    const doomed = world.create('doomed');
    await world.advance(10);
    for (let index = 0; index < 1000; index += 1) {
      world.works.record(doomed.metadata.uid, anAttempt({ endpointUID: uid(`endpoint-${index}`) }));
    }
    world.create('butter-bar');
    await world.advance(100);
    expect(world.requests).toHaveLength(1);
    world.delete('doomed');
    await world.advance(10);
    expect(world.sentTo).toEqual(['a', 'a']);
  });
});

describe('an event with 900 endpoints', () => {
  beforeEach(async () => {
    world.stop();
    world = await EventWorld.recording({ maxInFlight: 1200 });
    for (let index = 0; index < 900; index += 1)
      world.addEndpoint(anEndpoint({ name: `a-${index}`, spec: { maxInFlight: 1 } }));
    holdAll();
    world.create('butter-bar');
    await world.advance(50);
    expect(world.requests).toHaveLength(900);
    world.reconciles = 0;
  });

  test.each([500, 200])(
    'that answer %d one after the other is not planned for each answer',
    async (status) => {
      for (const request of [...world.open]) {
        request.answer(status);
        await world.advance(1);
      }
      expect(world.reconciles).toBeLessThan(60);
      await world.advance(5000);
      expect(world.works.unwritten).toBe(0);
    },
  );

  test('is not planned for each retry that is due', async () => {
    for (const request of [...world.open]) {
      request.answer(500);
      await world.advance(1);
    }
    await world.advance(7000);
    expect(world.requests.length).toBeGreaterThan(1000);
    expect(world.reconciles).toBeLessThan(60);
  });

  test('that may not be sent to yet is not planned for each that it waits for in a lane', async () => {
    world.create('second');
    await world.advance(50);
    fill();
    world.reconciles = 0;
    answerAll(200);
    await world.advance(50);
    expect(world.reconciles).toBeLessThan(60);
    expect(world.requests).toHaveLength(900);
    world.works.forget(uid('full'));
    await world.advance(10_000);
    expect(world.requests).toHaveLength(1800);
  });
});

describe('an event that is deleted', () => {
  test('has its attempts aborted and dropped, and is not written', async () => {
    world.addEndpoint(anEndpoint({ name: 'a', spec: { maxInFlight: 1 } }));
    holdAll();
    world.create('butter-bar');
    world.create('other');
    await world.advance(10);
    expect(world.requests).toHaveLength(1);
    world.delete('other');
    world.delete('butter-bar');
    await world.advance(60_000);
    expect(world.requests.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(writes()).toEqual([]);
    expect(world.pending.size).toBe(0);
    expect(world.lanes.inFlight).toBe(0);
    expect([...world.works.all()]).toEqual([]);
  });

  test('counts as deleted from its deletionTimestamp on', async () => {
    holdAll();
    addEndpoints('a');
    world.create('butter-bar');
    await world.advance(10);
    world.touch('butter-bar', { deletionTimestamp: '2026-11-25T00:00:01Z' });
    await world.advance(60_000);
    expect(world.requests.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(writes()).toEqual([]);
    expect(world.pending.count(uidOf('a'))).toBe(0);
  });

  test('and that a finalizer keeps holds no outcome: it is never written', async () => {
    addEndpoints('a', 'b');
    world.receiver = ({ endpoint }) => (endpoint === 'a' ? 200 : undefined);
    world.create('butter-bar');
    await world.advance(10);
    expect(world.works.unwritten).toBe(1);
    world.touch('butter-bar', { deletionTimestamp: '2026-11-25T00:00:01Z' });
    await world.advance(60_000);
    expect(world.works.unwritten).toBe(0);
    expect(world.pending.size).toBe(0);
    expect([...world.works.all()]).toEqual([]);
    expect(writes()).toEqual([]);
  });

  test('and created again under its name is another event with other deliveryIDs', async () => {
    holdAll();
    addEndpoints('a');
    world.create('butter-bar');
    await world.advance(10);
    world.delete('butter-bar');
    await world.advance(10);
    world.receiver = () => 200;
    world.create('butter-bar', {});
    await world.advance(2000);
    expect(world.reason('butter-bar')).toBe('AllDelivered');
  });
});

test('a request that is answered after its event is gone changes nothing', async () => {
  holdAll();
  addEndpoints('a');
  world.create('butter-bar');
  await world.advance(10);
  const [request] = world.requests as [Received];
  world.delete('butter-bar');
  await world.advance(10);
  request.answer(200);
  await world.advance(1000);
  expect(world.works.unwritten).toBe(0);
  expect(world.attempts).toEqual([]);
});

describe('a change of an endpoint', () => {
  const slowly = { retry: { initialDelaySeconds: 3600 } };
  const names = ['e1', 'e2', 'e3', 'e4'];
  const signed = (text: string) => {
    world.secret = { state: 'found', data: new Map([['key', new SecretBytes(Buffer.from(text))]]) };
    world.registry.objectChanged('Secret', 'shop', 'hook');
  };

  test.each<[what: string, change: () => void]>([
    [
      'its spec',
      () => world.addEndpoint(anEndpoint({ name: 'a', metadata: { generation: 2 }, spec: slowly })),
    ],
    ["a Secret's content", () => signed('two')],
  ])('makes pending deliveries due at once, spread out within 5 s: %s', async (_what, change) => {
    signed('one');
    const signingKeys = [{ secretKeyRef: { name: 'hook', key: 'key' } }];
    world.addEndpoint(anEndpoint({ name: 'a', spec: { ...slowly, signingKeys } }));
    world.receiver = () => 500;
    for (const name of names) world.create(name);
    await world.advance(60_000);
    expect(world.requests).toHaveLength(4);

    world.receiver = () => 200;
    change();
    await world.advance(100);
    expect(world.requests.length).toBeLessThan(8);
    await world.advance(5000);
    expect(world.requests).toHaveLength(8);
    expect(names.map((name) => world.deliveries(name))).toEqual(
      names.map(() => ({ a: 'Succeeded Delivered' })),
    );
    await world.advance(7_200_000);
    expect(world.requests).toHaveLength(8);
  });

  test('makes them due once: what fails again has its backoff', async () => {
    world.addEndpoint(anEndpoint({ name: 'a', spec: slowly }));
    world.receiver = () => 500;
    world.create('butter-bar');
    await world.advance(60_000);
    world.addEndpoint(anEndpoint({ name: 'a', metadata: { generation: 2 }, spec: slowly }));
    await world.advance(600_000);
    expect(world.requests).toHaveLength(2);
    expect(world.status('butter-bar')?.deliveries).toMatchObject([{ attempts: 2 }]);
  });
});

describe('a delivery that waits for 14 days', () => {
  const DAY = 24 * 3_600_000;

  test('ends Failed then, and what was held before gets its attempt after a resume', async () => {
    world.addEndpoint(anEndpoint({ name: 'a', spec: { suspend: true } }));
    world.create('early');
    await world.advance(DAY);
    world.create('late');
    await world.advance(13.5 * DAY);
    expect(world.deliveries('early')).toEqual({ a: 'Failed Suspended' });
    expect(world.deliveries('late')).toEqual({ a: 'Pending Suspended' });
    expect(world.lanes.inFlight).toBe(0);
    world.addEndpoint(anEndpoint({ name: 'a', metadata: { generation: 2 } }));
    await world.advance(1000);
    expect(world.deliveries('late')).toEqual({ a: 'Succeeded Delivered' });
    expect(world.requests).toHaveLength(1);
  });

  test('whose window has ended meanwhile gets its attempt too, and ends with that', async () => {
    const retry = { giveUpAfterSeconds: 60 };
    world.addEndpoint(anEndpoint({ name: 'a', spec: { retry } }));
    world.receiver = () => 500;
    world.create('butter-bar');
    await world.advance(1000);
    const change = (generation: number, suspend: boolean) =>
      world.addEndpoint(anEndpoint({ name: 'a', spec: { retry, suspend }, metadata: { generation } }));
    change(2, true);
    await world.advance(13 * DAY);
    expect(world.deliveries('butter-bar')).toEqual({ a: 'Pending Suspended' });
    change(3, false);
    await world.advance(10_000);
    expect(world.deliveries('butter-bar')).toEqual({ a: 'Failed BadStatus' });
    expect(world.requests).toHaveLength(2);
  });

  test('does not end while our clock differs from that of the API server', async () => {
    world.clockIsTrusted = false;
    world.addEndpoint(anEndpoint({ name: 'a', spec: { suspend: true } }));
    world.create('butter-bar');
    await world.advance(15 * DAY);
    expect(world.deliveries('butter-bar')).toEqual({ a: 'Pending Suspended' });
    world.clockIsTrusted = true;
    await world.advance(120_000);
    expect(world.deliveries('butter-bar')).toEqual({ a: 'Failed Suspended' });
  });
});
