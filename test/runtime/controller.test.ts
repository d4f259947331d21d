import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ApiError } from '../../src/runtime/apiError.ts';
import { Backoff } from '../../src/runtime/backoff.ts';
import { Controller, type Reconcile, TerminalError } from '../../src/runtime/controller.ts';
import { WorkQueue } from '../../src/runtime/workQueue.ts';
import { FakeClock } from '../support/fakeClock.ts';

let clock: FakeClock;
let queue: WorkQueue;
let stop: AbortController;
let errors: unknown[][];
let results: [string, number][];
let running: Promise<void> | undefined;

beforeEach(() => {
  clock = new FakeClock();
  queue = new WorkQueue({ clock });
  stop = new AbortController();
  errors = [];
  results = [];
});

afterEach(async () => {
  stop.abort();
  await running;
});

const start = (reconcile: Reconcile, workers = 2): void => {
  running = new Controller({
    queue,
    reconcile,
    clock,
    workers,
    backoff: new Backoff({ initialMilliseconds: 1000, maxMilliseconds: 4000 }, () => 0.999_999),
    onError: (key, error, delay) =>
      errors.push([key, String(error), delay === undefined ? undefined : Math.round(delay)]),
    onReconciled: (...result) => results.push(result),
  }).run(stop.signal);
};

test('reconciles each key that is added, and again when it is due', async () => {
  const seen: string[] = [];
  start((key) => {
    seen.push(key);
    return Promise.resolve(seen.length === 1 ? { requeueAfterMilliseconds: 5000 } : undefined);
  });
  queue.add('shop/a');
  await clock.advance(4999);
  expect(seen).toEqual(['shop/a']);
  await clock.advance(1);
  expect(seen).toEqual(['shop/a', 'shop/a']);
  expect(results).toEqual([
    ['requeue_after', 0],
    ['success', 0],
  ]);
});

test('backs off after errors, of whatever kind, until a reconcile succeeds', async () => {
  let runs = 0;
  start(() => {
    runs += 1;
    if (runs === 1) throw new Error('at once');
    if (runs <= 4) return Promise.reject(new Error('late'));
    return Promise.resolve();
  });
  queue.add('shop/a');
  await clock.advance(11_000);
  expect(errors).toEqual([
    ['shop/a', 'Error: at once', 1000],
    ['shop/a', 'Error: late', 2000],
    ['shop/a', 'Error: late', 4000],
    ['shop/a', 'Error: late', 4000],
  ]);
  expect(results.map(([result]) => result)).toEqual(['error', 'error', 'error', 'error', 'success']);
  runs = 1;
  queue.add('shop/a');
  await clock.advance(0);
  expect(errors.at(-1)).toEqual(['shop/a', 'Error: late', 1000]);
});

test('comes back no sooner than the API server asks for', async () => {
  start(() => Promise.reject(new ApiError(429, 'TooManyRequests', 'later', 7000)));
  queue.add('shop/a');
  await clock.advance(0);
  expect(errors).toEqual([['shop/a', 'ApiError: later', 7000]]);
});

test('does not come back by itself after a terminal error', async () => {
  start(() => Promise.reject(new TerminalError('never')));
  queue.add('shop/a');
  await clock.advance(3_600_000);
  expect(errors).toEqual([['shop/a', 'TerminalError: never', undefined]]);
});

test('works on several keys at once, and on each of them once', async () => {
  const open: PromiseWithResolvers<void>[] = [];
  let [now, most] = [0, 0];
  start(async () => {
    now += 1;
    most = Math.max(most, now);
    open.push(Promise.withResolvers());
    await open.at(-1)?.promise;
    now -= 1;
  }, 3);
  for (const key of ['a', 'a', 'b', 'c', 'd']) queue.add(`shop/${key}`);
  queue.add('shop/a');
  await clock.advance(0);
  expect([now, most, queue.depth]).toEqual([3, 3, 1]);
  for (let i = 0; i < open.length; i += 1) {
    open[i]?.resolve();
    await clock.advance(0);
  }
  // a b c d, and a once more: it was added while it was worked on.
  expect([now, most, open.length]).toEqual([0, 3, 5]);
});

test('ends once what was under way has ended, and takes up nothing more', async () => {
  const open = Promise.withResolvers<void>();
  const seen: string[] = [];
  start((key) => (seen.push(key), open.promise), 1);
  queue.add('shop/a');
  queue.add('shop/b');
  await clock.advance(0);
  stop.abort();
  let ended = false;
  void running?.then(() => (ended = true));
  await clock.advance(1000);
  expect(ended).toBe(false);
  open.resolve();
  await running;
  expect(seen).toEqual(['shop/a']);
});

test('calls nothing an error that fails because it is to stop', async () => {
  start((_key, signal) => {
    const { promise, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => reject(new Error('aborted')));
    return promise;
  });
  queue.add('shop/a');
  await clock.advance(0);
  stop.abort();
  await running;
  expect([errors, results]).toEqual([[], []]);
});

test('started when it is already to stop, ends at once', async () => {
  stop.abort();
  start(() => Promise.reject(new Error('never called')));
  await running;
  expect(errors).toEqual([]);
});
