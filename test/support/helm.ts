import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { test } from '@jest/globals';
import { findGoTool } from '../controlplane/goTools.ts';
import { kubernetesVersion } from '../controlplane/release.ts';
import { deployPath, type KubernetesObject, parseObjects } from './kustomize.ts';

const run = promisify(execFile);
const program = await findGoTool('helm');

export const chartPath = deployPath('chart');

/** For tests of the chart; `npm test` builds helm where Go is there. */
export const testWithHelm = program === undefined ? test.skip : test;

/** What helm printed. Throws what it complained of. */
export async function helm(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  if (program === undefined) throw new Error('helm is missing');
  const { stdout } = await run(program, args, { env: { ...process.env, ...env }, maxBuffer: 2 ** 24 });
  return stdout;
}

/** The objects that the chart has with these values. */
export async function helmTemplate(
  values: Readonly<Record<string, unknown>> = {},
  release = 'flagpost',
  namespace = 'flagpost-system',
): Promise<readonly KubernetesObject[]> {
  const version = ['--kube-version', kubernetesVersion];
  const yaml = await helm([
    'template',
    release,
    chartPath,
    '-n',
    namespace,
    ...version,
    ...valueFlags(values),
  ]);
  return parseObjects(yaml);
}

/** Values as flags of helm. */
export function valueFlags(values: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [
    '--set-json',
    `${name}=${JSON.stringify(value)}`,
  ]);
}
