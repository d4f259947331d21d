import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from '../bench/statistics.ts';
import type { ControlPlane } from '../support/controlPlane.ts';
import { anAuditLog } from '../support/eventSpec.ts';
import { startReceiver } from '../support/receiver.ts';
import { aTenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { inParallel } from '../support/inParallel.ts';
import { startOperator } from './operatorUnderTest.ts';

const PACE_MILLISECONDS = 250;
const EVENTS_WHILE_ALL_WAIT = 40;

/** From the API server's answer for an event to its receiver, in milliseconds. */
export interface Beside {
  readonly events: number;
  readonly while: 'none is there' | 'they come' | 'they wait';
  readonly deliveries: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What another namespace's events cost that come as fast as the API server takes them, and wait. */
export async function measureCrowd(controlPlane: ControlPlane, events: number): Promise<readonly Beside[]> {
  const [crowded, other] = [await aTenant(controlPlane), await aTenant(controlPlane)];
  const receiver = await startReceiver();
  await crowded.createEndpoint('suspended', { url: 'http://nobody.shop.svc/', suspend: true });
  await other.createEndpoint('other', { url: receiver.origin, eventTypes: ['AUDIT_LOG'] });
  const operator = await startOperator({ kubeconfig: controlPlane.kubeconfigPath });

  let created = 0;
  const deliverOne = async () => {
    created += 1;
    await other.createEvent(`one-${created}`, anAuditLog());
    const begun = performance.now();
    const hasCome = () => receiver.requests.length >= created;
    await waitUntil('the request', hasCome, { timeoutMs: 60_000, everyMs: 1 });
    return performance.now() - begun;
  };
  const measure = async (during: Beside['while'], goesOn: (done: number) => boolean): Promise<Beside> => {
    const took: number[] = [];
    while (goesOn(took.length)) {
      took.push(await deliverOne());
      await delay(PACE_MILLISECONDS);
    }
    const [p50 = NaN, p99 = NaN, max = NaN] = [50, 99, 100].map((percent) =>
      Math.round(percentile(took, percent)),
    );
    return { events, while: during, deliveries: took.length, p50, p99, max };
  };

  try {
    await operator.ready();
    const before = await measure('none is there', (done) => done < EVENTS_WHILE_ALL_WAIT);
    let come = false;
    const coming = inParallel(events, 16, (index) => crowded.createEvent(`waiting-${index}`)).then(
      () => (come = true),
    );
    const meanwhile = await measure('they come', () => !come);
    await coming;
    const isPending = ({ pendingDeliveries }: { readonly pendingDeliveries?: number }) =>
      pendingDeliveries === events;
    await crowded.endpointStatus('suspended', isPending, 600_000);
    return [before, meanwhile, await measure('they wait', (done) => done < EVENTS_WHILE_ALL_WAIT)];
  } finally {
    await operator.stop();
    await receiver.close();
  }
}
