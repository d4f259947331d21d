import { goBuild } from './goBuild.ts';
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
  for (const module of modules) await goBuild(module, folder, progress);
}
