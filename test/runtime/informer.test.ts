import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ApiError } from '../../src/runtime/apiError.ts';
import { Informer } from '../../src/runtime/informer.ts';
import type { ListWatch, WatchEvent } from '../../src/runtime/listWatch.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aStoredObject, type StoredObject } from '../support/storedObject.ts';

type Event = WatchEvent<StoredObject>;

/** The API server's watches, one a scope, each fed by the test. */
class Watches {
  readonly feeds = new Map<string, (event: Event | Error) => void>();

  listWatch(scope: string): ListWatch<StoredObject> {
    const feeds = this.feeds;
    return {
      list: () => Promise.reject(new Error('is not asked for')),
      async *watch(_options, signal) {
        const events: (Event | Error)[] = [];
        let wake = () => {};
        feeds.set(scope, (event) => {
          events.push(event);
          wake();
        });
        signal.addEventListener('abort', () => wake());
        while (!signal.aborted) {
          const event = events.shift();
          if (event instanceof Error) throw event;
          if (event) yield event;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
        throw signal.reason;
      },
    };
  }

  show(scope: string, ...events: (Event | Error)[]): void {
    for (const event of events) this.feeds.get(scope)?.(event);
  }
}

const added = (name: string, namespace: string): Event => ({
  type: 'ADDED',
  object: aStoredObject(name, '1', name, namespace),
});
const END: Event = { type: 'BOOKMARK', resourceVersion: '1', initialEventsEnd: true };
const BOOKMARK: Event = { type: 'BOOKMARK', resourceVersion: '2', initialEventsEnd: false };

let clock: FakeClock;
let watches: Watches;
let changes: string[];
let errors: [string | undefined, unknown][];
let life: AbortController;
let informer: Informer<StoredObject>;
let ended: Promise<void>;

async function start(...namespaces: string[]): Promise<void> {
  clock = new FakeClock();
  watches = new Watches();
  changes = [];
  errors = [];
  life = new AbortController();
  informer = new Informer({
    namespaces,
    listWatch: (namespace) => watches.listWatch(namespace ?? '*'),
    clock,
    random: () => 0.5,
    onChange: ({ type, object }) =>
      changes.push(`${type} ${object.metadata.namespace}/${object.metadata.name}`),
    onError: (namespace, error) => errors.push([namespace, error]),
  });
  ended = informer.start(life.signal);
  await clock.advance(0);
}

beforeEach(() => start());
afterEach(async () => {
  life.abort();
  await ended;
});

describe('an informer of all namespaces', () => {
  test('follows them by one watch', async () => {
    expect([...watches.feeds.keys()]).toEqual(['*']);
    watches.show('*', added('a', 'shop'), added('b', 'bank'), END);
    await informer.synced();
    expect(informer.get('shop', 'a')?.value).toBe('a@1');
    expect(informer.get('bank', 'b')?.value).toBe('b@1');
    expect(informer.get('shop', 'b')).toBeUndefined();
    expect(informer.store('anywhere')?.size).toBe(2);
    expect(changes).toEqual(['added shop/a', 'added bank/b']);
  });

  test('has synced once everything was listed', async () => {
    watches.show('*', added('a', 'shop'));
    await clock.advance(1);
    expect(informer.hasSynced()).toBe(false);
    watches.show('*', END);
    await clock.advance(1);
    expect(informer.hasSynced()).toBe(true);
  });
});

describe('an informer of some namespaces', () => {
  beforeEach(async () => {
    life.abort();
    await ended;
    await start('shop', 'bank');
  });

  test('follows each by a watch of its own, and knows no other', async () => {
    expect([...watches.feeds.keys()]).toEqual(['shop', 'bank']);
    watches.show('shop', added('a', 'shop'), END);
    watches.show('bank', added('a', 'bank'), END);
    await informer.synced();
    expect(informer.get('shop', 'a')?.metadata.namespace).toBe('shop');
    expect(informer.get('bank', 'a')?.metadata.namespace).toBe('bank');
    expect(informer.store('other')).toBeUndefined();
    expect(informer.get('other', 'a')).toBeUndefined();
    expect(informer.isCurrent('other')).toBe(false);
  });

  test('has synced once all have', async () => {
    watches.show('shop', END);
    await clock.advance(1);
    expect(informer.hasSynced()).toBe(false);
    expect(informer.isCurrent('shop')).toBe(true);
    expect(informer.isCurrent('bank')).toBe(false);
    watches.show('bank', END);
    await clock.advance(1);
    expect(informer.hasSynced()).toBe(true);
  });

  test('says of which namespace a watch failed', async () => {
    const refusal = new ApiError(403, 'Forbidden', 'may not');
    watches.show('bank', refusal);
    await clock.advance(1);
    expect(errors).toEqual([['bank', refusal]]);
  });
});

describe('what the store holds is current', () => {
  test('not before everything was listed', async () => {
    watches.show('*', added('a', 'shop'));
    await clock.advance(1);
    expect(informer.isCurrent('shop')).toBe(false);
  });

  test('for 90 s after the watch has shown anything', async () => {
    watches.show('*', END);
    await clock.advance(60_000);
    watches.show('*', BOOKMARK);
    await clock.advance(0);
    await clock.advance(89_999);
    expect(informer.isCurrent('shop')).toBe(true);
    await clock.advance(1);
    expect(informer.isCurrent('shop')).toBe(false);
  });

  test('whatever the wall clock does', async () => {
    watches.show('*', END);
    await clock.advance(1000);
    clock.adjustWall(3_600_000);
    expect(informer.isCurrent('shop')).toBe(true);
  });
});
