import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Clock } from '../../src/runtime/clock.ts';
import { LeaderElector } from '../../src/runtime/leaderElection.ts';
import { seededRandom, type Random } from '../soak/random.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { FakeLeases, type Network } from '../support/fakeLeases.ts';

interface World {
  readonly clock: FakeClock;
  readonly leases: FakeLeases;
  readonly random: Random;
}

const CLIENT_TIMEOUT_MILLISECONDS = 5000;

/** A process with a wall clock and a network of its own. While it is frozen, what falls due or arrives waits. */
class Replica implements Clock {
  readonly #world: World;
  readonly #backlog: (() => void)[] = [];
  readonly elector: LeaderElector;
  isFrozen = false;
  hasLost = false;
  wallOffset = 0;
  network: 'good' | 'lossy' | 'slow' | 'cut' = 'lossy';

  constructor(world: World, identity: string) {
    this.#world = world;
    this.elector = new LeaderElector({
      client: world.leases.client(this.#send),
      identity,
      clock: this,
      random: world.random.fraction,
      onChange: ({ type }) => (this.hasLost ||= type === 'lost'),
      onError: () => {},
    });
    void this.elector.acquire(new AbortController().signal);
  }

  now(): number {
    return this.#world.clock.now() + this.wallOffset;
  }

  monotonic(): number {
    return this.#world.clock.monotonic();
  }

  schedule(milliseconds: number, callback: () => void): () => void {
    let isCanceled = false;
    const cancel = this.#world.clock.schedule(milliseconds, () =>
      this.#whenAwake(() => isCanceled || callback()),
    );
    return () => {
      isCanceled = true;
      cancel();
    };
  }

  thaw(): void {
    this.isFrozen = false;
    for (const callback of this.#backlog.splice(0)) callback();
  }

  /** Whether it would send or write, were there anything to be sent. */
  acts(): boolean {
    return !this.isFrozen && this.elector.mayAct();
  }

  #whenAwake(callback: () => void): void {
    if (this.isFrozen) this.#backlog.push(callback);
    else callback();
  }

  readonly #send: Network = (reach, signal) =>
    new Promise((resolve, reject) => {
      const { clock, random } = this.#world;
      const latency = () => random.integer(1, this.network === 'slow' ? 6000 : 50);
      const isLost = () => this.network === 'cut' || (this.network !== 'good' && random.chance(0.05));
      const answer = (give: () => void) => {
        if (!isLost()) clock.schedule(latency(), () => this.#whenAwake(give));
      };
      clock.schedule(latency(), () => {
        if (isLost()) return;
        const result = reach();
        // Where its answer is lost, nobody hears of its failure.
        result.catch(() => {});
        answer(() => resolve(result));
      });
      this.schedule(CLIENT_TIMEOUT_MILLISECONDS, () => reject(new Error('no answer')));
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    });
}

const HAPPENINGS = {
  freeze: (replica: Replica) => void (replica.isFrozen = true),
  // Before it goes on with anything it is asked whether it acts.
  thaw: (replica: Replica) => replica.thaw(),
  'set the clock an hour forward': (replica: Replica) => void (replica.wallOffset += 3_600_000),
  'set the clock an hour back': (replica: Replica) => void (replica.wallOffset -= 3_600_000),
  cut: (replica: Replica) => void (replica.network = 'cut'),
  slow: (replica: Replica) => void (replica.network = 'slow'),
  mend: (replica: Replica) => void (replica.network = 'lossy'),
  kill: () => {},
  stop: () => {},
};

const aStep = fc.record({
  who: fc.nat(2),
  what: fc.constantFrom(...(Object.keys(HAPPENINGS) as (keyof typeof HAPPENINGS)[])),
  forMilliseconds: fc.integer({ min: 0, max: 20_000 }),
});

test('whatever happens to replicas, never do two act at once, and in the end one does', async () => {
  let leaders = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 3 }),
      fc.integer(),
      fc.array(aStep, { maxLength: 20 }),
      async (count, seed, steps) => {
        const world = { clock: new FakeClock(), leases: new FakeLeases(), random: seededRandom(seed) };
        let started = 0;
        const start = () => new Replica(world, `replica-${(started += 1)}`);
        const replicas = Array.from({ length: count }, start);
        const acting = () => replicas.filter((replica) => replica.acts());
        const pass = async (milliseconds: number) => {
          for (let left = milliseconds; left > 0; left -= 250) {
            await world.clock.advance(Math.min(250, left));
            expect(acting().length).toBeLessThanOrEqual(1);
            leaders += acting().length;
            // What has lost the Lease ends, and is started again.
            for (const [index, replica] of replicas.entries()) if (replica.hasLost) replicas[index] = start();
          }
        };
        await pass(3000);
        for (const { who, what, forMilliseconds } of steps) {
          const index = who % count;
          const replica = replicas[index] ?? start();
          if (what === 'thaw') replica.isFrozen = false;
          expect(acting().length).toBeLessThanOrEqual(1);
          HAPPENINGS[what](replica);
          if (what === 'stop' && !replica.isFrozen) void replica.elector.release();
          // What was killed is frozen for good.
          if (what === 'kill') replica.isFrozen = true;
          if (what === 'stop' || what === 'kill') replicas[index] = start();
          await pass(forMilliseconds);
        }
        for (const replica of replicas) {
          replica.network = 'good';
          replica.isFrozen = false;
          expect(acting().length).toBeLessThanOrEqual(1);
          replica.thaw();
        }
        await pass(60_000);
        expect(acting()).toHaveLength(1);
      },
    ),
    { numRuns: 60 },
  );
  expect(leaders).toBeGreaterThan(0);
}, 60_000);
