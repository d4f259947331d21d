import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { isAlive } from '../controlplane/isAlive.ts';
import { KeptServers } from './keptServers.ts';
import { waitUntil } from './waitUntil.ts';

const newFolder = () => mkdtemp(join(tmpdir(), 'flagpost-kept-'));
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

test('end leaves no server and no folder', async () => {
  const folder = await newFolder();
  const servers = new KeptServers(folder);
  const { pid } = await servers.start('sleeper', 'sleep', ['60'], join(folder, 'log'));
  expect(isAlive(pid)).toBe(true);
  await servers.end();
  expect(isAlive(pid)).toBe(false);
  expect(await exists(folder)).toBe(false);
});

test('a server that can not be started is an error', async () => {
  const folder = await newFolder();
  const servers = new KeptServers(folder);
  const start = servers.start('nothing', join(folder, 'nothing'), [], join(folder, 'log'));
  await expect(start).rejects.toThrow('nothing spawn');
  await servers.end();
});

test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
  'a process that ends by %s leaves no server and no folder',
  async (signal) => {
    const folder = await newFolder();
    const program = `
      import { KeptServers } from ${JSON.stringify(join(import.meta.dirname, 'keptServers.ts'))};
      const servers = new KeptServers(${JSON.stringify(folder)});
      const { pid } = await servers.start('sleeper', 'sleep', ['60'], ${JSON.stringify(join(folder, 'log'))});
      console.log(pid);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', program]);
    const [line] = await once(createInterface(owner.stdout), 'line');
    owner.kill(signal);
    await waitUntil('the server and its folder to go', async () => {
      return !isAlive(Number(line)) && !(await exists(folder));
    });
  },
);
