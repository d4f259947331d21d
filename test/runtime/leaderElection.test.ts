import { beforeEach, describe, expect, test } from '@jest/globals';
import { ApiError } from '../../src/runtime/apiError.ts';
import { LeaderElector, type LeadershipChange, type LeaseRecord } from '../../src/runtime/leaderElection.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { FakeLeases, type Network } from '../support/fakeLeases.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

let clock: FakeClock;
let leases: FakeLeases;
let changes: LeadershipChange[];
let errors: unknown[];
let network: Network;

beforeEach(() => {
  clock = new FakeClock(START);
  leases = new FakeLeases();
  changes = [];
  errors = [];
  network = (reach) => reach();
});

function anElector(identity = 'me', random = 0.5): LeaderElector {
  return new LeaderElector({
    client: leases.client((reach, signal) => network(reach, signal)),
    identity,
    clock,
    random: () => random,
    onChange: (change) => changes.push(change),
    onError: (error) => errors.push(error),
  });
}

/** One that competes, until the test is over. */
async function competing(identity?: string, random?: number): Promise<LeaderElector> {
  const elector = anElector(identity, random);
  void elector.acquire(new AbortController().signal);
  await clock.advance(0);
  return elector;
}

async function leading(): Promise<LeaderElector> {
  const elector = await competing();
  expect(elector.mayAct()).toBe(true);
  return elector;
}

function aRecord(record: Partial<LeaseRecord> = {}): LeaseRecord {
  const time = START - 60_000;
  return {
    holderIdentity: 'other',
    leaseDurationSeconds: 15,
    acquireTime: time,
    renewTime: time,
    leaseTransitions: 4,
    ...record,
  };
}

const refuse: Network = () => Promise.reject(new ApiError(503, 'ServiceUnavailable', 'not now'));
const hang: Network = (_reach, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
const loseAnswer: Network = async (reach) => {
  await reach();
  throw new Error('the answer is lost');
};

/** Advances in steps until the elector may act; gives the milliseconds that it took. */
async function untilItMayAct(elector: LeaderElector, atMost: number): Promise<number> {
  const begun = clock.monotonic();
  while (!elector.mayAct() && clock.monotonic() - begun < atMost) await clock.advance(100);
  return clock.monotonic() - begun;
}

describe('the Lease is taken', () => {
  test('at once where there is none', async () => {
    const elector = await competing();
    expect(elector.mayAct()).toBe(true);
    expect(changes).toEqual([{ type: 'leading' }]);
    expect(leases.record).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: START,
      renewTime: START,
      leaseTransitions: 0,
    });
  });

  test.each<[what: string, record: Partial<LeaseRecord>]>([
    ['that was released', { holderIdentity: '', leaseDurationSeconds: 1 }],
    ['that was released without saying so in its duration', { holderIdentity: '' }],
    ['whose holder says no duration', { leaseDurationSeconds: 0 }],
  ])('at once where there is one %s', async (_what, record) => {
    leases.set(aRecord(record));
    await competing();
    expect(leases.record).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: START,
      renewTime: START,
      leaseTransitions: 5,
    });
  });

  test.each([0, 0.5, 0.999])('within 2 s of a release (random %d)', async (random) => {
    leases.set(aRecord());
    const elector = await competing('me', random);
    for (let renewals = 0; renewals < 7; renewals += 1) {
      await clock.advance(777);
      leases.set(aRecord({ renewTime: clock.now() }));
    }
    leases.set(aRecord({ holderIdentity: '', leaseDurationSeconds: 1 }));
    expect(await untilItMayAct(elector, 10_000)).toBeLessThan(1700);
  });

  test.each<[what: string, renewTime: number | undefined]>([
    ['an hour ago by its own clock', START - 3_600_000],
    ['now by its own clock', START],
    ['in an hour by its own clock', START + 3_600_000],
    ['at no time', undefined],
  ])('15 s after it was first seen where its holder renewed it last %s', async (_what, renewTime) => {
    leases.set(aRecord({ renewTime }));
    const elector = await competing();
    await clock.advance(14_900);
    expect(elector.mayAct()).toBe(false);
    expect(await untilItMayAct(elector, 10_000)).toBeLessThan(2200);
    expect(changes).toEqual([{ type: 'waiting', holder: 'other' }, { type: 'leading' }]);
    expect(leases.record).toMatchObject({
      holderIdentity: 'me',
      leaseTransitions: 5,
      acquireTime: clock.now(),
    });
  });

  test("by the duration that its holder has written, not by one's own", async () => {
    leases.set(aRecord({ leaseDurationSeconds: 60 }));
    const elector = await competing();
    await clock.advance(59_000);
    expect(elector.mayAct()).toBe(false);
    await clock.advance(3000);
    expect(elector.mayAct()).toBe(true);
  });

  test('not as long as its holder changes it now and then', async () => {
    const elector = await competing();
    expect(elector.mayAct()).toBe(true);
    const other = await competing('other');
    for (let minutes = 0; minutes < 3; minutes += 1) {
      await clock.advance(60_000);
      expect([elector.mayAct(), other.mayAct()]).toEqual([true, false]);
    }
  });

  test('by one of two who found it free together', async () => {
    leases.set(aRecord({ holderIdentity: '' }));
    const all = [anElector('a'), anElector('b')];
    for (const elector of all) void elector.acquire(new AbortController().signal);
    await clock.advance(1000);
    expect(all.filter((elector) => elector.mayAct())).toHaveLength(1);
    await clock.advance(60_000);
    expect(all.filter((elector) => elector.mayAct())).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  test('only after its time where it was deleted: that is no release', async () => {
    leases.set(aRecord());
    const elector = await competing();
    await clock.advance(5000);
    leases.set(undefined);
    await clock.advance(9900);
    expect(elector.mayAct()).toBe(false);
    await clock.advance(2200);
    expect(elector.mayAct()).toBe(true);
  });

  test('where the answer to taking it was lost, with the next look', async () => {
    network = (reach) => {
      network = loseAnswer;
      return reach();
    };
    const elector = await competing();
    expect([elector.mayAct(), leases.record?.holderIdentity]).toEqual([false, 'me']);
    network = (reach) => reach();
    await clock.advance(2000);
    expect(elector.mayAct()).toBe(true);
    expect(leases.record).toMatchObject({ acquireTime: START, leaseTransitions: 0 });
  });
});

describe('who leads', () => {
  test('renews about every 2 s, and keeps since when it leads', async () => {
    const elector = await leading();
    await clock.advance(60_000);
    expect(elector.mayAct()).toBe(true);
    expect(leases.written.length).toBe(31);
    for (const { holderIdentity, acquireTime, leaseTransitions } of leases.written)
      expect([holderIdentity, acquireTime, leaseTransitions]).toEqual(['me', START, 0]);
    const { renewTime } = leases.written.at(-1) ?? {};
    expect(renewTime).toBe(clock.now());
  });

  test('does not read what it wrote itself', async () => {
    await leading();
    const before = leases.written.length;
    let requests = 0;
    network = (reach) => ((requests += 1), reach());
    await clock.advance(20_000);
    expect(requests).toBe(leases.written.length - before);
  });

  test.each<[what: string, network: Network]>([
    ['are refused', refuse],
    ['hang', hang],
    ['never reach the API server', () => Promise.reject(new Error('no route'))],
  ])('acts for just under 10 s where renewals %s, then has lost it for good', async (_what, failing) => {
    const elector = await leading();
    network = failing;
    await clock.advance(9_999);
    expect(elector.mayAct()).toBe(true);
    expect(changes).toEqual([{ type: 'leading' }]);
    await clock.advance(1);
    // Nobody has asked: what is in flight must end too.
    expect(changes).toEqual([
      { type: 'leading' },
      { type: 'lost', why: 'not renewed in time', holder: 'me' },
    ]);
    expect(elector.mayAct()).toBe(false);
    network = (reach) => reach();
    const before = leases.written.length;
    await clock.advance(60_000);
    expect([elector.mayAct(), leases.written.length, changes.length]).toEqual([false, before, 2]);
  });

  test('counts a renewal from when it began, not from its answer', async () => {
    const elector = await leading();
    let begun = 0;
    network = async (reach) => {
      network = refuse;
      begun = clock.monotonic();
      const lease = await reach();
      await new Promise<void>((resolve) => clock.schedule(5000, resolve));
      return lease;
    };
    await clock.advance(7000);
    expect(begun).toBeGreaterThan(0);
    await clock.advance(begun + 9_999 - clock.monotonic());
    expect(elector.mayAct()).toBe(true);
    await clock.advance(1);
    expect(elector.mayAct()).toBe(false);
  });

  test('goes on after an answer was lost', async () => {
    const elector = await leading();
    network = loseAnswer;
    await clock.advance(4000);
    network = (reach) => reach();
    await clock.advance(60_000);
    expect(elector.mayAct()).toBe(true);
    expect(leases.record).toMatchObject({ acquireTime: START, leaseTransitions: 0 });
  });

  test.each<[what: string, holderIdentity: string]>([
    ['another has it', 'other'],
    ['somebody released it', ''],
  ])('has lost it once it sees that %s', async (_what, holderIdentity) => {
    const elector = await leading();
    leases.set(aRecord({ holderIdentity }));
    await clock.advance(5000);
    expect(elector.mayAct()).toBe(false);
    expect(changes.slice(1)).toEqual([{ type: 'lost', why: 'taken by another', holder: holderIdentity }]);
    expect(leases.record?.holderIdentity).toBe(holderIdentity);
  });

  test('creates it anew where somebody deleted it', async () => {
    const elector = await leading();
    leases.set(undefined);
    await clock.advance(20_000);
    expect(elector.mayAct()).toBe(true);
    expect(leases.record?.holderIdentity).toBe('me');
  });

  test('may not act where the wall clock alone says that 10 s have passed, as after a suspension', async () => {
    const elector = await leading();
    clock.adjustWall(9_999);
    expect(elector.mayAct()).toBe(true);
    clock.adjustWall(1);
    expect(elector.mayAct()).toBe(false);
    clock.adjustWall(-5000);
    expect(elector.mayAct()).toBe(false);
    expect(changes.slice(1)).toEqual([{ type: 'lost', why: 'not renewed in time', holder: 'me' }]);
  });

  test('goes on where the wall clock is set back', async () => {
    const elector = await leading();
    clock.adjustWall(-3_600_000);
    expect(elector.mayAct()).toBe(true);
    await clock.advance(60_000);
    expect(elector.mayAct()).toBe(true);
    network = refuse;
    await clock.advance(10_000);
    expect(elector.mayAct()).toBe(false);
  });
});

describe('a release', () => {
  test('lets the next one take it at once, as client-go writes it', async () => {
    const elector = await leading();
    await clock.advance(10_000);
    await elector.release();
    expect(elector.mayAct()).toBe(false);
    expect(leases.record).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: clock.now(),
      renewTime: clock.now(),
      leaseTransitions: 0,
    });
    expect(changes).toEqual([{ type: 'leading' }, { type: 'released' }]);
    const before = leases.written.length;
    await clock.advance(60_000);
    expect(leases.written).toHaveLength(before);
    expect(clock.timers).toBe(0);
  });

  test('by one that waits writes nothing', async () => {
    leases.set(aRecord());
    const elector = await competing();
    await elector.release();
    await clock.advance(60_000);
    expect(leases.written).toEqual([]);
    expect([elector.mayAct(), clock.timers]).toEqual([false, 0]);
  });

  test('comes after a renewal that was under way, which may go through meanwhile', async () => {
    const elector = await leading();
    let finish = (): unknown => undefined;
    network = (reach, signal) => {
      finish = reach;
      return hang(reach, signal);
    };
    await clock.advance(2000);
    let reads = 0;
    network = async (reach) => {
      const lease = await reach();
      reads += 1;
      if (reads === 1) await finish();
      return lease;
    };
    await elector.release();
    expect(leases.record).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(errors).toEqual([]);
  });

  test('leaves alone what another has taken', async () => {
    const elector = await leading();
    leases.set(aRecord());
    await elector.release();
    expect(leases.record).toEqual(aRecord());
  });

  test('is given up after 3 s where the API server does not answer', async () => {
    const elector = await leading();
    network = hang;
    const released = elector.release();
    await clock.advance(3000);
    await released;
    expect(errors).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });
});

test('a row of equal errors is reported once, a conflict never', async () => {
  network = refuse;
  const elector = await competing();
  await clock.advance(20_000);
  expect(errors).toHaveLength(1);
  expect(elector.hasLooked()).toBe(false);
  network = () => Promise.reject(new ApiError(403, 'Forbidden', 'no'));
  await clock.advance(20_000);
  expect(errors).toHaveLength(2);
  network = () => Promise.reject(new ApiError(409, 'Conflict', 'no'));
  await clock.advance(20_000);
  expect(errors).toHaveLength(2);
  network = (reach) => reach();
  await clock.advance(2000);
  expect([elector.hasLooked(), elector.mayAct()]).toEqual([true, true]);
});

test('who waits stops waiting when the signal is aborted', async () => {
  leases.set(aRecord());
  const controller = new AbortController();
  const elector = anElector();
  const acquired = elector.acquire(controller.signal);
  await clock.advance(1000);
  controller.abort();
  await acquired;
  await elector.release();
  expect([elector.mayAct(), clock.timers]).toEqual([false, 0]);
});
