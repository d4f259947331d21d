import { afterAll, beforeAll, expect } from '@jest/globals';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ControlPlane, startControlPlane } from '../support/controlPlane.ts';
import { chartPath, helm, testWithHelm } from '../support/helm.ts';

/** A control plane without our CRDs, since the chart brings them. */
let cluster: ControlPlane | undefined;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flagpost-chart-'));
});
afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

const homes = () =>
  Object.fromEntries(['CACHE', 'CONFIG', 'DATA'].map((name) => [`HELM_${name}_HOME`, join(folder, name)]));

testWithHelm(
  'the chart is installed, is upgraded with its CRDs, and leaves them when it goes',
  async () => {
    const { kubectl, kubeconfigPath } = (cluster = await startControlPlane());
    const release = (command: string, ...args: readonly string[]) =>
      helm([command, 'flagpost', ...args, '--namespace=flagpost-system'], {
        KUBECONFIG: kubeconfigPath,
        ...homes(),
      });
    const get = async (...what: readonly string[]) => (await kubectl(['get', ...what])).stdout.trim();

    expect(await release('install', chartPath, '--create-namespace')).toContain('works in all namespaces');
    expect(await get('crd', '-o', 'name')).toContain('flagevents.flagpost.dev');
    expect(await get('deployment', '-n', 'flagpost-system', '-o', 'jsonpath={..image}')).toBe(
      'flagpost:0.1.0',
    );

    const next = join(folder, 'chart');
    await cp(chartPath, next, { recursive: true });
    const crd = join(next, 'files/crds/flagevents.yaml');
    await writeFile(crd, (await readFile(crd, 'utf8')).replace('- fev\n', '- fev\n      - fevent\n'));
    await release('upgrade', next, '--set=access=opt-in,replicas=2');
    expect(await get('crd', 'flagevents.flagpost.dev', '-o', 'jsonpath={.spec.names.shortNames}')).toBe(
      '["fev","fevent"]',
    );
    expect(await get('clusterrolebinding', 'flagpost-references', '--ignore-not-found')).toBe('');
    expect(await get('poddisruptionbudget', '-n', 'flagpost-system', '-o', 'name')).toContain('/flagpost');

    await release('uninstall');
    expect(await get('deployment', '-n', 'flagpost-system', '-o', 'name')).toBe('');
    expect(await get('crd', '-o', 'name')).toContain('webhookendpoints.flagpost.dev');
  },
  60_000,
);
