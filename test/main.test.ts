import { expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from './support/certificates.ts';
import { freePort } from './support/freePort.ts';
import { writeKubeconfig } from './support/kubeconfig.ts';
import { spawnOperator } from './support/operatorProcess.ts';
import { waitUntil } from './support/waitUntil.ts';

test('an operator whose API server does not answer says that it is not ready, and stops when it is asked to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flagpost-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const server = `https://127.0.0.1:${await freePort()}`;
  await writeKubeconfig(kubeconfig, { server, ca: createAuthority().certificate, token: 'none' });
  const operator = spawnOperator({ kubeconfig, namespaces: [] });
  try {
    await waitUntil('a watch to fail', () => operator.log.some(({ msg }) => msg === 'a watch failed'));
    expect((await operator.get('/readyz')).status).toBe(503);
    expect((await operator.get('/healthz')).status).toBe(200);
    expect(await operator.stop()).toBe(0);
  } finally {
    operator.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
});
