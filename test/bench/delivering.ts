import { setTimeout as delay } from 'node:timers/promises';
import { aTenant, type Tenant } from '../support/tenant.ts';
import type { Bench, Deliverer } from './bench.ts';
import { monotonic } from './monotonic.ts';
import { cpuMilliseconds } from './processUsage.ts';
import { watchRecordings, type Recordings } from './recordings.ts';
import { percentile } from './statistics.ts';
import { createEvent, createHookSecret, fullEndpoint, keepOutstanding, SECRET } from './workload.ts';

export interface Delivering {
  /** Events created, delivered and recorded a second, where some hundred of them are always outstanding. */
  readonly rate: number;
  /** Of the deliverer's process, in milliseconds. */
  readonly cpuPerEvent: number;
  /** From the call that creates an event to the receiver, in milliseconds, at 25 events/s. */
  readonly p50: number;
  readonly p99: number;
}

// The JIT has seen everything by then, and what is done once at the start is done.
const WARM_UP_EVENTS = 500;
const OUTSTANDING_EVENTS = 256;
const PACED_EVENTS = 150;
const PACE_MILLISECONDS = 40;

/** Measures a fresh process: first as many events as it can take, then events that come one by one. */
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
  await bench.arrivals();

  const recordings = await watchRecordings(bench.cluster, namespace);
  const started =
    deliverer === 'Flagpost'
      ? await bench.startOperator(namespace)
      : await bench.startBareLoop({ namespace, url, secret: SECRET });
  try {
    const steady = await started.during(measureSteady(started, tenant, recordings, events));
    await bench.arrivals();
    const paced = await started.during(measurePaced(bench, tenant, recordings));
    return { ...steady, p50: percentile(paced, 50), p99: percentile(paced, 99) };
  } finally {
    await started.stop();
    await recordings.close();
  }
}

async function measureSteady(
  { pid }: Deliverer,
  tenant: Tenant,
  recordings: Recordings,
  events: number,
): Promise<Pick<Delivering, 'rate' | 'cpuPerEvent'>> {
  const count = WARM_UP_EVENTS + events;
  const created = keepOutstanding(tenant, recordings, { count, outstanding: OUTSTANDING_EVENTS });
  await Promise.race([created, recordings.reached(WARM_UP_EVENTS)]);
  const cpuBefore = await cpuMilliseconds(pid);
  await Promise.all([created, recordings.reached(count)]);
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
