import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Tenant } from './tenant.ts';

/** Runs a line of shell as a person of the tenant's namespace would, with kubectl on the PATH; gives what it printed. */
export async function shellLine(
  { cluster, namespace }: Pick<Tenant, 'cluster' | 'namespace'>,
  line: string,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flagpost-shell-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await copyFile(cluster.kubeconfigPath, kubeconfig);
  try {
    await cluster.kubectl([
      'config',
      'set-context',
      '--current',
      `--namespace=${namespace}`,
      `--kubeconfig=${kubeconfig}`,
    ]);
    return await run(line, {
      PATH: `${dirname(cluster.kubectlPath)}${delimiter}${process.env['PATH']}`,
      KUBECONFIG: kubeconfig,
      KUBECACHEDIR: cluster.cacheFolder,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Throws what it complained of. */
async function run(line: string, env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn('sh', ['-c', line], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.withResolvers<number | null>();
  child.once('error', ended.reject);
  child.once('close', ended.resolve);
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended.promise]);
  if (status !== 0) throw new Error(`${line}: ${stderr}`);
  return stdout;
}
