import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { UID } from '../../src/api/objectMeta.ts';
import { Lanes } from '../../src/reconcile/lanes.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { uid } from '../support/fixtures.ts';

interface Running {
  readonly name: string;
  readonly begunAt: number;
  readonly signal: AbortSignal;
  readonly end: () => void;
}

/** Lanes whose attempts run until they are told to end. They are called `namespace/endpoint/event`; events age by number. */
class Track {
  readonly started: string[] = [];
  readonly running = new Map<string, Running>();
  readonly limits = new Map<UID, number>();
  readonly testLimits = new Map<UID, number>();
  readonly probing = new Set<UID>();
  readonly failing = new Set<UID>();
  readonly clock = new FakeClock();
  /** Called before an attempt is added to those that are running. */
  onStart: (name: string) => void = () => {};
  /** When an attempt became due; 0 for a first one. */
  readonly dueAt = new Map<string, number>();
  /** Called when an attempt has ended. */
  onEnded: (name: string) => void = () => {};
  readonly lanes: Lanes;

  constructor(maxInFlight: number, limit = Infinity) {
    this.lanes = new Lanes({
      maxInFlight,
      limit: (endpoint) => this.limits.get(endpoint) ?? limit,
      testLimit: (endpoint) => this.testLimits.get(endpoint) ?? Infinity,
      isProbing: (endpoint) => this.probing.has(endpoint),
      isFailing: (endpoint) => this.failing.has(endpoint),
      clock: this.clock,
    });
  }

  offer(...names: string[]): void {
    for (const name of names) {
      const [namespace = '', endpoint = '', event = ''] = name.split('/');
      this.lanes.offer({
        namespace,
        endpointUID: uid(endpoint),
        eventUID: uid(event),
        dueAt: this.dueAt.get(name) ?? 0,
        age: ageOf(event),
        run: (signal) => this.#run(name, signal),
        ended: () => this.onEnded(name),
      });
    }
  }

  /** Offers requests of tests, each with a name like an attempt's. */
  test(...names: string[]): void {
    for (const name of names) {
      const [namespace = '', endpoint = '', id = ''] = name.split('/');
      this.lanes.offerTest({
        namespace,
        endpointUID: uid(endpoint),
        eventUID: uid(id),
        run: (signal) => this.#run(name, signal),
        ended: () => this.onEnded(name),
      });
    }
  }

  #run(name: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve: end } = Promise.withResolvers<void>();
    this.onStart(name);
    this.started.push(name);
    this.running.set(name, { name, begunAt: this.clock.now(), signal, end });
    return promise;
  }

  /** Sets whether an endpoint's last attempt has failed. */
  fail(endpoint: string, fails = true): void {
    if (fails) this.failing.add(uid(endpoint));
    else this.failing.delete(uid(endpoint));
    this.lanes.wake(uid(endpoint));
  }

  cancel(name: string): void {
    const [, endpoint = '', event = ''] = name.split('/');
    this.lanes.cancel(uid(event), uid(endpoint));
  }

  async end(...names: string[]): Promise<void> {
    for (const name of names) {
      this.running.get(name)?.end();
      this.running.delete(name);
      await settle();
    }
  }

  get now(): string[] {
    return [...this.running.keys()];
  }
}

const ageOf = (event: string) => ({ createdAt: Number(event), occurredAt: '', name: event });

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('tests', () => {
  test('go ahead of what waits, whatever holds that, and take a place each', async () => {
    const track = new Track(100, 0);
    track.testLimits.set(uid('x'), 2);
    track.offer('a/x/1');
    track.test('a/x/t1', 'a/x/t2', 'a/x/t3');
    expect(track.now).toEqual(['a/x/t1', 'a/x/t2']);
    track.limits.set(uid('x'), 2);
    await track.end('a/x/t1');
    expect(track.now).toEqual(['a/x/t2', 'a/x/t3']);
    await track.end('a/x/t2');
    expect(track.now).toEqual(['a/x/t3', 'a/x/1']);
  });

  test('wait for a place where attempts hold all', async () => {
    const track = new Track(100, 1);
    track.testLimits.set(uid('x'), 1);
    track.offer('a/x/1', 'a/x/2');
    track.test('a/x/t1');
    expect(track.now).toEqual(['a/x/1']);
    await track.end('a/x/1');
    expect(track.now).toEqual(['a/x/t1']);
  });

  test('are not counted among the attempts that were begun before a limit', () => {
    const seen: number[] = [];
    const lanes = new Lanes({
      maxInFlight: 9,
      limit: (_endpoint, begun) => seen.push(begun.length),
      testLimit: () => 9,
      isProbing: () => false,
      isFailing: () => false,
      clock: new FakeClock(),
    });
    const job = {
      namespace: 'a',
      endpointUID: uid('x'),
      run: () => new Promise<void>(() => {}),
      ended: () => {},
    };
    lanes.offerTest({ ...job, eventUID: uid('t1') });
    lanes.offer({ ...job, eventUID: uid('1'), dueAt: 0, age: ageOf('1') });
    expect(seen[0]).toBe(0);
  });

  test('take slots as attempts do', () => {
    const track = new Track(1);
    track.offer('b/y/1');
    track.test('a/x/t1');
    expect(track.now).toEqual(['b/y/1']);
  });

  test('are taken back like attempts, and their lane is forgotten', async () => {
    const track = new Track(100);
    track.testLimits.set(uid('x'), 1);
    track.test('a/x/t1', 'a/x/t2');
    track.cancel('a/x/t2');
    track.cancel('a/x/t1');
    expect(track.running.get('a/x/t1')?.signal.aborted).toBe(true);
    await track.end('a/x/t1');
    expect(track.started).toEqual(['a/x/t1']);
    expect(track.lanes.inFlight).toBe(0);
  });

  test('are not begun any more once everything is to stop, and those in flight are waited for', async () => {
    const track = new Track(100);
    track.test('a/x/t1');
    let drained = false;
    void track.lanes.drain(new AbortController().signal).then(() => (drained = true));
    track.test('a/x/t2');
    await settle();
    expect([track.now, drained]).toEqual([['a/x/t1'], false]);
    await track.end('a/x/t1');
    expect(drained).toBe(true);
  });
});

describe('limits', () => {
  test("at most the endpoint's limit of attempts are open to it, the oldest first", async () => {
    const track = new Track(100, 2);
    track.offer('a/x/1', 'a/x/2', 'a/x/3', 'a/x/4', 'a/y/1');
    expect(track.now).toEqual(['a/x/1', 'a/x/2', 'a/y/1']);
    await track.end('a/x/2');
    expect(track.now).toEqual(['a/x/1', 'a/y/1', 'a/x/3']);
    await track.end('a/x/1', 'a/x/3');
    expect(track.started).toEqual(['a/x/1', 'a/x/2', 'a/y/1', 'a/x/3', 'a/x/4']);
  });

  test('at most so many are open in all', async () => {
    const track = new Track(4);
    track.offer('a/x/1', 'b/y/1', 'c/z/1', 'd/u/1', 'e/v/1');
    expect(track.now).toEqual(['a/x/1', 'b/y/1', 'c/z/1', 'd/u/1']);
    expect(track.lanes.inFlight).toBe(4);
    await track.end('c/z/1');
    expect(track.now).toEqual(['a/x/1', 'b/y/1', 'd/u/1', 'e/v/1']);
  });

  test.each([
    [1, 1, 0],
    [2, 2, 0],
    [3, 3, 0],
    [4, 3, 1],
    [8, 6, 2],
    [10, 8, 2],
    [16, 12, 4],
    [20, 15, 4],
    [256, 192, 4],
  ])('of %d slots one namespace takes at most %d, and then another one %d', (maxInFlight, share, few) => {
    const track = new Track(maxInFlight);
    for (let event = 0; event < 300; event += 1) track.offer(`a/x/${event}`);
    expect(track.now).toHaveLength(share);
    for (let event = 0; event < 300; event += 1) track.offer(`b/y/${event}`);
    expect(track.now).toHaveLength(share + few);
  });

  test('a limit that is raised is used when the lane is woken', () => {
    const track = new Track(100, 1);
    track.offer('a/x/1', 'a/x/2', 'a/x/3', 'a/x/4');
    track.limits.set(uid('x'), 3);
    expect(track.now).toHaveLength(1);
    track.lanes.wake(uid('x'));
    expect(track.now).toEqual(['a/x/1', 'a/x/2', 'a/x/3']);
  });

  test('a limit that is lowered lets what is open end, and starts nothing before', async () => {
    const track = new Track(100, 3);
    track.offer('a/x/1', 'a/x/2', 'a/x/3', 'a/x/4');
    track.limits.set(uid('x'), 1);
    await track.end('a/x/1', 'a/x/2');
    expect(track.now).toEqual(['a/x/3']);
    await track.end('a/x/3');
    expect(track.now).toEqual(['a/x/4']);
  });

  test('waking a lane that does not exist does nothing', () => {
    const track = new Track(1);
    track.lanes.wake(uid('nobody'));
    expect(track.lanes.inFlight).toBe(0);
  });
});

describe('order in a lane', () => {
  test('is by age, whenever an attempt came', async () => {
    const track = new Track(100, 1);
    track.limits.set(uid('x'), 0);
    track.offer('a/x/3', 'a/x/1', 'a/x/4', 'a/x/2');
    track.cancel('a/x/1');
    track.offer('a/x/1');
    expect(track.started).toEqual([]);
    track.limits.set(uid('x'), 1);
    track.lanes.wake(uid('x'));
    await track.end('a/x/1', 'a/x/2', 'a/x/3', 'a/x/4');
    expect(track.started).toEqual(['a/x/1', 'a/x/2', 'a/x/3', 'a/x/4']);
  });

  test('a limit of 0 holds a lane, and no other one', () => {
    const track = new Track(100);
    track.limits.set(uid('x'), 0);
    track.offer('a/x/1', 'a/y/2', 'b/z/3');
    expect(track.now).toEqual(['a/y/2', 'b/z/3']);
  });

  test.each<[what: string, dueAt: Record<string, number>, first: string]>([
    ['the one that was created first where none was tried', {}, 'a/x/1'],
    ['a younger one that became due before', { 'a/x/1': 50, 'a/x/2': 40, 'a/x/3': 60 }, 'a/x/2'],
    ['one that was never tried, before those that became due later', { 'a/x/1': 50, 'a/x/2': 40 }, 'a/x/3'],
    ['the older of two that became due at once', { 'a/x/1': 40, 'a/x/2': 40, 'a/x/3': 40 }, 'a/x/1'],
  ])('a probe is the delivery that has been due longest: %s', async (_what, dueAt, first) => {
    const track = new Track(100, 1);
    for (const [name, time] of Object.entries(dueAt)) track.dueAt.set(name, time);
    track.limits.set(uid('x'), 0);
    track.probing.add(uid('x'));
    track.offer('a/x/3', 'a/x/2', 'a/x/1');
    track.limits.set(uid('x'), 1);
    track.lanes.wake(uid('x'));
    expect(track.started).toEqual([first]);
    // What a probe took is not begun again where the rest goes by age.
    track.probing.clear();
    await track.end(first);
    const rest = ['a/x/1', 'a/x/2', 'a/x/3'].filter((name) => name !== first);
    await track.end(...rest);
    expect(track.started).toEqual([first, ...rest]);
  });
});

describe('lanes in trouble', () => {
  test.each([
    [1, 1, 1],
    [2, 1, 2],
    [3, 1, 3],
    [4, 2, 3],
    [9, 4, 7],
    [256, 128, 192],
  ])('of %d slots those whose last attempt has failed take at most %d', async (maxInFlight, half, share) => {
    const track = new Track(maxInFlight);
    track.fail('x');
    track.fail('y');
    for (let event = 0; event < 300; event += 1) track.offer(`a/x/${event}`, `a/y/${event}`);
    expect(track.now).toHaveLength(half);
    for (let event = 0; event < 300; event += 1) track.offer(`a/z/${event}`);
    expect(track.now).toHaveLength(Math.max(half, share));

    const endsOf = (endpoint: string) => track.now.find((name) => name.startsWith(`a/${endpoint}/`)) ?? '';
    await track.end(endsOf('x') || endsOf('y'));
    const troubled = track.now.filter((name) => !name.startsWith('a/z/'));
    expect(troubled).toHaveLength(half);
  });

  test('keep their turn among the others while less than half is theirs', async () => {
    const track = new Track(3, 1);
    track.fail('x');
    track.offer('c/first/0', 'c/second/0', 'c/third/0', 'a/w/1', 'a/x/2', 'a/y/3', 'b/z/4');
    await track.end('c/first/0', 'c/second/0', 'c/third/0', 'a/w/1');
    expect(track.started.slice(3)).toEqual(['a/w/1', 'b/z/4', 'a/x/2', 'a/y/3']);
  });

  test('an attempt that has run for 2 s makes its lane one of them, until it ends', async () => {
    const track = new Track(4, 2);
    track.offer('a/x/1', 'b/y/1', 'a/x/3', 'b/y/2');
    await track.clock.advance(1000);
    await track.end('b/y/1', 'b/y/2');
    track.offer('a/x/4');
    expect(track.now).toEqual(['a/x/1', 'a/x/3']);
    track.limits.set(uid('x'), 3);
    await track.clock.advance(1000);
    track.lanes.wake(uid('x'));
    expect(track.now).toEqual(['a/x/1', 'a/x/3']);
    track.offer('b/y/5');
    expect(track.now).toEqual(['a/x/1', 'a/x/3', 'b/y/5']);
    await track.end('a/x/1');
    expect(track.now).toEqual(['a/x/3', 'b/y/5', 'a/x/4']);
  });

  test('nothing is timed for a lane in which nothing runs', async () => {
    const track = new Track(1);
    track.offer('a/x/1', 'a/x/2');
    await track.end('a/x/1', 'a/x/2');
    expect(track.clock.timers).toBe(0);
  });

  test('one that has recovered is free at once', () => {
    const track = new Track(4);
    track.fail('x');
    track.offer('a/x/1', 'a/x/2', 'a/x/3', 'a/x/4');
    expect(track.now).toEqual(['a/x/1', 'a/x/2']);
    track.fail('x', false);
    expect(track.now).toEqual(['a/x/1', 'a/x/2', 'a/x/3']);
    track.fail('y');
    track.offer('b/y/1');
    expect(track.now).toEqual(['a/x/1', 'a/x/2', 'a/x/3', 'b/y/1']);
  });
});

test('a limit is asked for with when those that are open were begun', async () => {
  const asked: (readonly number[])[] = [];
  const clock = new FakeClock(5000);
  const lanes = new Lanes({
    maxInFlight: 9,
    limit: (_endpoint, begun) => {
      asked.push(begun);
      return 9;
    },
    testLimit: () => 0,
    isProbing: () => false,
    isFailing: () => false,
    clock,
  });
  const offer = (event: string) => {
    const run = () => new Promise<void>(() => {});
    lanes.offer({
      namespace: 'a',
      endpointUID: uid('x'),
      eventUID: uid(event),
      dueAt: 0,
      age: ageOf(event),
      run,
      ended: () => {},
    });
  };
  offer('1');
  await clock.advance(1000);
  offer('2');
  await clock.advance(500);
  offer('3');
  expect(asked[0]).toEqual([]);
  expect(asked.at(-2)).toEqual([5000, 6000]);
});

describe('turns', () => {
  let track: Track;

  /** Ends what is open, one by one, until nothing is. */
  async function drained(): Promise<string[]> {
    for (let name = track.now[0]; name !== undefined; name = track.now[0]) await track.end(name);
    return track.started;
  }

  beforeEach(() => {
    track = new Track(1);
    track.offer('a/first/0');
  });

  test('go round by namespace, however many one of them has', async () => {
    track.offer('a/x/1', 'a/x/2', 'a/x/3', 'b/y/1', 'c/z/1', 'b/y/2');
    expect(await drained()).toEqual(['a/first/0', 'a/x/1', 'b/y/1', 'c/z/1', 'a/x/2', 'b/y/2', 'a/x/3']);
  });

  test('go round by endpoint within a namespace', async () => {
    track.offer('a/x/1', 'a/x/2', 'a/x/3', 'a/y/1', 'a/y/2', 'b/z/1', 'b/z/2');
    expect(await drained()).toEqual([
      'a/first/0',
      'a/x/1',
      'b/z/1',
      'a/y/1',
      'b/z/2',
      'a/x/2',
      'a/y/2',
      'a/x/3',
    ]);
  });

  test('an endpoint at its limit keeps no other one from its turn', async () => {
    const busy = new Track(2, 1);
    busy.offer('a/x/1', 'a/x/2', 'a/x/3', 'a/y/1');
    expect(busy.now).toEqual(['a/x/1', 'a/y/1']);
  });
});

describe('offering', () => {
  test('an attempt that waits already, or runs, is not queued twice', async () => {
    const track = new Track(100, 1);
    track.offer('a/x/1', 'a/x/1', 'a/x/2', 'a/x/2');
    await track.end('a/x/1', 'a/x/2');
    expect(track.started).toEqual(['a/x/1', 'a/x/2']);
  });

  test('an attempt that has ended may come again', async () => {
    const track = new Track(1);
    track.offer('a/x/1');
    await track.end('a/x/1');
    track.offer('a/x/1');
    expect(track.started).toEqual(['a/x/1', 'a/x/1']);
  });

  test('an attempt may be offered again as soon as it says that it has ended', async () => {
    const track = new Track(1);
    const again = new Set(['a/x/1']);
    track.onEnded = (name) => {
      if (again.delete(name)) track.offer(name);
    };
    track.offer('a/x/1');
    await track.end('a/x/1');
    expect(track.started).toEqual(['a/x/1', 'a/x/1']);
    await track.end('a/x/1');
    expect(track.lanes.inFlight).toBe(0);
  });

  test('an attempt that offers others as it begins costs nobody their turn', async () => {
    const track = new Track(1);
    track.offer('a/first/0', 'a/x/1');
    const run = async () => track.offer('a/y/1');
    track.lanes.offer({
      namespace: 'a',
      eventUID: uid('1'),
      endpointUID: uid('w'),
      dueAt: 0,
      age: ageOf('1'),
      run,
      ended: () => {},
    });
    track.offer('a/z/1');
    await track.end('a/first/0', 'a/x/1', 'a/z/1', 'a/y/1');
    expect(track.started).toEqual(['a/first/0', 'a/x/1', 'a/z/1', 'a/y/1']);
  });
});

describe('cancelling', () => {
  test('costs its namespace no turn', async () => {
    const track = new Track(1);
    track.offer('c/first/0', 'a/x/1', 'b/y/2', 'a/z/3');
    track.cancel('a/x/1');
    await track.end('c/first/0');
    expect(track.now).toEqual(['a/z/3']);
  });

  test('drops an attempt that waits', async () => {
    const track = new Track(100, 1);
    track.offer('a/x/1', 'a/x/2', 'a/x/3');
    track.cancel('a/x/2');
    await track.end('a/x/1');
    expect(track.started).toEqual(['a/x/1', 'a/x/3']);
  });

  test('aborts an attempt in flight, which holds its slot until it has ended', async () => {
    const track = new Track(1);
    track.offer('a/x/1', 'a/x/2');
    const { signal } = track.running.get('a/x/1') ?? {};
    expect(signal?.aborted).toBe(false);
    track.cancel('a/x/1');
    expect(signal?.aborted).toBe(true);
    expect(track.lanes.inFlight).toBe(1);
    await track.end('a/x/1');
    expect(track.now).toEqual(['a/x/2']);
  });

  test('concerns that attempt alone', () => {
    const track = new Track(100);
    track.offer('a/x/1', 'a/x/2', 'a/y/1');
    track.cancel('a/x/1');
    track.cancel('a/z/1');
    expect(track.running.get('a/x/2')?.signal.aborted).toBe(false);
    expect(track.running.get('a/y/1')?.signal.aborted).toBe(false);
  });
});

describe('draining', () => {
  const never = new AbortController().signal;

  test('resolves at once where nothing is in flight', async () => {
    await expect(new Track(1).lanes.drain(never)).resolves.toBeUndefined();
  });

  test('starts nothing more, and waits for what is in flight without aborting it', async () => {
    const track = new Track(100, 1);
    track.offer('a/x/1', 'a/x/2', 'a/y/1');
    let drained = false;
    const draining = track.lanes.drain(never).then(() => (drained = true));
    track.offer('a/z/1');
    expect([...track.running.values()].some(({ signal }) => signal.aborted)).toBe(false);
    await track.end('a/x/1');
    expect(drained).toBe(false);
    await track.end('a/y/1');
    await draining;
    expect(track.started).toEqual(['a/x/1', 'a/y/1']);
  });

  test('is hastened by its signal, which aborts what is in flight', async () => {
    const track = new Track(100);
    const hasten = new AbortController();
    track.offer('a/x/1', 'a/y/1');
    const draining = track.lanes.drain(hasten.signal);
    hasten.abort();
    expect([...track.running.values()].map(({ signal }) => signal.aborted)).toEqual([true, true]);
    await track.end('a/x/1', 'a/y/1');
    await draining;
    expect(track.lanes.inFlight).toBe(0);
  });

  test('with a signal that is aborted already aborts at once', async () => {
    const track = new Track(100);
    track.offer('a/x/1');
    const draining = track.lanes.drain(AbortSignal.abort());
    expect(track.running.get('a/x/1')?.signal.aborted).toBe(true);
    await track.end('a/x/1');
    await draining;
    expect(track.now).toEqual([]);
  });
});

const pick = fc.nat({ max: 3 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('offer' as const), pick, pick, fc.nat({ max: 9 })) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('end' as const), fc.nat({ max: 20 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('cancel' as const), pick, pick, fc.nat({ max: 9 })) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant('limit' as const), pick, pick, fc.integer({ min: 0, max: 4 })),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('fail' as const), pick, pick, fc.nat({ max: 1 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('wait' as const), fc.integer({ min: 100, max: 2000 })) },
);

test('whatever happens: never over a limit, no slot left free, the oldest first, nothing lost', async () => {
  const property = fc.asyncProperty(
    fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 5, max: 20 })),
    fc.array(step, { maxLength: 120, size: 'max' }),
    async (maxInFlight, steps) => {
      const share = Math.ceil((maxInFlight * 3) / 4);
      const half = Math.max(1, Math.floor(maxInFlight / 2));
      const track = new Track(maxInFlight, 2);
      // The model: what waits in each lane, by age.
      const waiting = new Map<string, string[]>();
      const laneOf = (name: string) => name.slice(0, name.lastIndexOf('/'));
      const limitOf = (lane: string) => track.limits.get(uid(lane.slice(lane.indexOf('/') + 1))) ?? 2;
      let seen = 0;

      const open = (prefix: string) => track.now.filter((name) => name.startsWith(prefix)).length;
      const openIn = (lane: string) => open(`${lane.split('/')[0] ?? ''}/`);
      const isTroubled = (lane: string) => {
        const oldest = [...track.running.values()].find(({ name }) => laneOf(name) === lane);
        const isSlow = oldest !== undefined && track.clock.now() - oldest.begunAt >= 2000;
        return isSlow || track.failing.has(uid(lane.slice(lane.indexOf('/') + 1)));
      };
      const inTrouble = () => track.now.filter((name) => isTroubled(laneOf(name))).length;
      /** Why a lane may have no slot. */
      const refused = (lane: string) =>
        track.now.length === maxInFlight ||
        openIn(lane) >= share ||
        (track.now.length >= share && openIn(lane) >= 4) ||
        (isTroubled(lane) && inTrouble() >= half);
      const unfair: string[] = [];
      track.onStart = (name) => {
        if (refused(laneOf(name))) unfair.push(name);
      };

      const check = () => {
        for (const name of track.started.slice(seen)) {
          // Each that has started was the first of its lane.
          expect(waiting.get(laneOf(name))?.shift()).toBe(name);
        }
        seen = track.started.length;
        expect(track.lanes.inFlight).toBe(track.now.length);
        expect(track.now.length).toBeLessThanOrEqual(maxInFlight);
        expect(unfair).toEqual([]);
        // Nothing waits that could start.
        for (const [lane, names] of waiting) {
          const full = refused(lane) || open(`${lane}/`) >= limitOf(lane);
          expect(names.length === 0 || full).toBe(true);
        }
      };
      const nameOf = (namespace: number, endpoint: number, event: number) =>
        `${namespace}/${namespace}-${endpoint}/${event}`;
      const isKnown = (name: string) => track.running.has(name) || waiting.get(laneOf(name))?.includes(name);

      for (const [kind, a, b = 0, c = 0] of steps) {
        const name = nameOf(a, b, c);
        if (kind === 'offer' && !isKnown(name)) {
          const names = [...(waiting.get(laneOf(name)) ?? []), name];
          waiting.set(laneOf(name), names.toSorted());
        }
        if (kind === 'offer') track.offer(name);
        if (kind === 'end') await track.end(track.now[a % Math.max(1, track.now.length)] ?? '');
        if (kind === 'cancel') {
          track.cancel(name);
          waiting.set(
            laneOf(name),
            (waiting.get(laneOf(name)) ?? []).filter((other) => other !== name),
          );
        }
        if (kind === 'limit') {
          track.limits.set(uid(`${a}-${b}`), c);
          track.lanes.wake(uid(`${a}-${b}`));
        }
        if (kind === 'fail') track.fail(`${a}-${b}`, c === 1);
        if (kind === 'wait') await track.clock.advance(a);
        check();
      }
      for (const namespace of [0, 1, 2, 3]) {
        for (const endpoint of [0, 1, 2, 3]) {
          track.limits.set(uid(`${namespace}-${endpoint}`), 2);
          track.lanes.wake(uid(`${namespace}-${endpoint}`));
          check();
        }
      }
      while (track.now.length > 0) {
        await track.end(track.now[0] ?? '');
        check();
      }
      expect([...waiting.values()].flat()).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: 150 });
});
