import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from '@jest/globals';
import { z } from 'zod';
import { findGoTool, type GoTool } from '../controlplane/goTools.ts';
import { schemaTemplate } from './openApi.ts';

const programs = {
  kubeconform: await findGoTool('kubeconform'),
  'kubectl-validate': await findGoTool('kubectl-validate'),
  helm: await findGoTool('helm'),
};

/** For tests that run the tools over manifests, the chart's too; `npm test` builds them where Go is there. */
export const testWithValidators = Object.values(programs).includes(undefined) ? test.skip : test;

/** How many objects a tool has looked at, and what it says against which. */
export interface Verdict {
  readonly objects: number;
  readonly complaints: readonly string[];
}

/** A tool that judges files with manifests, by what writeSchemas and writeCrds have put into `folder`. */
export type Validator = (folder: string, files: readonly string[]) => Verdict;

const kubeconformReport = z.object({
  resources: z.array(
    z.object({
      filename: z.string(),
      kind: z.string(),
      name: z.string(),
      status: z.string(),
      msg: z.string(),
    }),
  ),
});

const kubectlValidateReport = z.record(
  z.string(),
  z.array(z.object({ status: z.string(), message: z.string().default('') })),
);

/** Judges by structure; refuses fields that a schema does not name. */
export const kubeconform: Validator = (folder, files) => {
  const template = join(folder, 'schemas', schemaTemplate);
  const flags = ['-strict', '-verbose', '-output=json', `-schema-location=${template}`];
  const { resources } = kubeconformReport.parse(runTool('kubeconform', [...flags, ...files]));
  const wrong = resources.filter(({ status }) => status !== 'statusValid');
  return {
    objects: resources.length,
    complaints: wrong.map(({ filename, kind, name, msg }) => `${filename}: ${kind} ${name}: ${msg}`),
  };
};

/** Judges by the API server's own code. */
export const kubectlValidate: Validator = (folder, files) => {
  const flags = [`--local-schemas=${join(folder, 'openapi')}`, `--local-crds=${join(folder, 'crds')}`];
  const report = kubectlValidateReport.parse(runTool('kubectl-validate', ['-o=json', ...flags, ...files]));
  const judged = Object.entries(report).flatMap(([file, statuses]) =>
    statuses.map(({ status, message }) => ({ status, complaint: `${file}: ${message}` })),
  );
  const wrong = judged.filter(({ status }) => status !== 'Success');
  return { objects: judged.length, complaints: wrong.map(({ complaint }) => complaint) };
};

/** What it printed as JSON; both end with 1 where they find something. */
function runTool(tool: GoTool & keyof typeof programs, args: readonly string[]): unknown {
  const program = programs[tool];
  if (program === undefined) throw new Error(`${tool} is missing`);
  // kubectl-validate would ask a cluster that it finds.
  const env = { ...process.env, KUBECONFIG: '/dev/null' };
  const { stdout, stderr, status } = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0 && status !== 1) throw new Error(`${tool}: ${stderr}`);
  return JSON.parse(stdout);
}
