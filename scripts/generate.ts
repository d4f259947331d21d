// Writes crds/ from src/api, and what the chart shares with kustomize into deploy/chart/files; with --check it only says
// which file differs and ends with 1.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { flagEventCrd, webhookEndpointCrd } from '../src/api/crd.ts';
import { crdYaml } from './crdYaml.ts';
import { root } from './runTool.ts';

const CHART_FILES = 'deploy/chart/files';
/** A chart can read no file outside of its folder. */
const SHARED = [
  'deploy/base/admission-policy.yaml',
  'deploy/base/api-server-role.yaml',
  'deploy/base/leader-election-role.yaml',
  'deploy/base/network-policy.yaml',
  'deploy/base/user-roles.yaml',
  'deploy/components/allowed-hosts/allowed-hosts-policy.yaml',
  'deploy/components/https-only/https-only-policy.yaml',
  'deploy/components/redeliver-and-test/redeliver-and-test-policy.yaml',
  'deploy/rbac/cluster-role.yaml',
  'deploy/rbac/references-cluster-role.yaml',
];

function stored(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

const check = process.argv.includes('--check');

function generate(path: string, text: string): void {
  if (stored(path) === text) return;
  if (check) {
    console.error(`${path} is not what it is made from: run npm run generate`);
    process.exitCode = 1;
    return;
  }
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(`wrote ${path}`);
}

for (const crd of [flagEventCrd(), webhookEndpointCrd()]) {
  const name = `${crd.spec.names.plural}.yaml`;
  const yaml = await crdYaml(crd);
  generate(`crds/${name}`, yaml);
  generate(`${CHART_FILES}/crds/${name}`, yaml);
}
for (const path of SHARED) {
  generate(`${CHART_FILES}/${basename(path)}`, readFileSync(join(root, path), 'utf8'));
}
