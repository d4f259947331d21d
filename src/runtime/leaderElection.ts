import { isDeepStrictEqual } from 'node:util';
import { ApiError } from './apiError.ts';
import type { Clock } from './clock.ts';
import { sleep } from './sleep.ts';

/** What a Lease says, as client-go's LeaderElectionRecord. Times in milliseconds since 1970, by their writer's clock. */
export interface LeaseRecord {
  /** Empty where the Lease was released. */
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime: number | undefined;
  readonly renewTime: number | undefined;
  readonly leaseTransitions: number;
}

/** A Lease as it was read or written. */
export interface Lease {
  readonly record: LeaseRecord;
  /** Writes another record; an ApiError 409 where the Lease has changed since. */
  replace(record: LeaseRecord, signal: AbortSignal): Promise<Lease>;
}

export interface LeaseClient {
  /** Nothing where there is no Lease. */
  get(signal: AbortSignal): Promise<Lease | undefined>;
  /** An ApiError 409 where there is one. */
  create(record: LeaseRecord, signal: AbortSignal): Promise<Lease>;
}

export type LeadershipChange =
  | { readonly type: 'waiting'; readonly holder: string }
  | { readonly type: 'leading' }
  /** The process must act no more, and can't lead again: it is to end. */
  | {
      readonly type: 'lost';
      readonly why: 'not renewed in time' | 'taken by another';
      readonly holder: string;
    }
  | { readonly type: 'released' };

export interface LeaderElectorOptions {
  /** What keeps no request for longer than half the renew deadline. */
  readonly client: LeaseClient;
  /** No other process, and no later run of this one, has it. */
  readonly identity: string;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly onChange: (change: LeadershipChange) => void;
  /** A look at the Lease, or a write, has failed and is tried again; once for each row of equal ones. */
  readonly onError: (error: unknown) => void;
}

interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

// client-go's defaults: tools/leaderelection.
const LEASE_SECONDS = 15;
const RENEW_DEADLINE_MILLISECONDS = 10_000;
const RETRY_MILLISECONDS = 2000;
// client-go spreads upwards, to 4.4 s. Downwards, so that a release is seen in time for a takeover within 2 s.
const SHORTEST_RETRY = 0.5;
const LONGEST_RETRY = 0.75;

const RELEASE_MILLISECONDS = 3000;

/**
 * Competes for a Lease by client-go's rules and, once it has it, keeps it. Whether a process may act is decided where it
 * acts, by `mayAct`: a timer alone would come too late for one that was frozen.
 *
 * Others take the Lease over 15 s after they saw its last change; so whoever has begun its last write that succeeded less
 * than 10 s ago leads alone.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #life = new AbortController();
  readonly #acquired = Promise.withResolvers<void>();
  #loop: Promise<void> = Promise.resolve();
  #phase: 'standby' | 'leading' | 'ended' = 'standby';
  /** As it was written last, unless a write has failed since: then nobody knows what stands. */
  #own: Lease | undefined;
  /** What was read or written last, and the monotonic time since which it has not changed. */
  #observed: { readonly record: LeaseRecord; readonly since: number } | undefined;
  /** When the last write that succeeded began. */
  #renewed: Moment = { wall: -Infinity, monotonic: -Infinity };
  #cancelDeadline = (): void => {};
  #hasLooked = false;
  #holder = '';
  #reported = '';

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
  }

  /** Whether the process may send or write now. Once it was false while leading it stays so. */
  mayAct(): boolean {
    if (this.#phase !== 'leading') return false;
    if (this.#isFresh()) return true;
    this.#lose('not renewed in time');
    return false;
  }

  /** Whether the API server has answered about the Lease. */
  hasLooked(): boolean {
    return this.#hasLooked;
  }

  /** Resolves once the Lease is had, or the signal is aborted. From then on it is renewed until `release`. */
  async acquire(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#acquired.resolve(), { once: true });
    if (signal.aborted) return;
    this.#loop = this.#compete();
    await this.#acquired.promise;
  }

  /** Gives the Lease back where it is had. Nothing may act any more, which is for the caller to see to before. */
  async release(): Promise<void> {
    const leads = this.mayAct();
    this.#end();
    await this.#loop;
    if (!leads) return;
    const { clock } = this.#options;
    const deadline = new AbortController();
    const cancel = clock.schedule(RELEASE_MILLISECONDS, () => deadline.abort());
    try {
      await this.#tryRelease(deadline.signal);
      this.#options.onChange({ type: 'released' });
    } catch (error) {
      this.#options.onError(error);
    } finally {
      cancel();
    }
  }

  async #compete(): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#life;
    while (!signal.aborted) {
      try {
        await this.#look(signal);
        this.#hasLooked = true;
        this.#reported = '';
      } catch (error) {
        if (!signal.aborted) this.#failed(error);
      }
      const spread = SHORTEST_RETRY + (LONGEST_RETRY - SHORTEST_RETRY) * random();
      // Who waits, or has to try again, is sooner back than who has just renewed.
      const factor = this.#own ? 1 : spread;
      await sleep(clock, RETRY_MILLISECONDS * factor, signal);
    }
  }

  /** Reads the Lease, unless its own last write says it all, and writes it where it is its own or free. */
  async #look(signal: AbortSignal): Promise<void> {
    const { client, identity } = this.#options;
    // Woken after a freeze, it must not even try.
    if (this.#phase === 'leading' && !this.mayAct()) return;
    const lease = this.#own ?? (await client.get(signal));
    this.#observe(lease?.record);
    const holder = this.#observed?.record.holderIdentity ?? '';
    if (this.#phase === 'leading' && holder !== identity) return this.#lose('taken by another');
    if (this.#phase === 'standby' && this.#isHeldByAnother()) return this.#wait(holder);
    this.#own = undefined;
    const begun = this.#now();
    const record = this.#recordAfter(lease?.record, begun);
    const written = lease ? await lease.replace(record, signal) : await client.create(record, signal);
    this.#own = written;
    this.#observe(written.record);
    this.#hasRenewed(begun);
  }

  /** A deletion is no release: who held it may still act. */
  #observe(record: LeaseRecord | undefined): void {
    if (!record || isDeepStrictEqual(record, this.#observed?.record)) return;
    this.#observed = { record, since: this.#options.clock.monotonic() };
  }

  #isHeldByAnother(): boolean {
    const { identity, clock } = this.#options;
    if (!this.#observed) return false;
    const { record, since } = this.#observed;
    if (record.holderIdentity === '' || record.holderIdentity === identity) return false;
    return clock.monotonic() - since < record.leaseDurationSeconds * 1000;
  }

  #recordAfter(before: LeaseRecord | undefined, { wall }: Moment): LeaseRecord {
    const { identity } = this.#options;
    const isOwn = before?.holderIdentity === identity;
    const transitions = before?.leaseTransitions ?? 0;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_SECONDS,
      acquireTime: isOwn ? before.acquireTime : wall,
      renewTime: wall,
      leaseTransitions: isOwn || !before ? transitions : transitions + 1,
    };
  }

  #hasRenewed(begun: Moment): void {
    const acquires = this.#phase === 'standby';
    if (this.#phase === 'ended') return;
    this.#phase = 'leading';
    this.#renewed = begun;
    this.#watchDeadline();
    if (!acquires || !this.mayAct()) return;
    this.#options.onChange({ type: 'leading' });
    this.#acquired.resolve();
  }

  /** So that requests in flight end in time, though nothing may ask whether it may act. */
  #watchDeadline(): void {
    this.#cancelDeadline();
    if (!this.mayAct()) return;
    const { clock } = this.#options;
    const left = this.#renewed.monotonic + RENEW_DEADLINE_MILLISECONDS - clock.monotonic();
    this.#cancelDeadline = clock.schedule(Math.max(1, left), () => this.#watchDeadline());
  }

  #isFresh(): boolean {
    const { wall, monotonic } = this.#now();
    const { wall: renewedWall, monotonic: renewedMonotonic } = this.#renewed;
    return (
      monotonic - renewedMonotonic < RENEW_DEADLINE_MILLISECONDS &&
      // Where the machine was suspended, the monotonic clock may have been too.
      wall - renewedWall < RENEW_DEADLINE_MILLISECONDS
    );
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { wall: clock.now(), monotonic: clock.monotonic() };
  }

  #wait(holder: string): void {
    if (holder === this.#holder) return;
    this.#holder = holder;
    this.#options.onChange({ type: 'waiting', holder });
  }

  #lose(why: 'not renewed in time' | 'taken by another'): void {
    this.#end();
    this.#options.onChange({ type: 'lost', why, holder: this.#observed?.record.holderIdentity ?? '' });
  }

  #end(): void {
    this.#phase = 'ended';
    this.#cancelDeadline();
    this.#life.abort();
  }

  /** A renewal that was cut off may still have gone through, or do so meanwhile. */
  async #tryRelease(signal: AbortSignal): Promise<void> {
    const { client, identity } = this.#options;
    for (;;) {
      const lease = await client.get(signal);
      if (lease?.record.holderIdentity !== identity) return;
      const { wall } = this.#now();
      const { leaseTransitions } = lease.record;
      const record = { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: wall, renewTime: wall };
      try {
        await lease.replace({ ...record, leaseTransitions }, signal);
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }

  #failed(error: unknown): void {
    // Somebody else was faster; the next look shows who.
    if (isConflict(error)) return;
    const report = error instanceof ApiError ? `${error.status} ${error.reason}` : String(error);
    if (report !== this.#reported) this.#options.onError(error);
    this.#reported = report;
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}
