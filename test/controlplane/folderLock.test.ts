import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { withFolderLock } from './folderLock.ts';

let path: string;
let reports: string[];
const progress = { report: (line: string) => void reports.push(line) };

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'flagpost-lock-')), 'lock');
  reports = [];
});
afterEach(async () => {
  await rm(dirname(path), { recursive: true });
});

const leftFiles = () => readdir(dirname(path));

test('names its owner while the work runs, and leaves nothing', async () => {
  await withFolderLock(path, progress, async () => {
    expect(await readFile(path, 'utf8')).toBe(String(process.pid));
    expect(await leftFiles()).toEqual(['lock']);
  });
  expect(await leftFiles()).toEqual([]);
});

test('goes when the work fails', async () => {
  const work = () => Promise.reject(new Error('no network'));
  await expect(withFolderLock(path, progress, work)).rejects.toThrow('no network');
  expect(await leftFiles()).toEqual([]);
});

test('waits for an owner that lives, and says so', async () => {
  const order: string[] = [];
  const release = Promise.withResolvers<void>();
  const owns = Promise.withResolvers<void>();
  const first = withFolderLock(path, progress, async () => {
    owns.resolve();
    await release.promise;
    order.push('first');
  });
  await owns.promise;
  const waits = Promise.withResolvers<void>();
  const second = withFolderLock(path, { report: () => waits.resolve() }, async () => {
    order.push('second');
  });
  await waits.promise;
  release.resolve();
  await Promise.all([first, second]);
  expect(order).toEqual(['first', 'second']);
});

test('takes over from an owner that died', async () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  await writeFile(path, String(pid));
  await withFolderLock(path, progress, async () => {
    expect(await readFile(path, 'utf8')).toBe(String(process.pid));
  });
  expect(reports).toEqual([]);
});

test('takes over where the owner’s process id belongs to somebody else by now', async () => {
  await writeFile(path, String(process.ppid));
  const longAgo = new Date(Date.now() - 120_000);
  await utimes(path, longAgo, longAgo);
  await withFolderLock(path, progress, async () => {
    expect(await readFile(path, 'utf8')).toBe(String(process.pid));
  });
});
