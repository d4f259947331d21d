import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { countsLine, readJestCounts } from '../../scripts/testCounts.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flagpost-counts-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const summary = {
  numPassedTests: 7,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
};

test.each([
  ['all is well', summary, 0, '7 passed, 0 failed'],
  ['a test failed', { ...summary, numFailedTests: 2 }, 1, '7 passed, 2 failed'],
  ['a file could not be loaded', { ...summary, numRuntimeErrorTestSuites: 1 }, 1, '7 passed, 1 failed'],
  [
    'tests were skipped',
    { ...summary, numPendingTests: 1, numTodoTests: 1 },
    0,
    '7 passed, 0 failed, 2 skipped',
  ],
  ['jest failed for another reason', summary, 1, '7 passed, 1 failed'],
])('counts when %s', async (_, content, status, line) => {
  const file = join(folder, 'jest.json');
  await writeFile(file, JSON.stringify(content));
  expect(countsLine(await readJestCounts(file, status))).toBe(line);
});

test.each([
  ['there is none', undefined],
  ['it was cut off', '{"numPassedTests": 7'],
  ['it is something else', '[]'],
])('counts one failure for the results of jest where %s', async (_, content) => {
  const file = join(folder, `${Math.random()}.json`);
  if (content !== undefined) await writeFile(file, content);
  expect(countsLine(await readJestCounts(file, 0))).toBe('0 passed, 1 failed');
});
