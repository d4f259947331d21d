import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import { DEPLOYED_USER } from './deployedRights.ts';
import type { Tenant } from './tenant.ts';
import { waitUntil } from './waitUntil.ts';

export interface OperatorProcessOptions {
  readonly kubeconfig: string;
  /** Empty: all, which is for a control plane of one's own. */
  readonly namespaces: readonly string[];
  /** Further flags. Loopback is allowed unless `args` has an --allow-cidr of its own. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is run instead of the source with the Node of the tests, such as a compiled operator. */
  readonly program?: readonly [command: string, ...args: string[]];
}

/** The operator as a process of its own, from its source. */
export interface OperatorProcess {
  readonly pid: number;
  /** What it has logged so far, an object a line. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Everything that it has printed. */
  readonly output: () => string;
  /** Text of one of its probes or of /metrics; rejects where no answer comes in time. */
  get(
    path: '/healthz' | '/readyz' | '/metrics',
    timeoutMs?: number,
  ): Promise<{ readonly status: number; readonly body: string }>;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Resolves with the exit status, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** By SIGTERM, unless it has ended; resolves with the exit status. */
  readonly stop: () => Promise<number | NodeJS.Signals>;
}

const MAIN = join(import.meta.dirname, '../../src/main.ts');

const START_TIMEOUT_MILLISECONDS = 60_000;

/** Resolves once the operator works. Ends with the test's process. */
export async function startOperatorProcess(options: OperatorProcessOptions): Promise<OperatorProcess> {
  const operator = spawnOperator(options);
  const isReady = async () => {
    const answer = await operator.get('/readyz').catch(() => undefined);
    return answer?.status === 200;
  };
  const early = operator.exited.then((status) => {
    throw new Error(`the operator ended with ${status}`);
  });
  const ready = waitUntil('the operator to be ready', isReady, { timeoutMs: START_TIMEOUT_MILLISECONDS });
  early.catch(() => {});
  ready.catch(() => {});
  try {
    await Promise.race([ready, early]);
  } catch (error) {
    // Nobody else knows of it, and left alone it would keep the tests from ending.
    operator.kill('SIGKILL');
    throw new Error(`${String(error)}: ${operator.output()}`, { cause: error });
  }
  return operator;
}

/** With the rights that deploy/ gives the operator, where the control plane has somebody who has them; else all. */
export function operatorKubeconfig({ users, kubeconfigPath }: Cluster): string {
  return users[DEPLOYED_USER] ?? kubeconfigPath;
}

/** As startOperatorProcess, for one tenant alone. */
export function startOperatorFor(
  { cluster, namespace }: Pick<Tenant, 'cluster' | 'namespace'>,
  more: Pick<OperatorProcessOptions, 'args' | 'env'> = {},
): Promise<OperatorProcess> {
  return startOperatorProcess({ kubeconfig: operatorKubeconfig(cluster), namespaces: [namespace], ...more });
}

/** As startOperatorProcess, without waiting for it to be ready. */
export function spawnOperator({
  kubeconfig,
  namespaces,
  args = [],
  env,
  program: [command, ...first] = [process.execPath, MAIN],
}: OperatorProcessOptions): OperatorProcess {
  const allow = args.some((arg) => arg.startsWith('--allow-cidr')) ? [] : ['--allow-cidr=127.0.0.0/8'];
  const addresses = ['--metrics-bind-address=127.0.0.1:0', '--health-probe-bind-address=127.0.0.1:0'];
  const scope = namespaces.map((namespace) => `--namespace=${namespace}`);
  const child = spawn(command, [...first, ...addresses, ...allow, ...scope, ...args], {
    env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfig, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  const killOnExit = () => child.kill('SIGKILL');
  process.on('exit', killOnExit);
  const exited = once(child, 'close').then(([status, signal]: (number | NodeJS.Signals)[]) => {
    process.off('exit', killOnExit);
    return status ?? signal ?? 0;
  });
  const log = () => output.split('\n').flatMap(parseLine);
  return {
    pid: child.pid ?? 0,
    get log() {
      return log();
    },
    output: () => output,
    async get(path, timeoutMs = 5000) {
      const started = log().find(({ msg }) => msg === 'started');
      const port = Number(started?.[path === '/metrics' ? 'metricsPort' : 'healthProbePort']);
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: response.status, body: await response.text() };
    },
    kill: (signal) => void child.kill(signal),
    exited,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

function parseLine(line: string): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [{ ...value }] : [];
  } catch {
    return [];
  }
}
