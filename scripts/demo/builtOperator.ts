import { mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/support/freePort.ts';
import { KeptServers } from '../../test/support/keptServers.ts';
import { startServer } from '../../test/support/startServer.ts';
import { root } from '../runTool.ts';
import { printIndented } from './print.ts';
import { runProgram } from './runProgram.ts';

/** The compiled operator as a process of its own. It ends with this process, however that ends. */
export interface BuiltOperator {
  /** The end of its log. */
  lastLines(): Promise<string>;
  /** Resolves when the operator and its log are gone. */
  stop(): Promise<void>;
}

export async function buildOperator(signal: AbortSignal): Promise<void> {
  printIndented('$ npm run build');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  // Its compile cache would stay behind.
  const env = { NODE_DISABLE_COMPILE_CACHE: '1' };
  await runProgram(process.execPath, [tsc, '-p', join(root, 'src')], { signal, env });
}

/** Resolves when the operator is ready. */
export async function startBuiltOperator(kubeconfig: string): Promise<BuiltOperator> {
  const probePort = await freePort();
  const flags = [
    '--allow-cidr=127.0.0.0/8',
    '--metrics-bind-address=127.0.0.1:0',
    `--health-probe-bind-address=127.0.0.1:${probePort}`,
  ];
  printIndented(`$ node dist/main.js ${flags.join(' ')}`);
  // At once one after the other: somebody is in charge of the folder as soon as it is there.
  const folder = mkdtempSync(join(tmpdir(), 'flagpost-demo-'));
  const servers = new KeptServers(folder);
  try {
    const pid = await startServer(servers, {
      name: 'operator',
      folder,
      program: 'env',
      args: [`KUBECONFIG=${kubeconfig}`, process.execPath, join(root, 'dist/main.js'), ...flags],
      probe: () => fetch(`http://127.0.0.1:${probePort}/readyz`),
    });
    printIndented(`the operator is ready; its process is ${pid}`);
  } catch (error) {
    await servers.end();
    throw error;
  }
  return {
    lastLines: async () =>
      (await readFile(join(folder, 'operator.log'), 'utf8')).trimEnd().split('\n').slice(-15).join('\n'),
    stop: () => servers.end(),
  };
}
