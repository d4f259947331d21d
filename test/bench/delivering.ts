import { setTimeout as delay } from 'node:timers/promises';
import { aTenant, type Tenant } from '../support/tenant.ts';
import type { Bench, Deliverer } from './bench.ts';
import { monotonic } from './monotonic.ts';
import { cpuMilliseconds } from './processUsage.ts';
import { watchRecordings, type Recordings } from './recordings.ts';
import { percentile } from './statistics.ts';
import { createEvent, createEvents, createHookSecret, fullEndpoint, SECRET } from './workload.ts';

export interface Delivering {
  /** Events delivered and recorded a second, of a backlog. */
  readonly rate: number;
  /** Of the deliverer's process, in milliseconds. */
  readonly cpuPerEvent: number;
  /** From the call that creates an event to the receiver, in milliseconds, at 25 events/s. */
  readonly p50: number;
  readonly p99: number;
}

// The JIT has seen everything by then, and what is done once at the start is done.
const WARM_UP_EVENTS = 500;
const PACED_EVENTS = 150;
const PACE_MILLISECONDS = 40;

/** Measures a fresh process: first a backlog that was created before it, then events that come one by one. */
export async function measureDelivering(
  bench: Bench,
  deliverer: 'Flagpost' | 'bare loop',
  events: number,
): Promise<Delivering> {
  const tenant = await aTenant(bench.cluster);
  const { namespace } = tenant;
  const url = `${bench.origin}/hook`;
  await createHookSecret(tenant);
  await tenant.createEndpoint('hook', fullEndpoint(url));
  await createEvents(tenant, WARM_UP_EVENTS + events);
  await bench.arrivals();

  const recordings = await watchRecordings(bench.cluster, namespace);
  const started =
    deliverer === 'Flagpost'
      ? await bench.startOperator(namespace)
      : await bench.startBareLoop({ namespace, url, secret: SECRET });
  try {
    const backlog = await started.during(measureBacklog(started, recordings, events));
    await bench.arrivals();
    const paced = await started.during(measurePaced(bench, tenant, recordings));
    return { ...backlog, p50: percentile(paced, 50), p99: percentile(paced, 99) };
  } finally {
    await started.stop();
    await recordings.close();
  }
}

async function measureBacklog(
  { pid }: Deliverer,
  recordings: Recordings,
  events: number,
): Promise<Pick<Delivering, 'rate' | 'cpuPerEvent'>> {
  await recordings.reached(WARM_UP_EVENTS);
  const cpuBefore = await cpuMilliseconds(pid);
  await recordings.reached(WARM_UP_EVENTS + events);
  const cpu = (await cpuMilliseconds(pid)) - cpuBefore;
  const [from = NaN, to = NaN] = [recordings.at[WARM_UP_EVENTS - 1], recordings.at.at(-1)];
  return { rate: (events * 1000) / (to - from), cpuPerEvent: cpu / events };
}

/** Creates events at a steady pace, and gives how long each took to the receiver. */
async function measurePaced(bench: Bench, tenant: Tenant, recordings: Recordings): Promise<number[]> {
  const before = recordings.at.length;
  const createdAt = new Map<string, number>();
  const creations: Promise<void>[] = [];
  const start = monotonic();
  for (let index = 0; index < PACED_EVENTS; index += 1) {
    await delay(Math.max(0, start + index * PACE_MILLISECONDS - monotonic()));
    const name = `paced-${index}`;
    createdAt.set(name, monotonic());
    creations.push(createEvent(tenant, name));
  }
  await Promise.all(creations);
  await recordings.reached(before + PACED_EVENTS);
  const arrivals = await bench.arrivals();
  return arrivals.map(({ changedBy, at }) => at - (createdAt.get(changedBy) ?? NaN));
}
