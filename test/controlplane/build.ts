import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Progress } from './progress.ts';
import { kubernetesVersion } from './release.ts';

const [major, minor] = kubernetesVersion.slice(1).split('.');
const versionFlags = Object.entries({ gitVersion: kubernetesVersion, gitMajor: major, gitMinor: minor })
  .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  .join(' ');

const modules = [
  { folder: 'etcd', packages: ['.'], linkerFlags: '' },
  {
    folder: 'kubernetes',
    packages: ['k8s.io/kubernetes/cmd/kube-apiserver', 'k8s.io/kubernetes/cmd/kubectl'],
    linkerFlags: versionFlags,
  },
];

/** Builds kube-apiserver, kubectl and etcd into `folder` from the Go modules beside this file. Takes minutes. */
export async function build(folder: string, progress: Progress): Promise<void> {
  for (const { folder: module, packages, linkerFlags } of modules) {
    progress.report(`building ${module} with Go`);
    await runGo(
      join(import.meta.dirname, module),
      [
        'build',
        '-v',
        '-mod=readonly',
        '-trimpath',
        `-ldflags=-s -w ${linkerFlags}`,
        '-o',
        folder,
        ...packages,
      ],
      (line) => progress.report(`building ${module} with Go: ${line.trim()}`),
    );
  }
}

function runGo(cwd: string, args: readonly string[], onLine: (line: string) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' };
  const go = spawn('go', args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const lastLines: string[] = [];
  createInterface(go.stderr).on('line', (line) => {
    onLine(line);
    lastLines.push(line);
    if (lastLines.length > 20) lastLines.shift();
  });
  const onExit = () => go.kill();
  process.once('exit', onExit);
  go.once('error', (error) => reject(new Error(`Go could not be started (${error.message})`)));
  go.once('close', (status, signal) => {
    process.off('exit', onExit);
    if (status === 0) resolve();
    else reject(new Error(`go build ended with ${signal ?? status}:\n${lastLines.join('\n')}`));
  });
  return promise;
}
