import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');

const manifest = z
  .object({ version: z.string(), license: z.string(), devDependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('package.json')));
const lock = z
  .object({
    packages: z.record(
      z.string(),
      z.object({ dev: z.boolean().default(false), hasInstallScript: z.boolean().default(false) }),
    ),
  })
  .parse(JSON.parse(read('package-lock.json')));
const production = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && !dev);

describe('the Dockerfile', () => {
  const instructions = read('Dockerfile')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const valuesOf = (name: string) =>
    instructions.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));

  const lastStage = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));

  test('has the pinned Node in every stage that is built on an image', () => {
    expect(instructions[0]).toBe(`ARG NODE_IMAGE=node:${manifest.devDependencies['node']}-bookworm-slim`);
    expect(valuesOf('FROM')).toEqual([
      '--platform=$BUILDPLATFORM ${NODE_IMAGE} AS dependencies',
      'dependencies AS build',
      '${NODE_IMAGE} AS runtime',
      'scratch',
    ]);
  });

  test('runs nothing in the image itself, which has no shell', () => {
    expect(lastStage.filter((line) => line.startsWith('RUN '))).toEqual([]);
  });

  test('says what it is', () => {
    const labels = Object.fromEntries(
      [...(valuesOf('LABEL')[0] ?? '').matchAll(/org\.opencontainers\.image\.(\w+)="([^"]*)"/g)].map(
        ([, name = '', value]) => [name, value],
      ),
    );
    expect(labels).toEqual({
      title: 'Flagpost',
      description: expect.any(String),
      licenses: manifest.license,
      version: manifest.version,
      revision: '${REVISION}',
    });
  });

  test('runs node itself, as nobody in particular', () => {
    expect(valuesOf('ENTRYPOINT')).toEqual(['["/usr/local/bin/node", "dist/main.js"]']);
    expect(valuesOf('USER')).toEqual(['65532:65532']);
  });

  test('needs no install script of what it holds', () => {
    expect(production.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
  });
});

describe('the files of the image', () => {
  let folder: string;
  beforeAll(async () => {
    // Not below the project, where node would find what is missing.
    folder = await mkdtemp(join(tmpdir(), 'flagpost-image-'));
    await cp(join(root, 'package.json'), join(folder, 'package.json'));
    // Those that are nested in another come with it.
    for (const [path] of production.filter(([name]) => name.lastIndexOf('node_modules/') === 0)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await symlink(join(root, path), join(folder, path));
    }
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    // The types are checked elsewhere.
    await run(process.execPath, [tsc, '-p', 'src', '--noCheck', '--outDir', join(folder, 'dist')], {
      cwd: root,
    });
  }, 60_000);
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('are enough to run the operator', async () => {
    // Packages are looked up where the links are, not where they lead.
    const args = ['--preserve-symlinks', '--preserve-symlinks-main', 'dist/main.js', '--version'];
    const { stdout } = await run(process.execPath, args, { cwd: folder, env: {} });
    expect(stdout).toBe(`${manifest.version}\n`);
  });
});
