import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Sweeper, type SweeperOptions } from '../../src/reconcile/sweeper.ts';
import { ApiError } from '../../src/runtime/apiError.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aFinishedEvent, FinishedEvents, type FinishedOptions } from '../support/finishedEvents.ts';

const HOUR = 3_600_000;
const SECOND = 1000;
/** 10.5 s after what aFinishedEvent says by default. */
const NOW = '2026-11-25T00:00:21Z';

let clock: FakeClock;
let api: FinishedEvents;
let trusted: boolean;
let errors: string[];
let swept: string[];
let life: AbortController;

beforeEach(() => {
  clock = new FakeClock(NOW);
  api = new FinishedEvents();
  trusted = true;
  errors = [];
  swept = [];
  life = new AbortController();
});

afterEach(() => life.abort());

function aSweeper(options: Partial<SweeperOptions> = {}): Sweeper {
  return new Sweeper({
    ttlSucceededSeconds: 60,
    ttlFailedSeconds: 600,
    maxFinishedPerNamespace: -1,
    namespaces: [],
    list: (namespace) => api.list(namespace),
    read: (namespace, name) => api.read(namespace, name),
    delete: (metadata) => api.delete(metadata),
    clock,
    random: () => 0.5,
    clockIsTrusted: () => trusted,
    onError: (doing, error) => errors.push(`${doing}: ${String(error)}`),
    onSwept: ({ deleted, left }) => swept.push(`${deleted} deleted, ${left} left`),
    ...options,
  });
}

/** A sweeper that works. */
function aRunningSweeper(options: Partial<SweeperOptions> = {}): Sweeper {
  const sweeper = aSweeper(options);
  void sweeper.run(life.signal);
  return sweeper;
}

/** An event that is there already. */
const there = (name: string, options: FinishedOptions = {}) => api.put(aFinishedEvent({ name, ...options }));

/** Lets an event finish, now unless it says when. */
async function finish(sweeper: Sweeper, name: string, options: FinishedOptions = {}): Promise<void> {
  const completionTime = new Date(clock.now()).toISOString();
  await sweeper.finished(there(name, { completionTime, ...options }));
}

const label = (value: string) => ({ labels: { 'flagpost.dev/redeliver': value } });
const long = (ago: number) => new Date(clock.now() - ago).toISOString();
const old = { metadata: { creationTimestamp: '2026-11-01T00:00:00Z' } };

const unavailable = new ApiError(503, 'ServiceUnavailable', 'unavailable');
const tooOld = new ApiError(410, 'Expired', 'the continue token is too old');

describe('an event that finishes', () => {
  test.each<[what: string, event: FinishedOptions, defaults: Partial<SweeperOptions>, after: number]>([
    ['its own time to live', { ttl: 5 }, {}, 5],
    ['the default for those that succeeded', {}, {}, 60],
    ['the default for those that failed', { succeeded: 'False' }, {}, 600],
    ['a default of its own', {}, { ttlSucceededSeconds: 7 }, 7],
    ['the longest that is remembered', { ttl: 7 * 3600 }, {}, 7 * 3600],
  ])('is deleted within two seconds after %s', async (_, event, defaults, after) => {
    const sweeper = aRunningSweeper(defaults);
    await finish(sweeper, 'a', event);
    await clock.advance(after * SECOND - 1);
    expect(api.deleted).toEqual([]);
    await clock.advance(2 * SECOND);
    expect(api.deleted).toEqual(['a']);
  });

  test.each<[what: string, event: FinishedOptions, defaults: Partial<SweeperOptions>]>([
    ['it says so', { ttl: 0 }, {}],
    ['the default says so', {}, { ttlSucceededSeconds: 0 }],
    ['the clock is not trusted, and slow', { ttl: 0, completionTime: '2026-11-24T23:59:00Z' }, {}],
  ])('is deleted at once where its time to live is 0: %s', async (_, event, defaults) => {
    trusted = false;
    await finish(aSweeper(defaults), 'a', event);
    expect(api.deleted).toEqual(['a']);
  });

  test('is tried again where it could not be deleted at once', async () => {
    api.onDelete = () => {
      throw unavailable;
    };
    const sweeper = aRunningSweeper();
    await finish(sweeper, 'a', { ttl: 0 });
    expect(errors).toEqual(['delete a FlagEvent: ApiError: unavailable']);
    api.onDelete = () => {};
    await clock.advance(2 * SECOND);
    expect(api.deleted).toEqual(['a']);
  });

  test.each<[what: string, event: FinishedOptions]>([
    ['it says -1', { ttl: -1 }],
    ['it is to be sent again', { ttl: 0, metadata: label('17') }],
    ['it is going already, and a finalizer holds it', { ttl: 0, metadata: { deletionTimestamp: NOW } }],
  ])('stays where %s', async (_, event) => {
    const sweeper = aRunningSweeper();
    await finish(sweeper, 'a', event);
    await clock.advance(13 * HOUR);
    expect(api.asked).toEqual([]);
  });

  test('is deleted once it was sent again', async () => {
    const sweeper = aRunningSweeper();
    await finish(sweeper, 'a', { ttl: 0, metadata: label('17') });
    await finish(sweeper, 'a', { ttl: 0, metadata: label('17'), lastHandledRedeliver: '17' });
    expect(api.deleted).toEqual(['a']);
  });

  test('is deleted soon after its label was handled without anything to send', async () => {
    const sweeper = aRunningSweeper();
    await finish(sweeper, 'a', { ttl: 0, metadata: label('17') });
    await clock.advance(60 * SECOND);
    there('a', { ttl: 0, metadata: label('17'), lastHandledRedeliver: '17' });
    await clock.advance(21 * SECOND);
    expect(api.deleted).toEqual(['a']);
  });

  test('is not deleted where it was changed since; it is read, and deleted as it is now', async () => {
    const sweeper = aRunningSweeper();
    await finish(sweeper, 'a', { ttl: 5 });
    await finish(sweeper, 'again', { ttl: 5 });
    there('a', { ttl: 5, metadata: { labels: { team: 'shop' } } });
    there('again', { ttl: 5, completionTime: null });
    await clock.advance(7 * SECOND);
    expect([api.asked, api.deleted, api.reads]).toEqual([['a', 'again'], [], []]);
    await clock.advance(20 * SECOND);
    expect([api.deleted, api.reads]).toEqual([['a'], ['a', 'again']]);
  });

  test('and was changed before it could be deleted at once is deleted soon after', async () => {
    api.onDelete = () => {
      api.onDelete = () => {};
      there('a', { ttl: 0, metadata: { labels: { team: 'shop' } } });
    };
    const sweeper = aRunningSweeper();
    await finish(sweeper, 'a', { ttl: 0 });
    expect(api.deleted).toEqual([]);
    await clock.advance(20 * SECOND);
    expect(api.deleted).toEqual(['a']);
  });

  test('is not deleted where it was created again under its name', async () => {
    const sweeper = aRunningSweeper();
    await finish(sweeper, 'a', { ttl: 5 });
    there('a', { ttl: 5, metadata: { uid: aFinishedEvent({ name: 'another' }).metadata.uid } });
    await clock.advance(60 * SECOND);
    expect([api.deleted, api.reads]).toEqual([[], ['a']]);
  });

  test('and is gone already is no error', async () => {
    const sweeper = aRunningSweeper();
    await finish(sweeper, 'a', { ttl: 5 });
    api.remove('a');
    await clock.advance(60 * SECOND);
    expect({ asked: api.asked, reads: api.reads, errors }).toEqual({ asked: ['a'], reads: [], errors: [] });
  });

  test('that may not be deleted is left to the next sweep, and holds up no other', async () => {
    api.onDelete = (name) => {
      if (name === 'a') throw new ApiError(403, 'Forbidden', 'a policy says no');
    };
    const sweeper = aRunningSweeper();
    await finish(sweeper, 'a', { ttl: 5 });
    await finish(sweeper, 'b', { ttl: 5 });
    await clock.advance(60 * SECOND);
    expect({ asked: api.asked, left: api.names, errors }).toEqual({
      asked: ['a', 'b'],
      left: ['a'],
      errors: ['delete a FlagEvent: ApiError: a policy says no'],
    });
    await clock.advance(6 * HOUR);
    expect(api.asked).toEqual(['a', 'b', 'a']);
  });

  test('waits where the API server is away, and goes once it is back', async () => {
    api.onDelete = () => {
      throw unavailable;
    };
    const sweeper = aRunningSweeper();
    for (const name of ['a', 'b', 'c']) await finish(sweeper, name, { ttl: 5 });
    await clock.advance(HOUR);
    expect(api.asked.length).toBeLessThan(30);
    api.onDelete = () => {};
    await clock.advance(301 * SECOND);
    expect(api.deleted.toSorted()).toEqual(['a', 'b', 'c']);
  });

  test.each<[what: string, event: FinishedOptions, deleted: string[]]>([
    ['deleted where it has finished', { ttl: 5 }, ['a']],
    ['left alone where it has not', { ttl: 5, completionTime: null }, []],
  ])('without anybody having heard of it is read, and %s', async (_, event, deleted) => {
    const sweeper = aRunningSweeper();
    await clock.advance(SECOND);
    sweeper.maybeFinished(there('a', event));
    await clock.advance(30 * SECOND);
    expect({ deleted: api.deleted, reads: api.reads }).toEqual({ deleted, reads: ['a'] });
  });
});

describe('a sweep', () => {
  test('deletes at the start, page by page, what has expired, and leaves the rest', async () => {
    const completionTime = long(60 * SECOND);
    there('expired', { completionTime, ...old });
    there('kept', { completionTime, ttl: -1, ...old });
    there('failed', { completionTime, succeeded: 'False', ...old });
    there('of its own', { completionTime, ttl: 59, succeeded: 'False', ...old });
    there('again', { completionTime, metadata: { ...old.metadata, ...label('17') } });
    there('handled', {
      completionTime,
      metadata: { ...old.metadata, ...label('17') },
      lastHandledRedeliver: '17',
    });
    there('going', { completionTime, metadata: { ...old.metadata, deletionTimestamp: NOW } });
    there('unfinished', { completionTime: null, ...old });
    aRunningSweeper();
    await clock.advance(SECOND);
    expect(api.deleted).toEqual(['expired', 'of its own', 'handled']);
    expect(swept).toEqual(['3 deleted, 4 left']);
    expect(api.lists).toEqual([undefined]);
  });

  test('remembers what expires before the next', async () => {
    there('a', { completionTime: long(50 * SECOND), ...old });
    aRunningSweeper();
    await clock.advance(9 * SECOND);
    expect(api.deleted).toEqual([]);
    await clock.advance(3 * SECOND);
    expect(api.deleted).toEqual(['a']);
  });

  test('comes every 6 hours', async () => {
    there('a', { ttl: 8 * 3600 });
    aRunningSweeper();
    await clock.advance(6 * HOUR - SECOND);
    expect(api.lists).toHaveLength(1);
    await clock.advance(2 * SECOND);
    expect(api.lists).toHaveLength(2);
    await clock.advance(2 * HOUR + 2 * SECOND);
    expect(api.deleted).toEqual(['a']);
  });

  test('lists the namespaces that it is to work in, and no others', async () => {
    const completionTime = long(60 * SECOND);
    for (const namespace of ['shop', 'bank', 'mine']) {
      there(`in ${namespace}`, { namespace, completionTime, ...old });
    }
    aRunningSweeper({ namespaces: ['shop', 'bank'] });
    await clock.advance(SECOND);
    expect(api.lists).toEqual(['shop', 'bank']);
    expect(api.deleted).toEqual(['in shop', 'in bank']);
  });

  test('whose list has become too old lists anew and goes on', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) there(name, { completionTime: long(60 * SECOND), ...old });
    api.onPage = (page) => {
      if (page === 2 && api.lists.length === 1) throw tooOld;
    };
    aRunningSweeper();
    await clock.advance(2 * SECOND);
    expect(api.deleted).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect({ lists: api.lists.length, errors }).toEqual({ lists: 2, errors: [] });
  });

  test('that fails is tried again, later and later', async () => {
    there('a', { completionTime: long(60 * SECOND), ...old });
    api.onPage = () => {
      throw unavailable;
    };
    aRunningSweeper();
    await clock.advance(10 * 60 * SECOND);
    expect(errors.length).toBeGreaterThan(5);
    expect(errors.length).toBeLessThan(15);
    expect(new Set(errors)).toEqual(new Set(['sweep the FlagEvents: ApiError: unavailable']));
    api.onPage = () => {};
    await clock.advance(5 * 60 * SECOND);
    expect(api.deleted).toEqual(['a']);
  });

  test('goes past what somebody changed, or deleted, under its eyes, and comes back to it', async () => {
    for (const name of ['a', 'b', 'c']) there(name, { completionTime: long(60 * SECOND), ...old });
    api.pageSize = 3;
    api.onDelete = (name) => {
      if (name !== 'a') return;
      there('b', { completionTime: long(60 * SECOND), ...old });
      api.remove('c');
    };
    aRunningSweeper();
    await clock.advance(SECOND);
    expect(api.asked).toEqual(['a', 'b', 'c']);
    expect({ left: api.names, errors }).toEqual({ left: ['b'], errors: [] });
    await clock.advance(20 * SECOND);
    expect(api.names).toEqual([]);
  });

  test('deletes at most 200 a second', async () => {
    api.pageSize = 500;
    for (let index = 0; index < 2000; index += 1) {
      there(`event-${index}`, { completionTime: long(60 * SECOND), ...old });
    }
    aRunningSweeper();
    await clock.advance(5 * SECOND);
    expect(api.deleted.length).toBeGreaterThan(800);
    expect(api.deleted.length).toBeLessThanOrEqual(1001);
  });

  test('ends with its signal, in the middle', async () => {
    for (let index = 0; index < 100; index += 1) {
      there(`event-${index}`, { completionTime: long(60 * SECOND), ...old });
    }
    const ended = aSweeper().run(life.signal);
    await clock.advance(100);
    life.abort();
    await ended;
    const { length } = api.asked;
    expect(length).toBeGreaterThan(0);
    await clock.advance(HOUR);
    expect({ asked: api.asked.length, timers: clock.timers, errors }).toEqual({
      asked: length,
      timers: 0,
      errors: [],
    });
  });
});

describe('a wrong clock', () => {
  test('sweeps nothing until it is right again', async () => {
    there('swept', { completionTime: long(60 * SECOND), ...old });
    const sweeper = aRunningSweeper({ maxFinishedPerNamespace: 0 });
    trusted = false;
    await finish(sweeper, 'remembered', { ttl: 5 });
    await clock.advance(7 * HOUR);
    expect(api.asked).toEqual([]);
    trusted = true;
    await clock.advance(21 * SECOND);
    expect(api.deleted.toSorted()).toEqual(['remembered', 'swept']);
  });

  test('that jumps ahead in the middle of a sweep deletes nothing that has not expired', async () => {
    for (const name of ['a', 'b', 'c', 'd']) there(name, { completionTime: long(60 * SECOND), ...old });
    there('young', { completionTime: long(0) });
    api.onPage = (page) => {
      if (page !== 2) return;
      trusted = false;
      clock.adjustWall(365 * 24 * HOUR);
    };
    aRunningSweeper();
    await clock.advance(HOUR);
    expect(api.deleted).toEqual(['a', 'b']);
    clock.adjustWall(-365 * 24 * HOUR - HOUR);
    trusted = true;
    await clock.advance(10 * SECOND);
    expect(api.deleted).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('where there are too many', () => {
  const MOST = { maxFinishedPerNamespace: 2, ttlSucceededSeconds: -1, ttlFailedSeconds: -1 };

  test('the oldest go within a minute, those that succeeded first, in each namespace', async () => {
    const sweeper = aRunningSweeper(MOST);
    await finish(sweeper, 'failed', { succeeded: 'False' });
    await finish(sweeper, 'elsewhere', { namespace: 'bank' });
    for (const name of ['a', 'b', 'c']) {
      await clock.advance(SECOND);
      await finish(sweeper, name);
    }
    await finish(sweeper, 'kept', { ttl: -1, completionTime: long(HOUR), ...old });
    await clock.advance(60 * SECOND);
    expect(api.deleted).toEqual(['a', 'b', 'c']);
    expect(api.names.toSorted()).toEqual(['elsewhere', 'failed', 'kept']);
  });

  test('the rest of an earlier life goes too', async () => {
    for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      there(name, { completionTime: long((9 - index) * SECOND), ...old });
    }
    aRunningSweeper(MOST);
    await clock.advance(60 * SECOND);
    expect(api.deleted).toEqual(['a', 'b', 'c']);
  });

  test('what was deleted by hand is not missed', async () => {
    const sweeper = aRunningSweeper(MOST);
    await finish(sweeper, 'a');
    await finish(sweeper, 'b');
    api.remove('a');
    await finish(sweeper, 'c');
    await clock.advance(60 * SECOND);
    expect(api.asked).toEqual([]);
  });

  test('one list a namespace is enough, until something else finishes there', async () => {
    const sweeper = aRunningSweeper(MOST);
    for (const name of ['a', 'b', 'c']) await finish(sweeper, name, { ttl: -1 });
    await finish(sweeper, 'd', { metadata: label('17') });
    await clock.advance(5 * HOUR);
    expect({ asked: api.asked, lists: api.lists }).toEqual({ asked: [], lists: [undefined, 'shop'] });
    await finish(sweeper, 'e');
    await clock.advance(60 * SECOND);
    expect({ deleted: api.deleted, lists: api.lists.length }).toEqual({ deleted: ['e'], lists: 3 });
  });

  test('what somebody changed meanwhile is looked at again', async () => {
    const sweeper = aRunningSweeper(MOST);
    for (const name of ['a', 'b', 'c']) {
      await finish(sweeper, name);
      await clock.advance(SECOND);
    }
    const change = () => void there('a', { completionTime: long(30 * SECOND), ...old });
    api.onDelete = () => (api.asked.length === 1 ? change() : undefined);
    await clock.advance(60 * SECOND);
    expect({ asked: api.asked, deleted: api.deleted }).toEqual({ asked: ['a', 'a'], deleted: ['a'] });
  });

  test('a list that has become too old is made anew', async () => {
    const sweeper = aRunningSweeper(MOST);
    for (const name of ['a', 'b', 'c']) await finish(sweeper, name);
    api.onPage = (page) => {
      if (page === 2 && api.lists.length === 2) throw tooOld;
    };
    await clock.advance(60 * SECOND);
    expect({ deleted: api.deleted.length, errors }).toEqual({ deleted: 1, errors: [] });
  });

  test('nothing goes where there is no limit', async () => {
    const sweeper = aRunningSweeper({ ...MOST, maxFinishedPerNamespace: -1 });
    for (const name of ['a', 'b', 'c']) await finish(sweeper, name);
    await clock.advance(5 * HOUR);
    expect({ asked: api.asked, lists: api.lists }).toEqual({ asked: [], lists: [undefined] });
  });
});
