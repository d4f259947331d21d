import { afterEach, describe, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import { request } from 'undici';
import { waitUntil } from '../support/waitUntil.ts';
import { startProbeServer, type ProbeServer, type ProbeServerOptions } from '../../src/http/probeServer.ts';

const servers: ProbeServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function serving(routes: ProbeServerOptions['routes'] = {}): Promise<ProbeServer> {
  const server = await startProbeServer({ address: { host: '127.0.0.1', port: 0 }, routes });
  servers.push(server);
  return server;
}

async function ask({ port }: ProbeServer, path: string, method: 'GET' | 'HEAD' | 'POST' | 'DELETE' = 'GET') {
  const { statusCode, headers, body } = await request(`http://127.0.0.1:${port}${path}`, {
    method,
    reset: true,
  });
  return { statusCode, headers, text: await body.text() };
}

const text = (status: number, body: string) => () =>
  Promise.resolve({ status, contentType: 'text/plain', body });

describe('a route', () => {
  test('answers with its status, type and body', async () => {
    const server = await serving({ '/healthz': text(200, 'ok'), '/readyz': text(503, 'caches not synced') });
    expect(await ask(server, '/healthz')).toMatchObject({ statusCode: 200, text: 'ok' });
    expect(await ask(server, '/readyz?verbose')).toMatchObject({
      statusCode: 503,
      text: 'caches not synced',
      headers: { 'content-type': 'text/plain' },
    });
  });

  test('answers HEAD without a body', async () => {
    const server = await serving({ '/healthz': text(200, 'é') });
    expect(await ask(server, '/healthz', 'HEAD')).toMatchObject({
      statusCode: 200,
      text: '',
      headers: { 'content-length': '2' },
    });
  });

  test.each(['POST', 'DELETE'] as const)('refuses %s', async (method) => {
    const server = await serving({ '/healthz': text(200, 'ok') });
    expect(await ask(server, '/healthz', method)).toMatchObject({
      statusCode: 405,
      headers: { allow: 'GET, HEAD' },
    });
  });

  test('that fails is 500, without its reason', async () => {
    const server = await serving({ '/metrics': () => Promise.reject(new Error('the reason')) });
    const { statusCode, text: body } = await ask(server, '/metrics');
    expect(statusCode).toBe(500);
    expect(body).not.toMatch('the reason');
  });
});

test.each(['/', '/healthz/', '/metrics', '/__proto__', '/constructor', '//healthz'])(
  '%s is not found',
  async (path) => {
    const server = await serving({ '/healthz': text(200, 'ok') });
    expect(await ask(server, path)).toMatchObject({ statusCode: 404 });
  },
);

test('a header that is too long is refused', async () => {
  const server = await serving({ '/healthz': text(200, 'ok') });
  const { statusCode } = await request(`http://127.0.0.1:${server.port}/healthz`, {
    headers: { a: 'b'.repeat(16_384) },
    reset: true,
  });
  expect(statusCode).toBe(431);
});

test('an address that is taken is an error', async () => {
  const { port } = await serving();
  await expect(startProbeServer({ address: { host: '127.0.0.1', port }, routes: {} })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});

test('close ends clients that ask for nothing', async () => {
  const server = await serving();
  const client = connect(server.port, '127.0.0.1');
  await new Promise((resolve) => client.once('connect', resolve));
  client.on('error', () => {});
  client.write('GET /healthz HTTP/1.1\r\n');
  await server.close();
  await waitUntil('the client is ended', () => client.destroyed);
  expect(client.destroyed).toBe(true);
});
