import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '../support/freePort.ts';
import { waitUntil } from '../support/waitUntil.ts';

/** The compiled operator as a process of its own, which ends with this one. */
export interface OperatorUnderTest {
  readonly pid: number;
  /** performance.now() when it was started. */
  readonly startedAt: number;
  readonly output: () => string;
  /** Resolves once it is ready, with the milliseconds since its start; throws with its output where it ends before. */
  readonly ready: (timeoutMs?: number) => Promise<number>;
  /** The sum of a metric's values whose lines match. */
  readonly metric: (line: RegExp) => Promise<number>;
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
}

export interface OperatorUnderTestOptions {
  readonly kubeconfig: string;
  readonly args?: readonly string[];
  /** Node's own, such as `--max-old-space-size=200`. */
  readonly nodeArgs?: readonly string[];
}

const MAIN = join(import.meta.dirname, '../../dist/main.js');

export async function startOperator({
  kubeconfig,
  args = [],
  nodeArgs = [],
}: OperatorUnderTestOptions): Promise<OperatorUnderTest> {
  const [metricsPort, probePort] = [await freePort(), await freePort()];
  const addresses = [
    `--metrics-bind-address=127.0.0.1:${metricsPort}`,
    `--health-probe-bind-address=127.0.0.1:${probePort}`,
    '--allow-cidr=127.0.0.0/8',
  ];
  const startedAt = performance.now();
  const child = spawn(process.execPath, [...nodeArgs, MAIN, ...addresses, ...args], {
    env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output = (output + chunk).slice(-100_000)));
  }
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  let hasEnded = false;
  const exited = once(child, 'close').then(() => {
    hasEnded = true;
    process.off('exit', kill);
  });
  const get = async (port: number, path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  return {
    pid: child.pid ?? 0,
    startedAt,
    output: () => output,
    async ready(timeoutMs = 120_000) {
      await waitUntil(
        'the operator to be ready',
        async () => {
          if (hasEnded) throw new Error(`the operator ended: ${output.slice(-3000)}`);
          const answer = await get(probePort, '/readyz').catch(() => undefined);
          return answer?.ok;
        },
        { timeoutMs, everyMs: 10 },
      );
      return performance.now() - startedAt;
    },
    async metric(line) {
      const text = await (await get(metricsPort, '/metrics')).text();
      const values = text.split('\n').filter((one) => line.test(one));
      return values.reduce((sum, one) => sum + Number(one.slice(one.lastIndexOf(' '))), 0);
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await exited;
    },
  };
}
