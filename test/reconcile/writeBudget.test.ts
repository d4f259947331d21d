import { beforeEach, describe, expect, test } from '@jest/globals';
import { WriteBudget, type DueWrite, type WritePriority } from '../../src/reconcile/writeBudget.ts';
import { FakeClock } from '../support/fakeClock.ts';

const RATE = 100_000;

let clock: FakeClock;
let budget: WriteBudget;
/** What went, at which time and with which size, in order. */
let gone: { readonly name: string; readonly at: number; readonly bytes: number }[];
/** The keys that came back after a wait. */
let turns: string[];
/** What is done, by key, when it comes back. */
let asked: Map<string, () => void>;

beforeEach(() => {
  clock = new FakeClock();
  gone = [];
  turns = [];
  asked = new Map();
  budget = new WriteBudget({
    clock,
    bytesPerSecond: RATE,
    firstMayOweMilliseconds: 1000,
    queue: {
      add: (key) => {
        turns.push(key);
        asked.get(key)?.();
      },
    },
  });
});

/** Asks as the reconcilers do: at once, and again when it is the write's turn. */
function ask(name: string, bytes: number, { priority = 'normal', namespace = 'shop' }: Asked = {}): void {
  const write: DueWrite = { key: `${namespace}/${name}`, bytes, priority };
  const take = () => {
    if (budget.take(write)) gone.push({ name, at: clock.monotonic(), bytes });
  };
  asked.set(write.key, take);
  take();
}

interface Asked {
  readonly priority?: WritePriority;
  readonly namespace?: string;
}

const askFor = (prefix: string, count: number, bytes: number, more: Asked = {}) => {
  for (let index = 0; index < count; index += 1) ask(`${prefix}-${index}`, bytes, more);
};
const names = () => gone.map(({ name }) => name);
const times = () => gone.map(({ at }) => at);

/** The most bytes that went within so many milliseconds. */
function mostWithin(milliseconds: number): number {
  const sums = gone.map(({ at: from }) =>
    gone
      .filter(({ at }) => at >= from && at < from + milliseconds)
      .reduce((sum, { bytes }) => sum + bytes, 0),
  );
  return Math.max(...sums);
}

describe('a budget of 100 kB/s', () => {
  test('lets small writes that come together go at once', () => {
    askFor('small', 10, 1000);
    expect(times()).toEqual(Array.from({ length: 10 }, () => 0));
    expect(clock.timers).toBe(0);
  });

  test('never holds up small writes that stay below it', async () => {
    for (let index = 0; index < 200; index += 1) {
      ask(`small-${index}`, 250);
      await clock.advance(3);
    }
    expect(gone).toHaveLength(200);
    expect(turns).toEqual([]);
  });

  test('lets a large one go at once, and those after it once that is nearly made up for', async () => {
    askFor('large', 3, 200_000);
    expect(times()).toEqual([0]);
    await clock.advance(10_000);
    expect(times()).toEqual([0, 1900, 3900]);
  });

  test('lets first writes go a second earlier', async () => {
    askFor('large', 3, 200_000, { priority: 'first' });
    expect(times()).toEqual([0]);
    await clock.advance(10_000);
    expect(times()).toEqual([0, 1000, 3000]);
  });

  test.each([
    [1000, 300],
    [2500, 300],
    [140_000, 20],
  ])('is kept by writes of %d bytes, however many want to go', async (bytes, count) => {
    for (const priority of ['first', 'normal', 'low'] as const) {
      askFor(priority, count / 2, bytes, { priority });
    }
    await clock.advance(60_000);
    expect(gone).toHaveLength(count * 1.5);
    for (const seconds of [1, 5]) {
      expect(mostWithin(seconds * 1000)).toBeLessThanOrEqual((seconds + 1) * RATE + bytes);
    }
    // And it is used.
    const last = gone.at(-1)?.at ?? 0;
    expect(last).toBeLessThanOrEqual((count * 1.5 * bytes * 1000) / RATE + 1);
  });
});

describe('writes that wait', () => {
  beforeEach(() => ask('large', 300_000));

  test('go by priority', async () => {
    for (const priority of ['low', 'normal', 'first'] as const) askFor(priority, 2, 1000, { priority });
    await clock.advance(10_000);
    expect(names().slice(1)).toEqual(['first-0', 'first-1', 'normal-0', 'normal-1', 'low-0', 'low-1']);
  });

  test.each<[WritePriority, before: WritePriority]>([
    ['normal', 'first'],
    ['low', 'first'],
    ['low', 'normal'],
  ])(
    'of priority %s are not held up for ever by those of priority %s: a tenth is left',
    async (priority, before) => {
      askFor('wait', 20, 1000, { priority });
      askFor('before', 900, 1000, { priority: before });
      await clock.advance(1000 * 7);
      const waited = turns.filter((key) => key.startsWith('shop/wait')).length;
      expect(turns.length).toBeGreaterThan(400);
      expect(waited / turns.length).toBeGreaterThan(0);
      expect(waited / turns.length).toBeLessThanOrEqual(0.1);
      expect(turns.indexOf('shop/wait-0')).toBe(9);
    },
  );

  test('are not held up for ever by first writes that never wait either', async () => {
    askFor('normal', 2, 1000);
    // A little less than the budget, from when it is a second behind on.
    await clock.advance(2500);
    for (let index = 0; index < 1000; index += 1) {
      ask(`first-${index}`, 1000, { priority: 'first' });
      await clock.advance(10);
    }
    expect(names().indexOf('normal-1')).toBeLessThan(50);
  });

  test('of one namespace do not hold up those of another', async () => {
    askFor('large', 20, 50_000);
    askFor('small', 10, 1000, { namespace: 'other' });
    await clock.advance(4000);
    expect(names().slice(1, 12)).toEqual(
      expect.arrayContaining(Array.from({ length: 10 }, (_, index) => `small-${index}`)),
    );
  });

  test('keep their place when they are asked for again, and take the new size', async () => {
    askFor('first', 2, 1000);
    ask('first-0', 300_000);
    await clock.advance(2900);
    expect(names()).toEqual(['large', 'first-0']);
    await clock.advance(10_000);
    expect(names()).toEqual(['large', 'first-0', 'first-1']);
  });

  test('go earlier once they are more urgent', async () => {
    askFor('low', 2, 1000, { priority: 'low' });
    ask('low-1', 1000, { priority: 'first' });
    await clock.advance(10_000);
    expect(names()).toEqual(['large', 'low-1', 'low-0']);
  });

  test('and whose object is gone get no turn', async () => {
    askFor('normal', 2, 1000);
    budget.forget('shop/normal-0');
    await clock.advance(10_000);
    expect(names()).toEqual(['large', 'normal-1']);
  });

  test('get none after the end', async () => {
    askFor('normal', 2, 1000);
    budget.stop();
    expect(clock.timers).toBe(0);
  });
});

test.each<[WritePriority, wentAtOnce: boolean]>([
  ['first', true],
  ['normal', true],
  ['low', false],
])('a write of priority %s goes within the reconcile that asks: %p', (priority, wentAtOnce) => {
  const write = { key: 'shop/one', bytes: 1000, priority };
  expect(budget.take(write)).toBe(wentAtOnce);
  expect(turns).toEqual(wentAtOnce ? [] : ['shop/one']);
  expect(budget.take(write)).toBe(wentAtOnce || priority === 'low');
  // A turn is good for one write.
  expect(budget.take(write)).toBe(wentAtOnce);
});

describe('a write whose key can not come again', () => {
  const turn = async (name: string, bytes: number, signal: AbortSignal) => {
    await budget.turn({ key: `shop/${name}`, bytes, priority: 'normal' }, signal);
    gone.push({ name, at: clock.monotonic(), bytes });
  };

  test('goes at once, or is waited for among the others, and costs as much', async () => {
    const { signal } = new AbortController();
    void turn('at-once', 300_000, signal);
    await clock.advance(0);
    ask('former', 100_000);
    void turn('waits', 100_000, signal);
    ask('later', 1000);
    await clock.advance(10_000);
    expect(gone.map(({ name, at }) => [name, at])).toEqual([
      ['at-once', 0],
      ['former', 2900],
      ['waits', 3900],
      ['later', 4900],
    ]);
    expect(turns).toEqual(['shop/former', 'shop/later']);
  });

  test('is not waited for once the signal is aborted', async () => {
    const life = new AbortController();
    ask('large', 300_000);
    void turn('waits', 1000, life.signal);
    life.abort();
    void turn('late', 1000, life.signal);
    await clock.advance(0);
    expect(names()).toEqual(expect.arrayContaining(['waits', 'late']));
  });
});

describe('an event', () => {
  const begin = (name: string, bytes: number) => budget.begin(`shop/${name}`, bytes);

  test('is begun at once, however large, and again for each of its requests', () => {
    expect([begin('large', 1_400_000), begin('large', 1_400_000)]).toEqual([true, true]);
  });

  test('that was begun has its first write go at once, whatever else is written', () => {
    begin('begun', 10_000);
    ask('large', 500_000);
    ask('next', 1000);
    expect(names()).toEqual(['large']);
    ask('begun', 10_000, { priority: 'first' });
    expect(names()).toEqual(['large', 'begun']);
  });

  test('is not begun while the budget is more than a second behind, and comes once it is not', async () => {
    ask('large', 160_000);
    expect(begin('next', 1000)).toBe(false);
    await clock.advance(599);
    expect(turns).toEqual([]);
    await clock.advance(1);
    expect(turns).toEqual(['shop/next']);
    expect(begin('next', 1000)).toBe(true);
    expect(clock.timers).toBe(0);
  });

  test('is not begun while the first writes of those that were begun will take more than a second', () => {
    const begun = Array.from({ length: 10 }, (_, index) => begin(`event-${index}`, 30_000));
    expect(begun.filter(Boolean)).toHaveLength(4);
  });

  test('costs what it turns out to cost', async () => {
    begin('large', 200_000);
    expect(begin('next', 1000)).toBe(false);
    ask('large', 50_000, { priority: 'first' });
    expect(turns).toEqual(['shop/next']);
  });

  test('that is gone before it was written costs nothing', () => {
    begin('large', 200_000);
    expect(begin('next', 1000)).toBe(false);
    budget.forget('shop/large');
    expect(turns).toEqual(['shop/next']);
  });

  test('waits for its turn beside those of other namespaces', async () => {
    ask('large', 160_000);
    for (const index of [0, 1, 2]) begin(`event-${index}`, 30_000);
    for (const index of [0, 1]) budget.begin(`other/event-${index}`, 10_000);
    await clock.advance(2000);
    expect(turns).toEqual(['shop/event-0', 'other/event-0', 'other/event-1', 'shop/event-1', 'shop/event-2']);
  });
});
