import { aTenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';
import type { Bench } from './bench.ts';
import { residentMegabytes } from './processUsage.ts';
import { createEvents, createHookSecret, fullEndpoint } from './workload.ts';

/** In MB (10^6 bytes). */
export interface Memory {
  readonly resident: number;
  readonly peak: number;
  readonly heap: number;
}

const PUTS = 'rest_client_requests_total{code="200",method="PUT"';

/** The operator's memory once so many events, each with one delivery, are held by a suspended endpoint and recorded. */
export async function measureHolding(bench: Bench, pending: number): Promise<Memory> {
  const tenant = await aTenant(bench.cluster);
  await createHookSecret(tenant);
  await tenant.createEndpoint('suspended', { ...fullEndpoint(`${bench.origin}/hook`), suspend: true });
  const operator = await bench.startOperator(tenant.namespace);
  const puts = `${PUTS},host="${new URL(bench.cluster.server).host}"}`;
  const held = async () => {
    await createEvents(tenant, pending);
    // Each is written once, when it begins to wait.
    await waitUntil(
      'all events to be held and recorded',
      async () =>
        (await operator.metric('flagpost_pending_deliveries')) === pending &&
        (await operator.metric(puts)) >= pending,
      { timeoutMs: 120_000, everyMs: 500 },
    );
    const { now, peak } = await residentMegabytes(operator.pid);
    const heap = (await operator.metric('nodejs_heap_size_used_bytes')) / 1e6;
    return { resident: now, peak, heap };
  };
  try {
    return await operator.during(held());
  } finally {
    await operator.stop();
  }
}
