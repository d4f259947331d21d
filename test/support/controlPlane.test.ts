import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Cluster } from './cluster.ts';
import { type ControlPlane, startControlPlane } from './controlPlane.ts';
import { sharedControlPlane } from './sharedControlPlane.ts';

describe('the shared control plane', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await sharedControlPlane();
  });

  test('serves our kinds in a namespace of its own', async () => {
    const namespace = await cluster.createNamespace();
    const got = await cluster.kubectl(['get', 'webhookendpoints,flagevents', '-n', namespace]);
    expect(got).toMatchObject({ status: 0, stdout: '' });
    expect(got.stderr).toContain(`No resources found in ${namespace} namespace`);
  });

  test('gives a further user no rights and no groups of its own', async () => {
    const kubeconfig = cluster.userKubeconfig('alice');
    const who = await cluster.kubectl(['auth', 'whoami', '-o', 'json', '--kubeconfig', kubeconfig]);
    expect(JSON.parse(who.stdout).status.userInfo).toMatchObject({
      username: 'alice',
      groups: ['system:authenticated'],
    });
    const denied = await cluster.kubectl(['get', 'secrets', '--kubeconfig', kubeconfig]);
    expect(denied.stderr).toContain('forbidden');
  });
});

describe('a control plane of its own', () => {
  let controlPlane: ControlPlane;
  beforeAll(async () => {
    controlPlane = await startControlPlane({ audit: true });
  });
  afterAll(async () => {
    await controlPlane.stop();
  });

  test('keeps its data, port and credentials over a restart of the API server', async () => {
    const namespace = await controlPlane.createNamespace();
    await controlPlane.stopApiServer();
    await expect(controlPlane.request('/readyz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await controlPlane.startApiServer();
    expect(await controlPlane.request(`/api/v1/namespaces/${namespace}`)).toMatchObject({ status: 200 });
  });

  test('answers nothing while it is paused', async () => {
    controlPlane.pause();
    await expect(controlPlane.request('/readyz', { timeoutMs: 300 })).rejects.toThrow('aborted');
    controlPlane.resume();
    expect(await controlPlane.request('/readyz')).toEqual({ status: 200, body: 'ok' });
  });

  test('records requests where an audit log was asked for', async () => {
    const namespace = await controlPlane.createNamespace();
    expect(await readFile(controlPlane.auditLogPath, 'utf8')).toContain(`"name":"${namespace}"`);
  });
});
