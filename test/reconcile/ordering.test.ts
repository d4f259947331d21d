import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Delivery, FlagEvent } from '../../src/api/flagEvent.ts';
import { aFlagUpdated, anAuditLog } from '../support/eventSpec.ts';
import { EventWorld } from '../support/eventWorld.ts';
import { aDelivery, anEndpoint } from '../support/fixtures.ts';

let world: EventWorld;

beforeEach(async () => {
  world = await EventWorld.recording();
});

afterEach(() => world.stop());

const timestamp = (second: number) => new Date(Date.UTC(2026, 10, 24) + 1000 * second).toISOString();
const feature = (id: number) => ({
  new_state: { enabled: true, environment: { id: 1, name: 'x' }, feature: { id, name: 'x' } },
});

/** An event that happened at that second; its name is what the receiver sees of it. */
function happen(second: number, { id = 1, ...event }: Partial<FlagEvent> & { id?: number } = {}): string {
  const name = `${id === 1 ? '' : `${id}-`}${second}`;
  world.create(name, {
    spec: aFlagUpdated({ ...feature(id), changed_by: name, timestamp: timestamp(second) }),
    ...event,
  });
  return name;
}

/** What the receivers were sent, in order. */
const sent = () =>
  world.requests.map(({ endpoint, body }) => `${endpoint} ${/"changed_by":"([^"]*)"/.exec(body)?.[1] ?? ''}`);

const openTo = (endpoint: string) => [...world.open].find((request) => request.endpoint === endpoint);
const retry = { initialDelaySeconds: 60, maxAttempts: 3 };
const ordered = (ordering: string, name = 'a', spec: object = {}) =>
  anEndpoint({ name, spec: { ordering, retry, ...spec } });
const status = (...deliveries: Partial<Delivery>[]) => ({
  observedGeneration: 1,
  startTime: '2026-11-25T00:00:00Z',
  deliveries: deliveries.map((delivery) => aDelivery({ endpointName: 'a', ...delivery })),
});

describe('PerFeature', () => {
  beforeEach(() => world.addEndpoint(ordered('PerFeature')));

  test('sends one at a time, in order of their time, at once after another', async () => {
    world.receiver = () => undefined;
    for (const second of [1, 2, 3]) happen(second);
    await world.advance(500);
    expect(sent()).toEqual(['a 1']);
    for (const wanted of [2, 3]) {
      openTo('a')?.answer(200);
      await world.advance(10);
      expect(sent().at(-1)).toBe(`a ${wanted}`);
    }
  });

  test('goes by their time, not by when they were created or seen', async () => {
    world.receiver = () => undefined;
    happen(9);
    await world.advance(20);
    for (const second of [3, 1, 2]) happen(second);
    await world.advance(20);
    world.receiver = () => 200;
    openTo('a')?.answer(200);
    await world.advance(1000);
    expect(sent()).toEqual(['a 9', 'a 1', 'a 2', 'a 3']);
  });

  test('holds later ones while an earlier one fails; they say so', async () => {
    world.receiver = () => 500;
    happen(1);
    await world.advance(20);
    happen(2);
    await world.advance(3000);
    expect(world.status('2')).toBeUndefined();
    await world.advance(2000);
    expect(sent()).toEqual(['a 1']);
    expect(world.deliveries('2')).toEqual({ a: 'Pending WaitingForEarlier' });
    expect(world.reason('2')).toBe('Waiting');
  });

  const gone = () => {
    world.deleteEndpoint('a');
    world.registry.delete(ordered('PerFeature'));
  };
  test.each<[state: string, end: () => void, failures: number, wanted: string]>([
    ['Succeeded', () => undefined, 2, 'Succeeded Delivered'],
    ['Failed', () => undefined, 3, 'Succeeded Delivered'],
    ['Canceled', gone, 1, 'Canceled EndpointDeleted'],
    ['gone, since it was deleted', () => world.delete('1'), 1, 'Succeeded Delivered'],
  ])('lets later ones go once the earlier one is %s', async (_state, end, failures, wanted) => {
    world.receiver = () => (world.requests.length <= failures ? 500 : 200);
    happen(1);
    happen(2);
    await world.advance(5000);
    expect(sent()).toEqual(['a 1']);
    end();
    await world.advance(300_000);
    expect(world.deliveries('2')).toEqual({ a: wanted });
  });

  test('lets other features, and other endpoints, go on', async () => {
    world.addEndpoint(anEndpoint({ name: 'b' }));
    world.receiver = ({ endpoint }) => (endpoint === 'a' ? 500 : 200);
    happen(1);
    await world.advance(20);
    happen(2);
    happen(1, { id: 2 });
    await world.advance(20);
    expect(sent().toSorted()).toEqual(['a 1', 'a 2-1', 'b 1', 'b 2', 'b 2-1']);
  });

  test('does not order AUDIT_LOG', async () => {
    world.addEndpoint(ordered('PerFeature', 'audit', { eventTypes: ['AUDIT_LOG'] }));
    world.receiver = () => undefined;
    for (const name of ['1', '2']) world.create(name, { spec: anAuditLog() });
    await world.advance(20);
    expect(world.sentTo).toEqual(['audit', 'audit']);
  });

  test('an event of which it is not known yet whom it goes to holds later ones', async () => {
    world.endpointsAreCurrent = false;
    world.listsFail = true;
    happen(1);
    await world.advance(20);
    world.endpointsAreCurrent = true;
    happen(2);
    await world.advance(500);
    expect(sent()).toEqual([]);
    world.listsFail = false;
    await world.advance(1000);
    expect(sent()).toEqual(['a 1', 'a 2']);
  });

  test('one that arrives late goes next, before the retry of a later one', async () => {
    world.receiver = () => undefined;
    happen(2);
    await world.advance(20);
    happen(1);
    await world.advance(20);
    expect(sent()).toEqual(['a 2']);
    openTo('a')?.answer(500);
    await world.advance(20);
    expect(sent()).toEqual(['a 2', 'a 1']);
    // The later one is due by now, but has to wait.
    await world.advance(90_000);
    expect(sent()).toEqual(['a 2', 'a 1']);
    expect(world.deliveries('2')).toEqual({ a: 'Pending WaitingForEarlier' });
    openTo('a')?.answer(200);
    await world.advance(20);
    expect(sent()).toEqual(['a 2', 'a 1', 'a 2']);
  });

  test('one that arrives while a later one waits in the lane goes before it', async () => {
    world.addEndpoint(ordered('PerFeature', 'a', { maxInFlight: 1 }));
    world.receiver = () => undefined;
    happen(5, { id: 2 });
    await world.advance(20);
    happen(2);
    await world.advance(20);
    happen(1);
    await world.advance(20);
    for (let answered = 0; answered < 3; answered += 1) {
      openTo('a')?.answer(200);
      await world.advance(20);
    }
    expect(sent()).toEqual(['a 2-5', 'a 1', 'a 2']);
  });

  test('redeliveries neither wait nor hold', async () => {
    world.receiver = () => 500;
    happen(1, { status: status({ redeliveries: 1 }) });
    happen(2);
    happen(3, { status: status({ redeliveries: 1 }) });
    await world.advance(20);
    expect(sent().toSorted()).toEqual(['a 1', 'a 2', 'a 3']);
  });

  test('after a restart in the middle all go on in order', async () => {
    world.receiver = () => 500;
    for (const second of [1, 2, 3]) happen(second);
    await world.advance(6000);
    world.receiver = () => undefined;
    world = world.restart();
    await world.advance(60_000);
    expect(sent()).toEqual(['a 1', 'a 1']);
    world = world.restart();
    happen(0);
    world.receiver = () => 200;
    await world.advance(30_000);
    expect(sent().slice(2)).toEqual(['a 0', 'a 1', 'a 2', 'a 3']);
  });

  test('events that go well cost one write each, however many wait for each other', async () => {
    for (let second = 0; second < 20; second += 1) happen(second);
    await world.advance(3000);
    expect(sent()).toHaveLength(20);
    expect(world.written).toHaveLength(20);
  });

  test('a circuit that opens and closes again and again has what waits behind it written once', async () => {
    for (let second = 0; second < 5; second += 1)
      happen(second, { status: status({ reason: 'WaitingForEarlier' }) });
    world.receiver = ({ body }) => (body.includes('"2-') ? 200 : 500);
    for (let round = 0; round < 5; round += 1) {
      for (let failure = 0; failure < 5; failure += 1)
        happen(10 * round + failure, { id: 100 + failure + 10 * round });
      await world.advance(10_000);
      happen(round, { id: 2 });
      await world.advance(60_000);
    }
    const writes = Object.groupBy(world.written, ({ event }) => event);
    expect(writes['4']?.length).toBeLessThanOrEqual(2);
  });
});

test('what waits because of a new ordering is taken out of the lane', async () => {
  world.addEndpoint(ordered('None', 'a', { suspend: true }));
  for (const second of [1, 2]) happen(second);
  await world.advance(500);
  expect(world.deliveries('2')).toEqual({ a: 'Pending Suspended' });
  world.receiver = () => undefined;
  world.addEndpoint(anEndpoint({ name: 'a', spec: { ordering: 'PerFeature' }, metadata: { generation: 2 } }));
  await world.advance(1000);
  expect(sent()).toEqual(['a 1']);
  expect(world.deliveries('2')).toEqual({ a: 'Pending WaitingForEarlier' });
  world.addEndpoint(anEndpoint({ name: 'a', spec: { ordering: 'None' }, metadata: { generation: 3 } }));
  await world.advance(20);
  expect(sent()).toEqual(['a 1', 'a 2']);
});

describe('LatestPerFeature', () => {
  beforeEach(() => world.addEndpoint(ordered('LatestPerFeature')));

  test('a later event ends an earlier one that is in its backoff, and goes at once', async () => {
    world.receiver = () => 500;
    happen(1);
    await world.advance(500);
    world.receiver = () => 200;
    happen(2);
    await world.advance(100);
    expect(sent()).toEqual(['a 1', 'a 2']);
    await world.advance(300);
    expect([world.deliveries('1'), world.deliveries('2')]).toEqual([
      { a: 'Canceled Superseded' },
      { a: 'Succeeded Delivered' },
    ]);
    expect(world.reason('1')).toBe('Canceled');
    expect(world.status('1')?.deliveries).toMatchObject([{ attempts: 1, lastStatusCode: 500 }]);
  });

  test('of many only the latest is left', async () => {
    world.receiver = () => 500;
    happen(1);
    await world.advance(100);
    world.receiver = () => 200;
    for (const second of [2, 3, 4, 5]) happen(second);
    await world.advance(6000);
    expect(world.deliveries('5')).toEqual({ a: 'Succeeded Delivered' });
    expect(sent().at(-1)).toBe('a 5');
    expect(world.deliveries('1')).toEqual({ a: 'Canceled Superseded' });
  });

  test('one that is suspended is superseded too', async () => {
    world.addEndpoint(ordered('LatestPerFeature', 'b', { suspend: true }));
    happen(1);
    await world.advance(1100);
    expect(world.deliveries('1')).toEqual({ a: 'Succeeded Delivered', b: 'Pending Suspended' });
    happen(2);
    await world.advance(1100);
    expect(world.deliveries('1')).toEqual({ a: 'Succeeded Delivered', b: 'Canceled Superseded' });
    expect(world.reason('1')).toBe('AllDelivered');
    expect(world.deliveries('2')).toEqual({ a: 'Succeeded Delivered', b: 'Pending Suspended' });
  });

  test('one in flight goes on, and is superseded if it fails', async () => {
    world.receiver = () => undefined;
    happen(1);
    await world.advance(20);
    happen(2);
    await world.advance(5000);
    expect(sent()).toEqual(['a 1']);
    expect(world.deliveries('2')).toEqual({ a: 'Pending WaitingForEarlier' });
    openTo('a')?.answer(500);
    await world.advance(10);
    expect(sent()).toEqual(['a 1', 'a 2']);
    expect(world.deliveries('1')).toEqual({ a: 'Canceled Superseded' });
  });

  test('one in flight that goes well is delivered, and the later one after it', async () => {
    world.receiver = () => undefined;
    happen(1);
    await world.advance(20);
    happen(2);
    await world.advance(5000);
    openTo('a')?.answer(200);
    await world.advance(10);
    openTo('a')?.answer(200);
    await world.advance(1000);
    expect([world.deliveries('1'), world.deliveries('2')]).toEqual([
      { a: 'Succeeded Delivered' },
      { a: 'Succeeded Delivered' },
    ]);
  });

  test('one whose attempt fails while a later one waits makes that one hurry', async () => {
    world.receiver = () => undefined;
    happen(1);
    await world.advance(20);
    happen(2);
    await world.advance(100);
    openTo('a')?.answer(500);
    await world.advance(300);
    expect(sent()).toEqual(['a 1', 'a 2']);
    expect(world.deliveries('1')).toEqual({ a: 'Canceled Superseded' });
  });

  test('one that arrives late after something newer was delivered is superseded, finished or not', async () => {
    world.addEndpoint(ordered('LatestPerFeature', 'b'));
    world.receiver = ({ endpoint }) => (endpoint === 'a' ? 200 : 500);
    happen(3);
    await world.advance(500);
    happen(2);
    await world.advance(2000);
    expect(world.deliveries('2')).toEqual({ a: 'Canceled Superseded', b: 'Canceled Superseded' });
    world.receiver = () => 200;
    await world.advance(300_000);
    expect(world.status('3')?.completionTime).toBeDefined();
    happen(1);
    await world.advance(2000);
    expect(world.deliveries('1')).toEqual({ a: 'Canceled Superseded', b: 'Canceled Superseded' });
    expect(sent().filter((request) => request !== 'b 3')).toEqual(['a 3']);
  });

  test('one that arrives late after something newer has failed is sent', async () => {
    world.addEndpoint(ordered('LatestPerFeature', 'a', { retry: { giveUpAfterSeconds: 0 } }));
    world.receiver = () => 500;
    happen(2);
    await world.advance(1000);
    expect(world.reason('2')).toBe('DeliveryFailed');
    world.receiver = () => 200;
    happen(1);
    await world.advance(1000);
    expect(world.deliveries('1')).toEqual({ a: 'Succeeded Delivered' });
  });

  test('a redelivery is superseded likewise', async () => {
    happen(2);
    await world.advance(1000);
    happen(1, { status: status({ redeliveries: 1 }) });
    await world.advance(1000);
    expect(world.deliveries('1')).toEqual({ a: 'Canceled Superseded' });
    expect(sent()).toEqual(['a 2']);
  });

  test('a redelivery is not sent while something newer is in flight, and superseded once that is taken up', async () => {
    world.receiver = () => undefined;
    happen(2);
    await world.advance(100);
    happen(1, { status: status({ redeliveries: 1 }) });
    await world.advance(2000);
    expect(world.deliveries('1')).toEqual({ a: 'Canceled Superseded' });
    expect(sent()).toEqual(['a 2']);
  });

  test('after a restart an unfinished newer event still counts', async () => {
    world.addEndpoint(ordered('None', 'b'));
    world.receiver = ({ endpoint }) => (endpoint === 'a' ? 200 : 500);
    happen(2);
    await world.advance(1000);
    world = world.restart();
    happen(1);
    await world.advance(6000);
    expect(world.deliveries('1')).toMatchObject({ a: 'Canceled Superseded' });
  });

  test('events that go well cost one write each', async () => {
    for (let second = 0; second < 20; second += 1) {
      happen(second);
      await world.advance(second % 7);
    }
    await world.advance(3000);
    expect(sent()).toHaveLength(20);
    expect(world.written).toHaveLength(20);
  });

  test('what is sent to a receiver that is gone is Gone, not Superseded', async () => {
    world.receiver = () => 500;
    happen(1);
    await world.advance(500);
    world.receiver = () => 410;
    happen(1, { id: 2 });
    await world.advance(500);
    happen(2);
    await world.advance(2000);
    expect([world.deliveries('1'), world.deliveries('2')]).toEqual([
      { a: 'Failed Gone' },
      { a: 'Failed Gone' },
    ]);
  });
});
