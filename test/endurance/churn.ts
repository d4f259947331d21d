import type { ControlPlane } from '../support/controlPlane.ts';
import { startReceiver } from '../support/receiver.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { cpuMilliseconds, residentMegabytes } from '../bench/processUsage.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { startOperator, type OperatorUnderTest } from './operatorUnderTest.ts';

const TENANTS = 4;

/** What the operator holds, once it has had the time to let go of what it could. MB are 10^6 bytes. */
export interface Held {
  readonly minutes: number;
  readonly rounds: number;
  readonly residentMB: number;
  readonly heapMB: number;
  readonly files: number;
  readonly handles: number;
  readonly cpuPercent: number;
}

/** An endpoint with a Secret, an event that is delivered to it with that, and all three deleted. */
async function live(tenant: Tenant, name: string, origin: string): Promise<void> {
  await tenant.createSecret(name, { secret: name });
  await tenant.createEndpoint(name, {
    url: `${origin}/${name}`,
    signingKeys: [{ secretKeyRef: { name, key: 'secret' } }],
    match: { selector: { matchLabels: { to: name } } },
  });
  await tenant.createEvent(name, undefined, { labels: { to: name } });
  await tenant.eventReason(name, 'AllDelivered', 60_000);
  await tenant.updateSecret(name, { secret: `${name} again` });
  await tenant.delete('webhookendpoint', name);
  await tenant.delete('secret', name);
  await tenant.delete('flagevent', name);
}

async function held(
  operator: OperatorUnderTest,
  minutes: number,
  rounds: number,
  cpu: number,
): Promise<Held> {
  const { now } = await residentMegabytes(operator.pid);
  return {
    minutes: Math.round(minutes * 10) / 10,
    rounds,
    residentMB: Math.round(now),
    heapMB: Math.round((await operator.metric(/^nodejs_heap_size_used_bytes /)) / 1e6),
    files: (await readdir(`/proc/${operator.pid}/fd`)).length,
    handles: await operator.metric(/^nodejs_active_handles_total /),
    cpuPercent: cpu,
  };
}

/** Endpoints and Secrets are created and deleted for so many minutes; what is held is read every so many, at rest. */
export async function measureChurn(
  controlPlane: ControlPlane,
  minutes: number,
  everyMinutes: number,
  onHeld: (held: Held) => void,
): Promise<void> {
  const tenants = await Promise.all(Array.from({ length: TENANTS }, () => aTenant(controlPlane)));
  const receiver = await startReceiver();
  const operator = await startOperator({
    kubeconfig: controlPlane.kubeconfigPath,
    nodeArgs: ['--expose-gc', '--import=data:text/javascript,process.on("SIGUSR2",()=>globalThis.gc())'],
  });
  try {
    await operator.ready();
    const begun = performance.now();
    const passed = () => (performance.now() - begun) / 60_000;
    let rounds = 0;
    for (let part = 1; passed() < minutes; part += 1) {
      const [cpuBefore, before] = [await cpuMilliseconds(operator.pid), performance.now()];
      await Promise.all(
        tenants.map(async (tenant, index) => {
          while (passed() < part * everyMinutes) {
            rounds += 1;
            await live(tenant, `churn-${index}-${rounds}`, receiver.origin);
          }
        }),
      );
      const cpu = (await cpuMilliseconds(operator.pid)) - cpuBefore;
      const percent = Math.round((100 * cpu) / (performance.now() - before));
      // What is kept for a while, such as connections, is let go of.
      await delay(15_000);
      process.kill(operator.pid, 'SIGUSR2');
      await delay(1000);
      onHeld(await held(operator, passed(), rounds, percent));
      await waitUntil(
        'nothing to be pending',
        async () => (await operator.metric(/^flagpost_pending_deliveries /)) === 0,
      );
    }
  } finally {
    await operator.stop();
    await receiver.close();
  }
}
