import { startReceiver } from '../support/receiver.ts';
import type { ControlPlane } from '../support/controlPlane.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { cpuMilliseconds, residentMegabytes } from '../bench/processUsage.ts';
import { inParallel } from '../support/inParallel.ts';
import { startOperator } from './operatorUnderTest.ts';

const HEAP_MEGABYTES = 200;
/** With what is around it, the body of a request is 512 KiB at most. */
const TEXT = 'x'.repeat(511 * 1024);

async function fill(tenant: Tenant, events: number): Promise<void> {
  await tenant.createEndpoint('suspended', { url: 'http://nobody.shop.svc/', suspend: true });
  await inParallel(events, 4, async (index) => {
    await tenant.createEvent(`large-${index}`, aFlagUpdated({ changed_by: `user-${index}`, text: TEXT }));
  });
}

/** In milliseconds and MB (10^6 bytes). */
export interface Large {
  readonly events: number;
  /** From the start until it is ready. */
  readonly ready: number;
  /** The CPU time of that. */
  readonly cpu: number;
  /** From the creation of an event in another namespace then to its receiver. */
  readonly delivered: number;
  readonly peakMB: number;
}

/** A start with so many events of 512 KiB that wait in one namespace, and a heap of 200 MB. */
export async function measureLarge(controlPlane: ControlPlane, events: number): Promise<Large> {
  const [crowded, other] = [await aTenant(controlPlane), await aTenant(controlPlane)];
  const receiver = await startReceiver();
  await fill(crowded, events);
  await other.createEndpoint('other', { url: receiver.origin });
  const operator = await startOperator({
    kubeconfig: controlPlane.kubeconfigPath,
    nodeArgs: [`--max-old-space-size=${HEAP_MEGABYTES}`],
  });
  try {
    const ready = await operator.ready();
    const cpu = await cpuMilliseconds(operator.pid);
    await other.createEvent('fresh');
    const created = performance.now();
    await waitUntil('the delivery', () => receiver.requests.length > 0, { timeoutMs: 120_000, everyMs: 5 });
    const delivered = performance.now() - created;
    const { peak } = await residentMegabytes(operator.pid);
    return {
      events,
      ready: Math.round(ready),
      cpu,
      delivered: Math.round(delivered),
      peakMB: Math.round(peak),
    };
  } finally {
    await operator.stop('SIGKILL');
    await receiver.close();
  }
}
