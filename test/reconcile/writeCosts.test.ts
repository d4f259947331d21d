import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FlagEventStatus } from '../../src/api/flagEvent.ts';
import { storedSize } from '../../src/delivery/storedSize.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { EventWorld } from '../support/eventWorld.ts';
import { anEndpoint, anEvent } from '../support/fixtures.ts';

const BUDGET = 2_000_000;
const LARGE = aFlagUpdated({ filler: 'x'.repeat(400 * 1024) });
const LARGE_BYTES = storedSize({ ...anEvent(), spec: LARGE });

interface Write {
  readonly event: string;
  readonly at: number;
  readonly bytes: number;
  readonly status: FlagEventStatus;
}

let world: EventWorld;
let writes: Write[];

beforeEach(async () => {
  world = await EventWorld.recording({ maxInFlight: 256 });
  count(0);
});

afterEach(() => world.stop());

/** Counts writes from now on, of events whose payload takes so many bytes. */
function count(payloadBytes: number): void {
  writes = [];
  world.onWrite = (_before, status, event) =>
    writes.push({
      event,
      at: world.clock.monotonic(),
      bytes: payloadBytes + storedSize(status),
      status,
    });
}

const addEndpoints = (prefix: string, number: number, spec: object = {}) => {
  for (let index = 0; index < number; index += 1)
    world.addEndpoint(anEndpoint({ name: `${prefix}-${index}`, spec }));
};
const of = (event: string) => writes.filter((write) => write.event === event);
const sizeOf = (some: readonly Write[]) => some.reduce((sum, { bytes }) => sum + bytes, 0);
const mostWithin = (milliseconds: number) =>
  Math.max(
    ...writes.map(({ at: from }) =>
      sizeOf(writes.filter(({ at }) => at >= from && at < from + milliseconds)),
    ),
  );

/** Lets time pass, and answers what is open each 100 ms, so that outcomes come together. */
async function answerFor(milliseconds: number, statusCode: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 100) {
    for (const request of world.open) request.answer(statusCode);
    await world.advance(100);
  }
}

test('1,000 failing endpoints of one event with a large body cost a write in the time that its size takes', async () => {
  addEndpoints('failing', 1000, {
    retry: { initialDelaySeconds: 1, maxDelaySeconds: 10, giveUpAfterSeconds: 60 },
  });
  world.receiver = () => undefined;
  count(LARGE_BYTES);
  world.create('large', { spec: LARGE });
  await answerFor(30_000, 500);
  const requestsThen = world.requests.length;
  await answerFor(120_000, 500);

  const pauses = writes.slice(1).map(({ at }, index) => at - (writes[index]?.at ?? 0));
  const wanted = writes.slice(0, -1).map(({ bytes }) => bytes / 100);
  expect(pauses.map((pause, index) => pause >= (wanted[index] ?? 0))).toEqual(pauses.map(() => true));
  expect(Math.min(...wanted)).toBeGreaterThan(6000);

  // And it goes on, to its end.
  expect(requestsThen).toBeGreaterThan(1000);
  expect(world.requests.length).toBeGreaterThan(3000);
  expect(world.reason('large')).toBe('DeliveryFailed');
  const { deliveries = [] } = world.status('large') ?? {};
  expect(deliveries.reduce((sum, { attempts = 0 }) => sum + attempts, 0)).toBe(world.requests.length);
  expect(world.failures).toEqual([]);
}, 120_000);

test('retries of an event with 900 failing endpoints do not hold up the first attempts of the next', async () => {
  addEndpoints('failing', 900, { retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 } });
  // It speaks of the event: no circuit opens.
  world.receiver = () => 400;
  world.create('first');
  await world.advance(5000);
  world.create('second');
  await world.advance(25_000);
  const { deliveries = [] } = world.status('second') ?? {};
  expect(deliveries.filter(({ attempts = 0 }) => attempts === 0)).toEqual([]);
});

describe('many events with large bodies', () => {
  test('stay within the budget together, are begun only as they can be recorded, and all end', async () => {
    const EVENTS = 40;
    addEndpoints('endpoint', 20, {
      retry: { initialDelaySeconds: 1, maxDelaySeconds: 2, giveUpAfterSeconds: 60 },
    });
    world.receiver = ({ endpoint }) => (endpoint === 'endpoint-0' ? 400 : 200);
    count(LARGE_BYTES);
    let unwritten = 0;
    const begun = new Set<string>();
    world.onSend = () => {
      for (const { metadata } of world.store.all()) {
        const { uid, name } = metadata;
        if (world.works.get(uid)?.firstSentAt !== undefined) begun.add(name);
      }
      const written = new Set(writes.map(({ event }) => event));
      unwritten = Math.max(unwritten, [...begun].filter((name) => !written.has(name)).length);
    };
    for (let index = 0; index < EVENTS; index += 1) world.create(`large-${index}`, { spec: LARGE });
    await world.advance(200_000);

    const object = LARGE_BYTES + 20_000;
    for (const seconds of [1, 5, 20]) {
      // A second's worth may go ahead.
      expect(mostWithin(seconds * 1000)).toBeLessThanOrEqual((seconds + 1) * BUDGET + object);
    }
    // What is begun is written within about a second: no more than that takes is begun at once.
    expect(unwritten).toBeGreaterThan(1);
    expect(unwritten).toBeLessThanOrEqual(Math.ceil(BUDGET / LARGE_BYTES) + 1);
    for (let index = 0; index < EVENTS; index += 1)
      expect(world.reason(`large-${index}`)).toBe('DeliveryFailed');
    expect(world.failures).toEqual([]);
  });

  test('of which the first attempts fail do not hold up the first write of a small one', async () => {
    addEndpoints('failing', 1, {
      eventTypes: ['FLAG_UPDATED'],
      retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 },
    });
    world.receiver = ({ endpoint }) => (endpoint === 'failing-0' ? 400 : 200);
    count(LARGE_BYTES);
    for (let index = 0; index < 60; index += 1) world.create(`large-${index}`, { spec: LARGE });
    await world.advance(30_000);
    addEndpoints('healthy', 1);
    for (let round = 0; round < 10; round += 1) {
      world.create(`small-${round}`);
      await world.advance(3000);
      expect(of(`small-${round}`)).toHaveLength(1);
      expect(world.deliveries(`small-${round}`)['healthy-0']).toBe('Succeeded Delivered');
    }
  });
});

describe('deliveries that begin to wait', () => {
  const EVENTS = 60;
  const retry = { initialDelaySeconds: 3600 };
  const setSuspended = (suspend: boolean, generation: number) =>
    world.addEndpoint(anEndpoint({ name: 'a-0', metadata: { generation }, spec: { suspend, retry } }));
  const waits = () => writes.filter(({ event }) => event.startsWith('large')).map(({ event }) => event);

  beforeEach(async () => {
    addEndpoints('a', 1, { eventTypes: ['FLAG_UPDATED'], retry });
    world.receiver = () => 400;
    count(LARGE_BYTES);
    for (let index = 0; index < EVENTS; index += 1) world.create(`large-${index}`, { spec: LARGE });
    await world.advance(60_000);
    expect(new Set(waits()).size).toBe(EVENTS);
    count(LARGE_BYTES);
  });

  test('are written once, and after the first writes of fresh events', async () => {
    setSuspended(true, 2);
    await world.advance(2000);
    addEndpoints('b', 1);
    world.receiver = () => 200;
    for (let index = 0; index < 5; index += 1) world.create(`fresh-${index}`, { spec: LARGE });
    await world.advance(4000);
    expect(waits().length).toBeLessThan(EVENTS / 2);
    expect(writes.filter(({ event }) => event.startsWith('fresh'))).toHaveLength(5);

    await world.advance(60_000);
    const all = Array.from({ length: EVENTS }, (_, index) => `large-${index}`);
    expect(waits().toSorted()).toEqual(all.toSorted());
    expect(world.deliveries('large-0')).toEqual({ 'a-0': 'Pending Suspended' });
  });

  test('and cease to before that could be written save nothing up for the next time', async () => {
    world.receiver = () => undefined;
    setSuspended(true, 2);
    await world.advance(1000);
    setSuspended(false, 3);
    await world.advance(30_000);
    const written = waits().length;
    expect(written).toBeLessThan(EVENTS / 2);
    setSuspended(true, 4);
    await world.advance(30_000);
    expect(waits().length).toBeGreaterThan(EVENTS / 2);
    expect(mostWithin(1000)).toBeLessThanOrEqual(2 * BUDGET + LARGE_BYTES);
  });
});

test('10,000 pending deliveries behind a flapping circuit cost no write but the one that says that they wait', async () => {
  const FRESH = 1000;
  const EVENTS = 10_000;
  addEndpoints('a', 1, { maxInFlight: 1 });
  world.receiver = () => 503;
  for (let index = 0; index < FRESH; index += 1) world.create(`event-${index}`);
  await world.advance(6000);
  const status = world.status(`event-${FRESH - 1}`);
  expect(status?.deliveries).toMatchObject([{ state: 'Pending', reason: 'CircuitOpen', attempts: 0 }]);
  // The others have been written as waiting before.
  for (let index = FRESH; index < EVENTS; index += 1) world.create(`event-${index}`, { status });
  await world.advance(1000);
  expect(world.pending.size).toBe(EVENTS);

  // A probe closes it, then five failures open it.
  let answered = 0;
  world.receiver = () => ((answered += 1) % 10 < 5 ? 200 : 503);
  await world.advance(32_000);
  expect(world.pending.size).toBeGreaterThan(EVENTS - 100);
  const attempts = Map.groupBy(world.attempts, ({ event }) => event.metadata.name);
  const written = Map.groupBy(writes, ({ event }) => event);
  expect(attempts.size).toBeGreaterThan(20);
  // An attempt is written, and that its delivery waits again where it has failed.
  const dear = [...written].filter(
    ([event, { length }]) => length > (isFresh(event) ? 1 : 0) + 2 * (attempts.get(event)?.length ?? 0),
  );
  expect(dear).toEqual([]);
  expect([...written.keys()].filter(isFresh)).toHaveLength(FRESH);

  function isFresh(event: string): boolean {
    return Number(event.replace('event-', '')) < FRESH;
  }
}, 60_000);
