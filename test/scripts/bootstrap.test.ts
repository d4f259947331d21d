import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const bootstrap = join(import.meta.dirname, '../../scripts/bootstrap.mjs');

/** A project of its own, with the bootstrap and an npm that installs by putting down what it is told to. */
let root: string;
const at = (path: string) => join(root, path);

async function write(path: string, content: unknown): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), typeof content === 'string' ? content : JSON.stringify(content));
}

const lock = (packages: object) => ({ packages: { '': { name: 'project' }, ...packages } });
const wanted = {
  'node_modules/zod': { version: '4.0.0', integrity: 'sha512-a' },
  'node_modules/only-on-mac': { version: '1.0.0', integrity: 'sha512-b', optional: true },
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flagpost-bootstrap-'));
  await mkdir(at('scripts'));
  await copyFile(bootstrap, at('scripts/bootstrap.mjs'));
  await mkdir(at('node_modules/node/bin'), { recursive: true });
  await symlink(process.execPath, at('node_modules/node/bin/node'));
  await write('package-lock.json', lock(wanted));
  await write('installed.json', lock(wanted));
  await write(
    'npm.js',
    `const { appendFileSync, copyFileSync, existsSync } = require('node:fs');
     appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
     console.log('added 2 packages');
     if (!existsSync('installed.json')) process.exit(7);
     copyFileSync('installed.json', 'node_modules/.package-lock.json');`,
  );
  await write('tool.cjs', `console.log('ran', ...process.argv.slice(2)); process.exit(3);`);
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

function start(...args: string[]) {
  const env = { ...process.env, npm_execpath: at('npm.js') };
  return spawn(process.execPath, [at('scripts/bootstrap.mjs'), ...args], { cwd: root, env });
}

async function run(...args: string[]) {
  const child = start(...args);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { stdout, stderr, status: Number(status) };
}

const installs = () => readFile(at('npm.log'), 'utf8').catch(() => '');

describe('installs', () => {
  test.each([
    ['there is no record of an install', undefined],
    ['a package is missing', {}],
    ['a version differs', { 'node_modules/zod': { version: '3.9.0', integrity: 'sha512-a' } }],
    ['the content differs', { 'node_modules/zod': { version: '4.0.0', integrity: 'sha512-c' } }],
  ])('where %s', async (_, installed) => {
    if (installed) await write('node_modules/.package-lock.json', lock(installed));
    const { stdout, stderr } = await run('tool.cjs');
    expect(await installs()).toBe('ci --include=dev --loglevel=error\n');
    expect(stderr).toContain('added 2 packages');
    expect(stdout).toBe('ran\n');
  });

  test.each([
    ['all is there', wanted],
    ['only a package for another platform is missing', { 'node_modules/zod': wanted['node_modules/zod'] }],
    ['there is more than the lock file names', { ...wanted, 'node_modules/more': { version: '1.0.0' } }],
  ])('nothing where %s', async (_, installed) => {
    await write('node_modules/.package-lock.json', lock(installed));
    await run('tool.cjs');
    expect(await installs()).toBe('');
  });

  test('where the pinned Node is missing, and says so when it stays missing', async () => {
    await write('node_modules/.package-lock.json', lock(wanted));
    await rm(at('node_modules/node/bin/node'));
    const { stdout, stderr, status } = await run('tool.cjs');
    expect(stderr).toContain('the pinned Node is missing');
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
  });

  test('and runs nothing when that fails', async () => {
    await rm(at('installed.json'));
    const { stdout, stderr, status } = await run('tool.cjs');
    expect(stderr).toContain('npm ci: ended with 7');
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
  });
});

describe('runs', () => {
  beforeEach(() => write('node_modules/.package-lock.json', lock(wanted)));

  test('a script with its arguments, and ends as it does', async () => {
    expect(await run('tool.cjs', '--keep', 'a.ts')).toEqual({
      stdout: 'ran --keep a.ts\n',
      stderr: '',
      status: 3,
    });
  });

  test('a tool of node_modules/.bin with the pinned Node', async () => {
    await write('node_modules/.bin/tool', '#!/usr/bin/env node\nconsole.log(process.argv0, process.argv[2])');
    await symlink('../node/bin/node', at('node_modules/.bin/node'));
    await chmod(at('node_modules/.bin/tool'), 0o755);
    expect(await run('tool', '-x')).toMatchObject({ stdout: 'node -x\n', status: 0 });
  });

  test('what a signal to it ends', async () => {
    await write(
      'wait.cjs',
      `process.on('SIGTERM', () => process.exit(5)); setInterval(() => console.log('up'), 20);`,
    );
    const child = start('wait.cjs');
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await ended).toEqual([5, null]);
  });
});
