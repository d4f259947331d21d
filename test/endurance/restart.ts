import { deliveryId } from '../../src/delivery/deliveryId.ts';
import { eventStatus } from '../../src/delivery/eventStatus.ts';
import { AdminClient } from '../support/adminClient.ts';
import type { ControlPlane } from '../support/controlPlane.ts';
import { startReceiver } from '../support/receiver.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { cpuMilliseconds, residentMegabytes } from '../bench/processUsage.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { inParallel } from '../support/inParallel.ts';
import { startOperator } from './operatorUnderTest.ts';

const AT_ONCE = 16;

/** From the operator's start to its first request for an event that is created while it starts, in ms. */
async function startToFirstDelivery(controlPlane: ControlPlane, tenant: Tenant, name: string) {
  const receiver = await startReceiver();
  await tenant.createEndpoint(name, {
    url: receiver.origin,
    match: { selector: { matchLabels: { to: name } } },
  });
  await tenant.createEvent(name, undefined, { labels: { to: name } });
  const operator = await startOperator({ kubeconfig: controlPlane.kubeconfigPath });
  try {
    await waitUntil('the delivery', () => receiver.requests.length > 0, { timeoutMs: 120_000, everyMs: 2 });
    const delivered = performance.now() - operator.startedAt;
    const cpu = await cpuMilliseconds(operator.pid);
    const requests = (method: string) =>
      operator.metric(new RegExp(`^rest_client_requests_total.*method="${method}"`));
    const [reads, writes] = [await requests('GET'), await requests('PUT')];
    const ready = await operator.ready();
    const { peak } = await residentMegabytes(operator.pid);
    return {
      cpu,
      reads,
      writes,
      delivered: Math.round(delivered),
      ready: Math.round(ready),
      peakMB: Math.round(peak),
    };
  } finally {
    await operator.stop('SIGKILL');
    await receiver.close();
  }
}

/** Events of a namespace that have finished, and others that a suspended endpoint holds, as their statuses say. */
async function fill(
  controlPlane: ControlPlane,
  tenant: Tenant,
  finished: number,
  waiting: number,
): Promise<void> {
  const admin = new AdminClient(controlPlane);
  const held = await tenant.createEndpoint('held', { url: 'http://nobody.shop.svc/', suspend: true });
  await inParallel(finished + waiting, AT_ONCE, async (index) => {
    const isFinished = index < finished;
    const name = isFinished ? `finished-${index}` : `waiting-${index}`;
    const event = await tenant.createEvent(name);
    const { uid, creationTimestamp: startTime } = event.metadata;
    const delivery = {
      endpointName: 'held',
      endpointUID: held.metadata.uid,
      deliveryID: deliveryId(uid, held.metadata.uid),
      startTime,
      redeliveries: 0,
    };
    const ended = {
      state: 'Succeeded',
      attempts: 1,
      reason: 'Delivered',
      completionTime: startTime,
    } as const;
    const waits = { state: 'Pending', attempts: 0, reason: 'Suspended' } as const;
    const status = eventStatus(
      event,
      [{ ...delivery, ...(isFinished ? ended : waits) }],
      Date.parse(startTime),
    );
    const path = `/apis/flagpost.dev/v1alpha1/namespaces/${tenant.namespace}/flagevents/${name}/status`;
    const answer = await admin.call('PATCH', path, {
      body: { status },
      contentType: 'application/merge-patch+json',
      accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  });
  await admin.close();
}

/** What a start costs where there is nothing, and where there is a lot. */
export async function measureRestart(
  controlPlane: ControlPlane,
  finished: number,
  waiting: number,
  rounds: number,
) {
  const tenant = await aTenant(controlPlane);
  const rows: Record<string, string | number>[] = [];
  const measure = async (cluster: string) => {
    for (let round = 1; round <= rounds; round += 1) {
      const name = `${cluster}-${round}`;
      rows.push({ cluster, ...(await startToFirstDelivery(controlPlane, tenant, name)) });
    }
  };
  await measure('empty');
  const begun = performance.now();
  await fill(controlPlane, tenant, finished, waiting);
  console.error(`filled in ${Math.round((performance.now() - begun) / 1000)} s`);
  await measure('full');
  return rows;
}
