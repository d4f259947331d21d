import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { kubernetesVersion } from './release.ts';

const goModule = () => readFile(join(import.meta.dirname, 'kubernetes/go.mod'), 'utf8');

test('the Go module builds the version that the cache folder is named after', async () => {
  expect(await goModule()).toContain(`require k8s.io/kubernetes ${kubernetesVersion}\n`);
});

test('every staging module is replaced by the same release', async () => {
  const replaced = [...(await goModule()).matchAll(/^\t(k8s\.io\/\S+) => (\S+) (\S+)$/gm)];
  expect(replaced).toHaveLength(31);
  for (const [, from, to, version] of replaced) {
    expect([to, version]).toEqual([from, kubernetesVersion.replace('v1.', 'v0.')]);
  }
});
