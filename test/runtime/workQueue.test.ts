import { beforeEach, describe, expect, test } from '@jest/globals';
import { WorkQueue } from '../../src/runtime/workQueue.ts';
import { FakeClock } from '../support/fakeClock.ts';

let clock: FakeClock;
let queue: WorkQueue;
let depths: number[];

beforeEach(() => {
  clock = new FakeClock();
  depths = [];
  queue = new WorkQueue({ clock, onDepth: (depth) => depths.push(depth) });
});

/** Takes and gives back everything that waits now. */
const drain = async (): Promise<(string | undefined)[]> => {
  const keys = [];
  while (queue.depth > 0) {
    const key = await queue.take();
    keys.push(key);
    if (key !== undefined) queue.done(key);
  }
  return keys;
};

describe('a key', () => {
  test('that waits is given out once, however often it was added', async () => {
    queue.add('shop/a');
    queue.add('shop/a');
    expect(await drain()).toEqual(['shop/a']);
  });

  test('that is worked on is given to nobody else, and comes back once after that', async () => {
    queue.add('shop/a');
    await queue.take();
    queue.add('shop/a');
    queue.add('shop/a');
    queue.add('shop/b');
    expect(queue.depth).toBe(1);
    expect(await queue.take()).toBe('shop/b');
    queue.done('shop/a');
    expect(await drain()).toEqual(['shop/a']);
  });

  test('that was worked on and not added again does not come back', async () => {
    queue.add('shop/a');
    await queue.take();
    queue.done('shop/a');
    expect(queue.depth).toBe(0);
  });

  test('goes to whoever has waited for one', async () => {
    const first = queue.take();
    const second = queue.take();
    queue.add('shop/a');
    queue.add('shop/b');
    expect(await Promise.all([first, second])).toEqual(['shop/a', 'shop/b']);
    expect(depths.at(-1)).toBe(0);
  });
});

describe('the order', () => {
  test('is that of the adds within a namespace, and lets namespaces take turns', async () => {
    for (const key of ['shop/1', 'shop/2', 'shop/3', 'shop/4', 'bank/1', 'bank/2', 'post/1']) queue.add(key);
    expect(await drain()).toEqual(['shop/1', 'bank/1', 'post/1', 'shop/2', 'bank/2', 'shop/3', 'shop/4']);
  });

  test('puts low priority behind, but does not starve it', async () => {
    queue.add('shop/sweep', 'low');
    for (let i = 0; i < 30; i += 1) queue.add(`shop/${i}`);
    const keys = await drain();
    const position = keys.indexOf('shop/sweep');
    expect(position).toBeGreaterThan(0);
    expect(position).toBeLessThan(10);
  });

  test('raises a key of low priority that is added again, and never lowers one', async () => {
    queue.add('shop/a', 'low');
    queue.add('shop/b', 'low');
    queue.add('shop/c');
    queue.add('shop/b');
    queue.add('shop/c', 'low');
    expect(await drain()).toEqual(['shop/c', 'shop/b', 'shop/a']);
  });

  test('keeps the higher priority of adds while the key is worked on', async () => {
    queue.add('shop/a');
    await queue.take();
    queue.add('shop/a');
    queue.add('shop/a', 'low');
    queue.add('shop/b');
    queue.done('shop/a');
    queue.add('shop/sweep', 'low');
    expect(await drain()).toEqual(['shop/b', 'shop/a', 'shop/sweep']);
  });
});

describe('a delay', () => {
  test('holds the key until it is over', async () => {
    queue.addAfter('shop/a', 1000);
    await clock.advance(999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await drain()).toEqual(['shop/a']);
    expect(clock.timers).toBe(0);
  });

  test.each([
    [1000, 300],
    [300, 1000],
  ])('of %d ms and one of %d ms of one key end with the earlier', async (first, second) => {
    queue.addAfter('shop/a', first);
    queue.addAfter('shop/a', second);
    await clock.advance(300);
    expect(await drain()).toEqual(['shop/a']);
    await clock.advance(10_000);
    expect(queue.depth).toBe(0);
  });

  test.each([0, -5, NaN])('of %d ms is none', async (milliseconds) => {
    queue.addAfter('shop/a', milliseconds);
    expect(await drain()).toEqual(['shop/a']);
  });

  test('of a month ends after an hour', async () => {
    queue.addAfter('shop/a', 30 * 86_400_000);
    await clock.advance(3_599_999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(queue.depth).toBe(1);
  });

  test('until a wall time does not depend on what happens to the wall clock', async () => {
    queue.addAt('shop/a', clock.now() + 1000);
    clock.adjustWall(-86_400_000);
    await clock.advance(1000);
    expect(queue.depth).toBe(1);
  });

  test('of many keys ends in the order in which they are due', async () => {
    for (const delay of [50, 20, 90, 10, 70, 30]) queue.addAfter(`shop/${delay}`, delay);
    const order: (string | undefined)[] = [];
    for (let i = 0; i < 9; i += 1) {
      await clock.advance(10);
      order.push(...(await drain()));
    }
    expect(order).toEqual([10, 20, 30, 50, 70, 90].map((delay) => `shop/${delay}`));
    expect(clock.timers).toBe(0);
  });

  test('does not keep an add from coming at once', async () => {
    queue.addAfter('shop/a', 1000);
    queue.add('shop/a');
    expect(await drain()).toEqual(['shop/a']);
  });
});

test('after the end nothing is given out, and no timer is left', async () => {
  const waiting = queue.take();
  queue.addAfter('shop/a', 1000);
  queue.shutDown();
  expect(await waiting).toBeUndefined();
  queue.add('shop/b');
  queue.addAfter('shop/c', 1);
  expect(await queue.take()).toBeUndefined();
  expect(clock.timers).toBe(0);
});
