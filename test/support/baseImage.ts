import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What the Dockerfile's RUN lines call, and what those programs call. */
const PROGRAMS = ['sh', 'bash', 'env', 'ldd', 'grep', 'mkdir', 'dirname', 'cp', 'cat', 'find'];

/** Where the base's npm, which never asks a registry, has to find the packages. */
export const npmCache = '/npm-cache';

/**
 * A root file system for the base that the Dockerfile names, where no registry of images is to be had: this machine's
 * shell and npm, the pinned Node, and a Dockerfile that makes an image of it.
 */
export function writeBaseImage(folder: string): void {
  const root = join(folder, 'root');
  const add = (from: string, to = from) => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(realpathSync(from), join(root, to), { recursive: true });
  };
  for (const name of PROGRAMS) {
    const path = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    add(path, `/usr/bin/${name}`);
    for (const library of librariesOf(realpathSync(path))) if (!existsSync(join(root, library))) add(library);
  }
  add('/usr/bin/sh', '/bin/sh');
  add('/usr/bin/bash', '/bin/bash');
  add(process.execPath, '/usr/local/bin/node');
  for (const library of librariesOf(process.execPath)) if (!existsSync(join(root, library))) add(library);
  const npm = realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim());
  add(dirname(dirname(npm)), '/usr/local/lib/node_modules/npm');
  mkdirSync(join(root, 'tmp'), { recursive: true });
  const script = '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n';
  writeFileSync(join(root, 'usr/local/bin/npm'), script, { mode: 0o755 });
  writeFileSync(
    join(folder, 'Dockerfile'),
    'FROM scratch\nCOPY root /\n' +
      `ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp npm_config_offline=true npm_config_cache=${npmCache}\n`,
  );
}

function librariesOf(program: string): readonly string[] {
  try {
    const printed = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return printed.match(/\/[^ \n]*(?= \(0x)/g) ?? [];
  } catch {
    // A script.
    return [];
  }
}
