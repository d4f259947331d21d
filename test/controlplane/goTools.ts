import { spawnSync } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheHome } from './cacheHome.ts';
import { ensureFolder } from './ensureFolder.ts';
import { goBuild } from './goBuild.ts';

/** Programs for the tests of deploy/; each is built from the Go module of its name, which requires this version. */
export const goTools = {
  helm: {
    requires: 'helm.sh/helm/v4',
    version: 'v4.3.1',
    packages: ['helm.sh/helm/v4/cmd/helm'],
    linkerFlags: '-X helm.sh/helm/v4/internal/version.version=v4.3.1',
  },
  kubeconform: {
    requires: 'github.com/yannh/kubeconform',
    version: 'v0.8.0',
    packages: ['github.com/yannh/kubeconform/cmd/kubeconform'],
    linkerFlags: '',
  },
  'kubectl-validate': {
    requires: 'sigs.k8s.io/kubectl-validate',
    version: 'v0.0.4',
    packages: ['sigs.k8s.io/kubectl-validate'],
    linkerFlags: '',
  },
  lua: { requires: 'github.com/yuin/gopher-lua', version: 'v1.1.1', packages: ['.'], linkerFlags: '' },
} as const;
export type GoTool = keyof typeof goTools;

const folderOf = (tool: GoTool) => join(cacheHome(), 'flagpost', tool, goTools[tool].version);
const programIn = (tool: GoTool, folder: string) =>
  join(folder, process.platform === 'win32' ? `${tool}.exe` : tool);
const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Path of the program in the cache, if it is there. */
export async function findGoTool(tool: GoTool): Promise<string | undefined> {
  const path = programIn(tool, folderOf(tool));
  return (await isThere(path)) ? path : undefined;
}

/** Like findGoTool, but builds it first where Go is there: the larger ones take minutes. Progress goes to stderr. */
export async function ensureGoTool(tool: GoTool): Promise<string | undefined> {
  const found = await findGoTool(tool);
  if (found !== undefined || spawnSync('go', ['version']).status !== 0) return found;
  await ensureFolder(folderOf(tool), {
    name: `${tool} ${goTools[tool].version}`,
    isComplete: (folder) => isThere(programIn(tool, folder)),
    fill: (folder, progress) => goBuild({ folder: tool, ...goTools[tool] }, folder, progress),
  });
  return findGoTool(tool);
}
