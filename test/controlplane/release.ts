import { join } from 'node:path';

/** What test/controlplane/kubernetes/go.mod requires; the name of the cache folder too. */
export const kubernetesVersion = 'v1.36.3';

const programs = ['kube-apiserver', 'etcd', 'kubectl'] as const;
export type Program = (typeof programs)[number];

const operatingSystems: Readonly<Record<string, string>> = {
  linux: 'linux',
  darwin: 'darwin',
  win32: 'windows',
};
const architectures: Readonly<Record<string, string>> = { x64: 'amd64' };

/** This machine in Go's words, such as `linux-amd64`: the way the official archives are named. */
export function goPlatform(): string {
  const system = operatingSystems[process.platform] ?? process.platform;
  return `${system}-${architectures[process.arch] ?? process.arch}`;
}

/** Path of a program in a folder of assets. */
export function programPath(folder: string, program: Program): string {
  return join(folder, process.platform === 'win32' ? `${program}.exe` : program);
}

/** Paths of all that a folder of assets has to hold. */
export function programPaths(folder: string): readonly string[] {
  return programs.map((program) => programPath(folder, program));
}
