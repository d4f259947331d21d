import { mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../support/cluster.ts';
import { freePort } from '../support/freePort.ts';
import { KeptServers } from '../support/keptServers.ts';
import { startServer } from '../support/startServer.ts';
import { waitUntil } from '../support/waitUntil.ts';
import type { BareLoopOptions } from './bareLoop.ts';
import type { Arrival } from './receiver.ts';

/** What delivers events, as a process of its own: the operator or the bare loop. */
export interface Deliverer {
  readonly pid: number;
  /** Gives what `work` gives; throws with the end of its log where the process ends before. */
  during<T>(work: Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export interface OperatorUnderTest extends Deliverer {
  /** Value of one of its metrics, whose name may have labels. */
  metric(name: string): Promise<number>;
}

/** Where measurements are made: a control plane, and a receiver of its own. */
export interface Bench {
  readonly cluster: Cluster;
  /** Of the receiver, without a slash at the end. */
  readonly origin: string;
  /** How many requests came that will be among the next `arrivals`. */
  arrived(): Promise<number>;
  /** The requests since the last call. */
  arrivals(): Promise<readonly Arrival[]>;
  startOperator(namespace: string): Promise<OperatorUnderTest>;
  startBareLoop(target: Pick<BareLoopOptions, 'namespace' | 'url' | 'secret'>): Promise<Deliverer>;
  /** Leaves nothing behind. Happens by itself when the process ends, in whatever way. */
  close(): Promise<void>;
}

const OPERATOR = join(import.meta.dirname, '../../dist/main.js');

/** Resolves when the receiver is ready. */
export async function openBench(cluster: Cluster): Promise<Bench> {
  // At once one after the other: somebody is in charge of the folder as soon as it is there.
  const folder = mkdtempSync(join(tmpdir(), 'flagpost-bench-'));
  const servers = new KeptServers(folder);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  await startServer(servers, {
    name: 'receiver',
    folder,
    program: process.execPath,
    args: [join(import.meta.dirname, 'receiver.ts'), String(port)],
    probe: () => fetch(`${origin}/count`),
  });

  const start = async (name: string, env: Record<string, string>, args: string[]): Promise<Deliverer> => {
    const log = join(folder, `${name}.log`);
    const variables = Object.entries(env).map(([variable, value]) => `${variable}=${value}`);
    const { pid, exited } = await servers.start(name, 'env', [...variables, process.execPath, ...args], log);
    const ended = exited.then(async (reason) => {
      throw new Error(`${name} ${reason}:\n${(await readFile(log, 'utf8')).slice(-2000)}`);
    });
    ended.catch(() => {});
    return { pid, during: (work) => Promise.race([work, ended]), stop: () => servers.kill(name) };
  };

  return {
    cluster,
    origin,
    arrived: async () => Number(await (await fetch(`${origin}/count`)).text()),
    arrivals: async () => (await (await fetch(`${origin}/arrivals`)).json()) as Arrival[],
    async startOperator(namespace) {
      const metricsPort = await freePort();
      const started = await start('operator', { KUBECONFIG: cluster.kubeconfigPath }, [
        OPERATOR,
        `--namespace=${namespace}`,
        '--allow-cidr=127.0.0.0/8',
        `--metrics-bind-address=127.0.0.1:${metricsPort}`,
        '--health-probe-bind-address=0',
      ]);
      const metrics = () => fetch(`http://127.0.0.1:${metricsPort}/metrics`);
      const serves = waitUntil('the operator to serve its metrics', () => metrics().catch(() => undefined));
      await started.during(serves);
      return {
        ...started,
        async metric(name) {
          const lines = (await (await metrics()).text()).split('\n');
          return Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length) ?? NaN);
        },
      };
    },
    startBareLoop(target) {
      const { server, ca, token } = cluster;
      const options: BareLoopOptions = { server, ca, token, ...target };
      return start('bare-loop', { BARE_LOOP: JSON.stringify(options) }, [
        join(import.meta.dirname, 'bareLoop.ts'),
      ]);
    },
    close: () => servers.end(),
  };
}
