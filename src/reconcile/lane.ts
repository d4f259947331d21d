import type { UID } from '../api/objectMeta.ts';
import { compareAges, type Age } from '../delivery/age.ts';
import { Heap } from '../runtime/heap.ts';

/** One attempt that is due. */
export interface Job {
  readonly namespace: string;
  readonly eventUID: UID;
  readonly endpointUID: UID;
  /** When it became due, in milliseconds since 1970; 0 for a first attempt. */
  readonly dueAt: number;
  readonly age: Age;
  /** Makes the attempt; never rejects. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Called once after that, when the attempt's place is free again: the same event may be offered anew. */
  readonly ended: () => void;
}

/** One request of a test, which has no event but an id like one. */
export type TestJob = Pick<Job, 'namespace' | 'eventUID' | 'endpointUID' | 'run' | 'ended'>;

/** What is to be sent to an endpoint, and what is being sent. */
export interface Lane {
  readonly namespace: string;
  readonly endpointUID: UID;
  readonly waiting: Map<UID, Job>;
  /** Requests of tests, which go first. */
  readonly tests: Map<UID, TestJob>;
  /** What waits, the oldest first; what was taken otherwise stays in it until it comes up. */
  readonly byAge: Heap<Job>;
  /** What is in flight, what was begun first comes first. */
  readonly running: Map<UID, Running>;
  /** Whether its last attempt has failed, or one in flight has been running for long. */
  isTroubled: boolean;
}

interface Running {
  readonly controller: AbortController;
  /** Milliseconds since 1970. */
  readonly begunAt: number;
  readonly isTest: boolean;
  isSlow: boolean;
}

export function aLane(namespace: string, endpointUID: UID): Lane {
  const byAge = new Heap<Job>((a, b) => compareAges(a.age, b.age));
  return {
    namespace,
    endpointUID,
    waiting: new Map(),
    tests: new Map(),
    byAge,
    running: new Map(),
    isTroubled: false,
  };
}

/** Takes the oldest of what waits out of `byAge`. */
export function oldest({ waiting, byAge }: Lane): Job | undefined {
  for (let job = byAge.pop(); job; job = byAge.pop()) {
    if (waiting.get(job.eventUID) === job) return job;
  }
  return undefined;
}

/** What has been due longest of what waits. */
export function longestDue({ waiting }: Lane): Job | undefined {
  let longest: Job | undefined;
  for (const job of waiting.values()) if (!longest || isLongerDue(job, longest)) longest = job;
  return longest;
}

function isLongerDue(a: Job, b: Job): boolean {
  const [dueSince, otherSince] = [dueSinceOf(a), dueSinceOf(b)];
  return dueSince < otherSince || (dueSince === otherSince && compareAges(a.age, b.age) < 0);
}

/** A first attempt has been due since its event was created. */
function dueSinceOf({ dueAt, age }: Job): number {
  return Math.max(dueAt, age.createdAt);
}
