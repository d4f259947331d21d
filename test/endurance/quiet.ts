import { setTimeout as delay } from 'node:timers/promises';
import { cpuMilliseconds } from '../bench/processUsage.ts';
import { startApiProxy } from '../support/apiProxy.ts';
import type { ControlPlane } from '../support/controlPlane.ts';
import { aTenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { inParallel } from '../support/inParallel.ts';
import { startOperator } from './operatorUnderTest.ts';

export interface Quiet {
  readonly endpoints: number;
  readonly secrets: number;
  readonly minutes: number;
  readonly writes: number;
  readonly lists: number;
  readonly watches: number;
  readonly cpuPercent: number;
}

/** What so many endpoints, with so many Secrets between them, cost while nothing happens. */
export async function measureQuiet(
  controlPlane: ControlPlane,
  { endpoints, secrets, minutes }: Pick<Quiet, 'endpoints' | 'secrets' | 'minutes'>,
): Promise<Quiet> {
  const tenant = await aTenant(controlPlane);
  await inParallel(secrets, 8, (index) =>
    tenant.createSecret(`secret-${index}`, { secret: 'my shared secret' }),
  );
  await inParallel(endpoints, 8, (index) =>
    tenant.createEndpoint(`quiet-${index}`, {
      url: 'http://nobody.shop.svc/',
      ...(secrets > 0 && {
        signingKeys: [{ secretKeyRef: { name: `secret-${index % secrets}`, key: 'secret' } }],
      }),
    }),
  );
  const proxy = await startApiProxy(controlPlane);
  const operator = await startOperator({
    kubeconfig: proxy.kubeconfigPath,
    args: [`--namespace=${tenant.namespace}`],
  });
  try {
    await operator.ready();
    const statuses = () => proxy.count({ verb: 'update', resource: 'webhookendpoints' });
    await waitUntil('all statuses', () => statuses() >= endpoints, { timeoutMs: 300_000, everyMs: 200 });
    await delay(10_000);
    const before = proxy.calls.length;
    const cpuBefore = await cpuMilliseconds(operator.pid);
    await delay(minutes * 60_000);
    const cpu = (await cpuMilliseconds(operator.pid)) - cpuBefore;
    const calls = proxy.calls.slice(before);
    const count = (...verbs: string[]) => calls.filter(({ verb }) => verbs.includes(verb)).length;
    return {
      endpoints,
      secrets,
      minutes,
      writes: count('create', 'update', 'patch', 'delete'),
      lists: count('list', 'get'),
      watches: count('watch'),
      cpuPercent: Math.round(cpu / minutes / 6) / 100,
    };
  } finally {
    await operator.stop();
    await proxy.close();
  }
}
