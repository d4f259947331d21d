import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { isAlive } from '../controlplane/isAlive.ts';
import { projectFolder } from '../support/document.ts';

jest.setTimeout(180_000);

interface DemoRun {
  readonly status: number | null;
  readonly output: string;
}

let temporaryFolder: string;
beforeEach(async () => {
  temporaryFolder = await mkdtemp(join(tmpdir(), 'flagpost-demo-test-'));
});
afterEach(async () => {
  await rm(temporaryFolder, { recursive: true, force: true });
});

/** As a terminal runs it: Ctrl-C, once `interruptAt` was printed, goes to the whole process group. */
async function runDemo(args: readonly string[] = [], interruptAt?: string): Promise<DemoRun> {
  const child = spawn(process.execPath, ['scripts/bootstrap.mjs', 'scripts/demo.ts', ...args], {
    cwd: projectFolder,
    env: { ...process.env, TMPDIR: temporaryFolder },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the demo could not be started');
  let output = '';
  let isInterrupted = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      if (isInterrupted || interruptAt === undefined || !output.includes(interruptAt)) return;
      isInterrupted = true;
      process.kill(-pid, 'SIGINT');
    });
  }
  const killGroup = () => process.kill(-pid, 'SIGKILL');
  process.once('exit', killGroup);
  const [status] = (await once(child, 'close')) as [number | null];
  process.off('exit', killGroup);
  return { status, output };
}

/** Files in its temporary folder, processes that name it, and the operator. */
async function leftBehind({ output }: DemoRun): Promise<unknown[]> {
  const files = await readdir(temporaryFolder);
  const processes = spawnSync('ps', ['-Ao', 'args', 'ww'], { encoding: 'utf8' }).stdout.split('\n');
  const [, operator] = /its process is (\d+)/.exec(output) ?? [];
  return [
    // ts-node's cache, which every script shares.
    ...files.filter((name) => !name.startsWith('v8-compile-cache')),
    ...processes.filter((line) => line.includes(temporaryFolder)),
    ...(isAlive(Number(operator)) ? [`operator ${operator}`] : []),
  ];
}

test('the demo shows the way of an event, and leaves nothing behind', async () => {
  const run = await runDemo();
  expect(run.output).toMatch(/^Proved: .*\n$/m);
  expect(run.status).toBe(0);
  expect(run.output.trimEnd().split('\n').at(-1)).toMatch(/^Proved: 4 events .* 7 deliveries in 9 requests/);
  // As Flagsmith sends it: what is null stays null.
  expect(run.output).toContain('"initial_value":null');
  expect(run.output.match(/\(correct\)/g)).toHaveLength(9);
  expect(await leftBehind(run)).toEqual([]);
});

test('Ctrl-C in the middle ends it, and leaves nothing behind', async () => {
  const run = await runDemo([], '3 · ');
  expect(run.status).toBe(130);
  expect(run.output).not.toContain('4 · ');
  expect(await leftBehind(run)).toEqual([]);
});

test('--keep leaves it running until Ctrl-C', async () => {
  const run = await runDemo(['--keep'], '| kubectl apply --server-side -f -');
  expect(run.output).toMatch(/^ {2}export KUBECONFIG=\S+/m);
  expect(run.status).toBe(0);
  expect(await leftBehind(run)).toEqual([]);
});
