import { afterEach, describe, expect, test } from '@jest/globals';
import { REDELIVER_LABEL } from '../../src/delivery/redeliver.ts';
import { Redeliverer } from '../../src/reconcile/redeliverer.ts';
import { EVENT_WRITES } from '../../src/reconcile/writeBudget.ts';
import { EventWorld, uidOf } from '../support/eventWorld.ts';
import { anEndpoint } from '../support/fixtures.ts';

const ONE_ATTEMPT = { retry: { giveUpAfterSeconds: 0 } };

let world: EventWorld;
afterEach(() => world.stop());

const label = (value: string) => world.touch('event', { labels: { [REDELIVER_LABEL]: value } });
const requestsTo = (name: string) => world.requests.filter(({ endpoint }) => endpoint === name);
const delivery = (name: string) =>
  world.status('event')?.deliveries?.find(({ endpointName }) => endpointName === name);
const endings = () =>
  world.written.filter(({ event, status }) => event === 'event' && status.completionTime !== undefined);

/** An event that has gone well at one endpoint, and has failed at another. */
async function aFailedEvent(): Promise<void> {
  world = await EventWorld.recording();
  world.addEndpoint(anEndpoint({ name: 'bad', spec: ONE_ATTEMPT }));
  world.addEndpoint(anEndpoint({ name: 'good' }));
  world.receiver = ({ endpoint }) => (endpoint === 'bad' ? 503 : 200);
  world.create('event');
  await world.advance(2000);
  expect(world.reason('event')).toBe('DeliveryFailed');
}

describe('the label on an event that has finished', () => {
  test('sends what has failed again, under the same id, and nothing else', async () => {
    await aFailedEvent();
    world.receiver = () => 200;
    label('1');
    await world.advance(3000);

    expect(world.reason('event')).toBe('AllDelivered');
    expect(world.status('event')).toMatchObject({ lastHandledRedeliver: '1', delivered: '2/2' });
    expect(delivery('bad')).toMatchObject({ redeliveries: 1, attempts: 1, state: 'Succeeded' });
    expect(delivery('good')).toMatchObject({ redeliveries: 0, attempts: 1 });
    expect([requestsTo('bad').length, requestsTo('good').length]).toEqual([2, 1]);
    expect(new Set(requestsTo('bad').map(({ deliveryID }) => deliveryID)).size).toBe(1);
    expect(requestsTo('bad')[1]?.body).toBe(requestsTo('bad')[0]?.body);
    expect(world.failures).toEqual([]);
  });

  test('begins with a read, and is no first request of the event', async () => {
    await aFailedEvent();
    world.calls.length = 0;
    label('1');
    await world.advance(3000);
    expect(world.calls[0]).toBe('get event event');
    expect(world.firstRequests.filter((name) => name === 'event')).toHaveLength(1);
  });

  test('ends it again where it fails again', async () => {
    await aFailedEvent();
    label('1');
    await world.advance(3000);
    label('2');
    await world.advance(3000);
    expect(world.reason('event')).toBe('DeliveryFailed');
    expect(delivery('bad')).toMatchObject({ redeliveries: 2, attempts: 1, state: 'Failed' });
    expect(endings()).toHaveLength(3);
  });

  test('waits while writes have cost what they may, and then starts it over once', async () => {
    await aFailedEvent();
    world.receiver = () => 200;
    world.budget.take({ key: 'other/large', bytes: 10 * EVENT_WRITES.bytesPerSecond, priority: 'normal' });
    label('1');
    await world.advance(9000);
    expect(requestsTo('bad')).toHaveLength(1);
    await world.advance(3000);
    expect(requestsTo('bad')).toHaveLength(2);
    expect(delivery('bad')).toMatchObject({ redeliveries: 1, state: 'Succeeded' });
  });

  test('is handled once a value', async () => {
    await aFailedEvent();
    label('1');
    await world.advance(3000);
    world.touch('event', { labels: {} });
    await world.advance(100);
    label('1');
    await world.advance(3000);
    expect(requestsTo('bad')).toHaveLength(2);
  });

  test('gives the delivery a retry window of its own', async () => {
    await aFailedEvent();
    await world.advance(3_600_000);
    world.addEndpoint(
      anEndpoint({
        name: 'bad',
        spec: { retry: { giveUpAfterSeconds: 60, initialDelaySeconds: 10 } },
        metadata: { generation: 2 },
      }),
    );
    label('1');
    await world.advance(1000);
    expect(delivery('bad')).toMatchObject({ state: 'Pending', attempts: 1, reason: 'BadStatus' });
    await world.advance(60_000);
    expect(delivery('bad')).toMatchObject({ state: 'Failed', attempts: 3, redeliveries: 1 });
  });

  test('ends as Canceled what went to an endpoint that is deleted', async () => {
    await aFailedEvent();
    world.deleteEndpoint('bad');
    world.registry.delete(anEndpoint({ name: 'bad' }));
    label('1');
    await world.advance(3000);
    expect(world.deliveries('event')).toEqual({
      bad: 'Canceled EndpointDeleted',
      good: 'Succeeded Delivered',
    });
  });

  test.each([
    ['nothing has failed', 200],
    ['it went to nobody', undefined],
  ])('only counts as handled where %s', async (_what, statusCode) => {
    world = await EventWorld.recording();
    if (statusCode !== undefined) world.addEndpoint(anEndpoint({ name: 'good' }));
    world.create('event');
    await world.advance(2000);
    const before = world.status('event');
    label('1');
    await world.advance(2000);
    expect(world.status('event')).toEqual({ ...before, lastHandledRedeliver: '1' });
    expect(before?.completionTime).toBeDefined();
  });

  test.each(['unavailable', 'answer lost'] as const)(
    'is handled although a write fails: %s',
    async (fault) => {
      await aFailedEvent();
      world.faults.push(fault);
      label('1');
      await world.advance(5000);
      expect(delivery('bad')).toMatchObject({ redeliveries: 1 });
      expect(requestsTo('bad')).toHaveLength(2);
    },
  );

  test('of two values set quickly the latest is handled, and both at once', async () => {
    await aFailedEvent();
    label('1');
    label('2');
    await world.advance(3000);
    expect(world.status('event')).toMatchObject({ lastHandledRedeliver: '2' });
    expect(delivery('bad')).toMatchObject({ redeliveries: 1 });
  });

  test('is left alone on one that is being deleted', async () => {
    await aFailedEvent();
    world.touch('event', {
      labels: { [REDELIVER_LABEL]: '1' },
      deletionTimestamp: '2026-11-25T00:00:02Z',
    });
    await world.advance(3000);
    expect(requestsTo('bad')).toHaveLength(1);
  });
});

describe('the label on an event that has not finished', () => {
  test('starts what has failed over when the rest has ended, in the write that would have finished it', async () => {
    world = await EventWorld.recording();
    world.addEndpoint(anEndpoint({ name: 'bad', spec: ONE_ATTEMPT }));
    world.addEndpoint(anEndpoint({ name: 'slow' }));
    world.receiver = ({ endpoint }) => (endpoint === 'bad' ? 503 : undefined);
    world.create('event');
    await world.advance(2000);
    expect(world.deliveries('event')['bad']).toBe('Failed BadStatus');
    label('1');
    await world.advance(2000);
    expect(world.status('event')?.lastHandledRedeliver).toBeUndefined();

    world.receiver = () => 200;
    for (const request of world.open) request.answer(200);
    await world.advance(3000);
    expect(world.reason('event')).toBe('AllDelivered');
    expect(endings()).toHaveLength(1);
    expect([delivery('bad')?.redeliveries, delivery('slow')?.redeliveries]).toEqual([1, 0]);
    expect([requestsTo('bad').length, requestsTo('slow').length]).toEqual([2, 1]);
  });

  test('counts as handled where nothing has failed', async () => {
    world = await EventWorld.recording();
    world.addEndpoint(anEndpoint({ name: 'slow' }));
    world.receiver = () => undefined;
    world.create('event');
    await world.advance(1500);
    label('1');
    await world.advance(100);
    for (const request of world.open) request.answer(200);
    await world.advance(1000);
    expect(world.status('event')).toMatchObject({ lastHandledRedeliver: '1', delivered: '1/1' });
    expect(requestsTo('slow')).toHaveLength(1);
  });

  test('counts as handled where it was there when the event was taken up', async () => {
    world = await EventWorld.recording();
    world.addEndpoint(anEndpoint({ name: 'bad', spec: ONE_ATTEMPT }));
    world.receiver = () => 503;
    world.create('event');
    label('1');
    await world.advance(3000);
    expect(world.reason('event')).toBe('DeliveryFailed');
    expect(world.status('event')).toMatchObject({ lastHandledRedeliver: '1' });
    expect(requestsTo('bad')).toHaveLength(1);
  });

  test('does not stop what is in flight', async () => {
    await aFailedEvent();
    world.receiver = () => undefined;
    label('1');
    await world.advance(500);
    label('2');
    await world.advance(500);
    expect(requestsTo('bad')).toHaveLength(2);
    for (const request of world.open) request.answer(200);
    await world.advance(1000);
    expect(world.status('event')).toMatchObject({ lastHandledRedeliver: '2', delivered: '2/2' });
    expect(requestsTo('bad')).toHaveLength(2);
  });
});

/** What a pass over the events does about one of them, which it has listed just now. */
async function passOver(name: string): Promise<void> {
  const { recorder, budget, registry, clock, store } = world;
  const redeliverer = new Redeliverer({
    read: async (_namespace, eventName) => world.event(eventName),
    isUnwatched: ({ metadata }) => store.getByUid(metadata.uid) === undefined,
    recorder,
    budget,
    isBusy: () => false,
    registry,
    clock,
  });
  const event = world.event(name);
  if (event) await redeliverer.startOver(event, new AbortController().signal);
}

/** What its status has once its annotation was seen, which is now. */
function seen(name: string): void {
  const startTime = new Date(world.clock.now()).toISOString();
  const redelivery = { since: '2026-11-24T00:00:00Z', startTime, events: 0 };
  world.addEndpoint(anEndpoint({ name, spec: ONE_ATTEMPT, status: { redelivery } }));
}

test('what had failed when the annotation was seen, and was not written, is started over in the write that comes', async () => {
  world = await EventWorld.recording();
  world.addEndpoint(anEndpoint({ name: 'bad', spec: ONE_ATTEMPT }));
  world.addEndpoint(anEndpoint({ name: 'slow' }));
  world.receiver = ({ endpoint }) => (endpoint === 'bad' ? 503 : undefined);
  world.writesFail = true;
  world.create('event');
  await world.advance(100);
  expect([requestsTo('bad').length, world.status('event')]).toEqual([1, undefined]);
  seen('bad');
  await passOver('event');

  world.writesFail = false;
  await world.advance(5000);
  const states = world.written.map(
    ({ status }) => status.deliveries?.find(({ endpointName }) => endpointName === 'bad')?.state,
  );
  expect(states).toEqual(['Pending', 'Failed']);
  expect(delivery('bad')).toMatchObject({ redeliveries: 1, attempts: 1 });
  expect(requestsTo('bad')).toHaveLength(2);
});

test('what had failed before the answer of the write that ended the event was lost is started over', async () => {
  world = await EventWorld.recording();
  world.addEndpoint(anEndpoint({ name: 'bad', spec: ONE_ATTEMPT }));
  world.receiver = () => undefined;
  world.create('event');
  await world.advance(1500);
  world.faults.push('answer lost');
  let passed: Promise<void> | undefined;
  // The last moment before it: the pass finds nothing that has failed.
  world.onWrite = () => {
    if (passed) return;
    seen('bad');
    passed = passOver('event');
  };
  for (const request of world.open) request.answer(503);
  world.receiver = () => 200;
  await world.advance(10_000);
  await passed;
  expect(world.reason('event')).toBe('AllDelivered');
  expect(delivery('bad')).toMatchObject({ redeliveries: 1, attempts: 1 });
});

/** Milliseconds after the write that ends an event. */
const MOMENTS = [
  -100, -20, -12, -9, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 20, 100, 395, 405,
];

const LAGS = [
  [5, 5],
  [400, 1],
  [1, 400],
] as const;

describe.each(LAGS)('with watches that lag by %d and, of the label, %d ms', (watchLag, labelLag) => {
  /** Creates an event that fails at once, at a world of its own. */
  async function begin(): Promise<void> {
    world = await EventWorld.recording();
    world.addEndpoint(anEndpoint({ name: 'bad', spec: ONE_ATTEMPT }));
    world.addEndpoint(anEndpoint({ name: 'good' }));
    world.receiver = ({ endpoint }) => (endpoint === 'bad' ? 503 : 200);
    world.watchLagMilliseconds = watchLag;
    world.labelLagMilliseconds = labelLag;
    world.create('event');
  }

  /** How long that takes, to the millisecond. */
  async function millisecondsToItsEnd(): Promise<number> {
    await begin();
    let milliseconds = 0;
    for (; endings().length === 0; milliseconds += 1) await world.advance(1);
    world.stop();
    return milliseconds;
  }

  test.each(MOMENTS)(
    'a label that is set %d ms after the end is handled once, and nothing is sent twice for it',
    async (moment) => {
      const end = await millisecondsToItsEnd();
      await begin();
      await world.advance(Math.max(0, end + moment));
      const wasTakenUp = world.status('event')?.startTime !== undefined;
      label('1');
      await world.advance(6000);

      expect(world.status('event')).toMatchObject({ lastHandledRedeliver: '1' });
      expect(world.reason('event')).toBe('DeliveryFailed');
      expect(delivery('bad')).toMatchObject({ attempts: 1, redeliveries: wasTakenUp ? 1 : 0 });
      expect(requestsTo('bad')).toHaveLength(wasTakenUp ? 2 : 1);
      expect(requestsTo('good')).toHaveLength(1);
      expect(world.failures).toEqual([]);
    },
  );

  test.each(MOMENTS)(
    'an annotation of the endpoint that is seen %d ms after the end starts over what had failed by then, once',
    async (moment) => {
      const end = await millisecondsToItsEnd();
      await begin();
      await world.advance(Math.max(0, end + moment));
      const seenAt = world.clock.now();
      seen('bad');
      const ended = passOver('event');
      await world.advance(6000);
      await ended;

      const [first] = world.attempts.filter(({ record }) => record.endpointUID === uidOf('bad'));
      const hadFailed = (first?.record.endedAt ?? NaN) <= seenAt;
      expect(world.reason('event')).toBe('DeliveryFailed');
      expect(delivery('bad')).toMatchObject({ attempts: 1, redeliveries: hadFailed ? 1 : 0 });
      expect(requestsTo('bad')).toHaveLength(hadFailed ? 2 : 1);
      expect(requestsTo('good')).toHaveLength(1);
      expect(world.failures).toEqual([]);
    },
  );

  test.each([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 100, 401, 402, 403, 404, 405, 410, 450,
  ])('a restart %d ms after the label repeats nothing that was recorded', async (moment) => {
    await begin();
    await world.advance(3000);
    label('1');
    await world.advance(moment);
    world = world.restart();
    await world.advance(6000);

    expect(world.status('event')).toMatchObject({ lastHandledRedeliver: '1' });
    expect(world.reason('event')).toBe('DeliveryFailed');
    expect(delivery('bad')).toMatchObject({ attempts: 1, redeliveries: 1 });
    // What was sent and not recorded is sent again.
    expect([2, 3]).toContain(requestsTo('bad').length);
    expect(requestsTo('good')).toHaveLength(1);
  });
});
