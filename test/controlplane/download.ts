import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EnvHttpProxyAgent, interceptors, request } from 'undici';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Progress } from './progress.ts';
import { goPlatform, kubernetesVersion } from './release.ts';

/** The list of the archives that Kubernetes' own test tools use. */
const indexUrl =
  'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';

const indexSchema = z.object({
  releases: z.record(z.string(), z.record(z.string(), z.object({ hash: z.string(), selfLink: z.url() }))),
});

interface Archive {
  readonly name: string;
  readonly url: string;
  /** SHA-512 of the archive, hexadecimal. */
  readonly hash: string;
}

/** Puts the programs of the official envtest archive into `folder`: the newest patch release of our minor version. */
export async function download(folder: string, progress: Progress): Promise<void> {
  progress.report('looking for the official archive');
  const agent = new EnvHttpProxyAgent({ connect: { timeout: 5_000 }, allowH2: false });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }));
  const get = async (url: string): Promise<Buffer> => {
    const answer = await request(url, { dispatcher });
    if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
    return Buffer.from(await answer.body.arrayBuffer());
  };
  try {
    const archive = chooseArchive((await get(indexUrl)).toString(), kubernetesVersion, goPlatform());
    progress.report(`downloading ${archive.name}`);
    const bytes = await get(archive.url);
    if (createHash('sha512').update(bytes).digest('hex') !== archive.hash) {
      throw new Error(`${archive.url} does not have the SHA-512 that its index names`);
    }
    await unpack(bytes, folder);
  } finally {
    await agent.close();
  }
}

/** Throws where the index has no release of the version's minor for the platform. */
export function chooseArchive(index: string, version: string, platform: string): Archive {
  const { releases } = indexSchema.parse(parse(index));
  const series = version.slice(0, version.lastIndexOf('.') + 1);
  const patch = (release: string) => Number(release.slice(series.length));
  const candidates = Object.keys(releases)
    .filter((release) => release.startsWith(series) && Number.isInteger(patch(release)))
    .toSorted((a, b) => patch(b) - patch(a));
  for (const release of candidates) {
    const name = `envtest-${release}-${platform}.tar.gz`;
    const archive = releases[release]?.[name];
    if (archive) return { name, url: archive.selfLink, hash: archive.hash };
  }
  throw new Error(`no archive of ${series}x for ${platform}`);
}

/** The archive holds its programs under controller-tools/envtest/. */
async function unpack(archive: Buffer, folder: string): Promise<void> {
  const file = join(folder, 'envtest.tar.gz');
  await writeFile(file, archive);
  await promisify(execFile)('tar', ['-xzf', file, '-C', folder, '--strip-components=2']);
  await rm(file);
}
