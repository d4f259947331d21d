import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from './support/certificates.ts';
import { freePort } from './support/freePort.ts';
import { writeKubeconfig } from './support/kubeconfig.ts';
import { spawnOperator } from './support/operatorProcess.ts';
import { waitUntil } from './support/waitUntil.ts';

async function withKubeconfig(work: (kubeconfig: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'flagpost-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const server = `https://127.0.0.1:${await freePort()}`;
  await writeKubeconfig(kubeconfig, { server, ca: createAuthority().certificate, token: 'none' });
  try {
    await work(kubeconfig);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('an operator whose API server does not answer says that it is not ready, and stops when it is asked to', async () => {
  await withKubeconfig(async (kubeconfig) => {
    const operator = spawnOperator({ kubeconfig, namespaces: [] });
    try {
      const failed = () =>
        operator.log.filter(({ msg }) => msg === 'a watch failed').map((line) => line['resource']);
      await waitUntil('the watches to fail', () => new Set(failed()).size === 2);
      const unanswered = 'can not be listed: no answer from the API server: ECONNREFUSED';
      expect(await operator.get('/readyz')).toEqual({
        status: 503,
        body: [
          `the webhookendpoints ${unanswered}`,
          `the flagevents ${unanswered}`,
          'the controllers have not started\n',
        ].join('\n'),
      });
      expect((await operator.get('/healthz')).status).toBe(200);
      expect(await operator.stop()).toBe(0);
    } finally {
      operator.kill('SIGKILL');
    }
  });
});

test('a port that is taken ends the operator with one line that names the flag', async () => {
  await withKubeconfig(async (kubeconfig) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const args = [`--metrics-bind-address=127.0.0.1:${port}`];
    const operator = spawnOperator({ kubeconfig, namespaces: [], args });
    try {
      expect(await operator.exited).toBe(2);
      const said = `flagpost: --metrics-bind-address: can not listen at 127.0.0.1:${port}: EADDRINUSE`;
      expect(operator.output().split('\n')).toContain(said);
    } finally {
      operator.kill('SIGKILL');
      taken.close();
    }
  });
});

test.each([
  ['20.20.2', 2],
  ['22.18.9', 2],
  ['22.19.0', 0],
  ['24.0.0', 0],
])('under Node %s it answers with status %d', (version, status) => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const args = ['--import', `data:text/javascript,${pretend}`, 'src/main.ts', '--version'];
  const answer = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(answer.status).toBe(status);
  expect(answer.stderr.includes('flagpost: needs Node 22.19 or later')).toBe(status === 2);
});
