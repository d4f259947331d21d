// `npm test`: every check, then every test; the last line counts them all.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, runTool } from './runTool.ts';
import { countsLine, readJestCounts, type Counts } from './testCounts.ts';

type Command = readonly [tool: string, ...args: string[]];

const bootstrap = join(root, 'scripts', 'bootstrap.mjs');
const script = (name: string, ...args: string[]): Command => [
  'node',
  bootstrap,
  join('scripts', `${name}.ts`),
  ...args,
];

/** Each counts as one. */
const checks: Readonly<Record<string, Command>> = {
  'the types fit': ['tsc', '--noEmit'],
  'the linter and the arrows between the folders': script('lint'),
  'the format': ['prettier', '--check', '--log-level=warn', '.'],
  'no dead code': ['knip'],
  'crds/ and the files of the chart are what they are made from': script('generate', '--check'),
  'the control plane is there': script('assets'),
  'the tools for deploy/ are there, or Go is not': script('goTools'),
};

/** Says what runs, and how it ended; a tool that can't be started has failed. */
async function step(name: string, command: Command): Promise<number> {
  console.log(`\n▸ ${name}: ${command.map((word) => word.replace(`${root}/`, '')).join(' ')}`);
  const start = performance.now();
  const [tool, ...args] = command;
  const status = await runTool(tool, args).catch((error: unknown) => {
    console.error(String(error));
    return 1;
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(status === 0 ? `✓ ${name} (${seconds} s)` : `✗ ${name}: ended with ${status} (${seconds} s)`);
  return status;
}

async function runJest(): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'flagpost-test-'));
  try {
    const file = join(folder, 'jest.json');
    const jest = join(root, 'node_modules/jest/bin/jest.js');
    const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const status = await step('unit, property and integration tests', [
      'node',
      ...flags,
      jest,
      '--json',
      `--outputFile=${file}`,
    ]);
    return await readJestCounts(file, status);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const failedChecks: string[] = [];
for (const [name, command] of Object.entries(checks)) {
  if ((await step(name, command)) !== 0) failedChecks.push(name);
}
const tests = await runJest();
for (const name of failedChecks) console.log(`✗ ${name}`);
const total = {
  passed: tests.passed + Object.keys(checks).length - failedChecks.length,
  failed: tests.failed + failedChecks.length,
  skipped: tests.skipped,
};
console.log(`\n${countsLine(total)}`);
process.exitCode = total.failed > 0 ? 1 : 0;
