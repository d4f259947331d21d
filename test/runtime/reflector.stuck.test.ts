import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ListWatch } from '../../src/runtime/listWatch.ts';
import { Reflector } from '../../src/runtime/reflector.ts';
import { Store } from '../../src/runtime/store.ts';
import { FakeClock } from '../support/fakeClock.ts';
import type { StoredObject } from '../support/storedObject.ts';

type Watch = ListWatch<StoredObject>['watch'];

let clock: FakeClock;
let life: AbortController;

beforeEach(() => {
  clock = new FakeClock();
  life = new AbortController();
});

afterEach(() => life.abort());

const never = new Promise<never>(() => {});

function following(watch: Watch): Reflector<StoredObject> {
  return new Reflector({
    listWatch: { list: () => Promise.reject(new Error('no answer')), watch },
    store: new Store(),
    clock,
    random: () => 0.5,
  });
}

/** Shows nothing until it is given up. */
const silent: Watch = async function* (_options, signal) {
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  signal.throwIfAborted();
  yield* [];
};

test.each<[what: string, watch: Watch]>([
  [
    'begins',
    async function* () {
      yield await never;
    },
  ],
  [
    'has begun',
    async function* () {
      yield { type: 'BOOKMARK', resourceVersion: '10', initialEventsEnd: true };
      await never;
    },
  ],
])(
  'a reflector is stuck after 5 min where a watch that %s does not end when it is given up',
  async (_, watch) => {
    const reflector = following(watch);
    void reflector.start(life.signal);
    await clock.advance(300_000);
    expect(reflector.isStuck()).toBe(false);
    await clock.advance(1);
    expect(reflector.isStuck()).toBe(true);
  },
);

test('it is not stuck while the API server is away, however long', async () => {
  const reflector = following(silent);
  void reflector.start(life.signal);
  for (let minute = 0; minute < 60; minute += 1) {
    await clock.advance(60_000);
    expect(reflector.isStuck()).toBe(false);
  }
});

test('it is not stuck before it starts, nor after it has ended', async () => {
  const reflector = following(silent);
  await clock.advance(400_000);
  expect(reflector.isStuck()).toBe(false);
  const ended = reflector.start(life.signal);
  life.abort();
  await ended;
  await clock.advance(400_000);
  expect(reflector.isStuck()).toBe(false);
});
