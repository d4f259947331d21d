import { aTenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';
import type { Bench } from './bench.ts';
import { createEvents, createHookSecret, fullEndpoint } from './workload.ts';

const HEALTHY_ENDPOINTS = 5;
const WARM_UP_EVENTS = 100;

/** Deliveries a second to five healthy endpoints, each of which gets every event; beside one that never answers, or not. */
export async function measureBesideHanging(bench: Bench, hangs: boolean, events: number): Promise<number> {
  const tenant = await aTenant(bench.cluster);
  await createHookSecret(tenant);
  for (let index = 0; index < HEALTHY_ENDPOINTS; index += 1) {
    await tenant.createEndpoint(`healthy-${index}`, fullEndpoint(`${bench.origin}/healthy-${index}`));
  }
  if (hangs) {
    await tenant.createEndpoint('hangs', { ...fullEndpoint(`${bench.origin}/hang`), timeoutSeconds: 30 });
  }
  await createEvents(tenant, WARM_UP_EVENTS + events);
  await bench.arrivals();

  const operator = await bench.startOperator(tenant.namespace);
  const warmUp = WARM_UP_EVENTS * HEALTHY_ENDPOINTS;
  const deliveries = events * HEALTHY_ENDPOINTS;
  try {
    const all = waitUntil(
      'the healthy endpoints to get every event',
      async () => (await bench.arrived()) >= warmUp + deliveries,
      { timeoutMs: 60_000, everyMs: 200 },
    );
    await operator.during(all);
  } finally {
    await operator.stop();
  }
  const at = (await bench.arrivals()).map((arrival) => arrival.at);
  return (deliveries * 1000) / ((at[warmUp + deliveries - 1] ?? NaN) - (at[warmUp - 1] ?? NaN));
}
