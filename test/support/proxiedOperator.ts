import { startApiProxy, type ApiProxy } from './apiProxy.ts';
import type { Cluster } from './cluster.ts';
import { onlyFor } from './onlyFor.ts';
import { startOperatorProcess, type OperatorProcess } from './operatorProcess.ts';
import { startReceiver, type Receiver } from './receiver.ts';
import { aTenant, type Tenant } from './tenant.ts';

/** An operator that works in one namespace and reaches the API server through a proxy that can fail. */
export interface ProxiedOperator {
  readonly tenant: Tenant;
  readonly proxy: ApiProxy;
  readonly receiver: Receiver;
  /** The one that runs now. */
  readonly process: OperatorProcess;
  /** Creates an endpoint at `/NAME` of the receiver and waits until the operator has it. */
  readonly addEndpoint: (name: string, spec?: Readonly<Record<string, unknown>>) => Promise<void>;
  /** How many requests came to the endpoint of this name. */
  readonly requestsTo: (name: string) => number;
  /** Has an event delivered, so that the operator knows that it can record what it sends. */
  readonly warmUp: () => Promise<void>;
  /** Kills the operator where it still runs, and starts another. */
  readonly restart: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function startProxiedOperator(cluster: Cluster): Promise<ProxiedOperator> {
  const tenant = await aTenant(cluster);
  const receiver = await startReceiver();
  const proxy = await startApiProxy(cluster);
  const start = () =>
    startOperatorProcess({ kubeconfig: proxy.kubeconfigPath, namespaces: [tenant.namespace] });
  let process = await start();
  const kill = async () => {
    process.kill('SIGKILL');
    await process.exited;
  };
  const addEndpoint: ProxiedOperator['addEndpoint'] = async (name, spec = {}) => {
    await tenant.createEndpoint(name, { url: `${receiver.origin}/${name}`, ...spec });
    await tenant.endpointReason(name, 'Ready');
  };
  return {
    tenant,
    proxy,
    receiver,
    get process() {
      return process;
    },
    addEndpoint,
    requestsTo: (name) => receiver.requests.filter(({ path }) => path === `/${name}`).length,
    async warmUp() {
      const { endpoint, event } = onlyFor('warm-up');
      await addEndpoint('warm-up', endpoint);
      await tenant.createEvent('warm-up', undefined, event);
      await tenant.eventReason('warm-up', 'AllDelivered');
    },
    kill,
    async restart() {
      await kill();
      process = await start();
    },
    async close() {
      await kill();
      await proxy.close();
      await receiver.close();
    },
  };
}
