import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from './build.ts';
import { cacheHome } from './cacheHome.ts';
import { download } from './download.ts';
import { ensureFolder } from './ensureFolder.ts';
import type { Progress } from './progress.ts';
import { kubernetesVersion, programPaths } from './release.ts';

/** No folder with kube-apiserver, etcd and kubectl, and no way to get one; the message names the remedy. */
export class AssetsError extends Error {
  override readonly name = 'AssetsError';
}

async function isComplete(folder: string): Promise<boolean> {
  const found = await Promise.allSettled(programPaths(folder).map((path) => access(path)));
  return found.every((result) => result.status === 'fulfilled');
}

const cacheFolder = () => join(cacheHome(), 'flagpost', 'controlplane', kubernetesVersion);

/**
 * The folder that holds kube-apiserver, etcd and kubectl: KUBEBUILDER_ASSETS where it is set, else the cache.
 * Gets nothing; undefined where the cache is empty. Throws AssetsError where KUBEBUILDER_ASSETS lacks a program.
 */
export async function findAssets(): Promise<string | undefined> {
  const given = process.env['KUBEBUILDER_ASSETS'];
  if (given) {
    if (await isComplete(given)) return given;
    throw new AssetsError(
      `KUBEBUILDER_ASSETS=${given} must name a folder that holds ${programPaths('').join(', ')}; ` +
        'unset it to have them downloaded or built',
    );
  }
  return (await isComplete(cacheFolder())) ? cacheFolder() : undefined;
}

/** Like findAssets, but downloads or builds what is missing first; progress goes to stderr. */
export async function ensureAssets(): Promise<string> {
  const found = await findAssets();
  if (found !== undefined) return found;
  const folder = cacheFolder();
  const name = `control plane ${kubernetesVersion}`;
  await ensureFolder(folder, { name, isComplete, fill: downloadOrBuild });
  return folder;
}

async function downloadOrBuild(folder: string, progress: Progress): Promise<void> {
  const reasons: string[] = [];
  for (const get of [download, build]) {
    try {
      await get(folder, progress);
      if (await isComplete(folder)) return;
      reasons.push(`${get.name}: ${programPaths('').join(', ')} were not all in what came`);
    } catch (error) {
      reasons.push(`${get.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new AssetsError(
    `no control plane for the tests:\n${reasons.map((reason) => `  ${reason}\n`).join('')}` +
      'Allow access to github.com, or install Go (1.26 or later, https://go.dev/dl), or set KUBEBUILDER_ASSETS ' +
      `to a folder that holds ${programPaths('').join(', ')} of Kubernetes ${kubernetesVersion}.`,
  );
}
