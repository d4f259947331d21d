import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../src/kube/config.ts';
import type { Credentials } from '../../src/kube/credentials.ts';
import type { Transport } from '../../src/kube/transport.ts';
import { TransportError } from '../../src/kube/transportError.ts';
import { ApiError, isNotFound } from '../../src/runtime/apiError.ts';
import { failureOf } from '../support/failureOf.ts';
import { FakeApiServer, type FakeCall } from '../support/fakeApiServer.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aTransport } from '../support/transport.ts';
import { waitUntil } from '../support/waitUntil.ts';

const tls = {
  ca: undefined,
  cert: undefined,
  key: undefined,
  servername: undefined,
  rejectUnauthorized: true,
};
const { signal } = new AbortController();

let server: FakeApiServer;
let url: URL;
let clock: FakeClock;
let transport: Transport;
let counted: string[];

beforeEach(async () => {
  server = new FakeApiServer();
  url = await server.start();
  clock = new FakeClock('2026-11-25T12:00:00Z');
  counted = [];
  transport = aTransport(url, {
    clock,
    onRequest: ({ code, method, host }) => counted.push(`${code} ${method} ${host}`),
  });
});

afterEach(async () => {
  await transport.close();
  await server.stop();
});

const get = (path = '/version'): Promise<unknown> => transport.request({ method: 'GET', path, signal });
const read = async (stream: AsyncIterable<Uint8Array>): Promise<string> =>
  Buffer.concat(await Array.fromAsync(stream)).toString();

describe('a request', () => {
  test('carries what was given, and gives the JSON of the answer', async () => {
    const answer = transport.send({
      method: 'PUT',
      path: '/apis/x',
      query: { limit: 5, empty: undefined, selector: 'a=b,c!=d', on: true },
      body: { grüße: 1 },
      accept: 'application/json;as=Table',
      signal,
    });
    const call = await server.next();
    expect([call.method, call.path]).toEqual(['PUT', '/apis/x']);
    expect(call.query).toEqual({ limit: '5', selector: 'a=b,c!=d', on: 'true' });
    expect(JSON.parse(await call.body)).toEqual({ grüße: 1 });
    expect(call.headers).toMatchObject({
      'user-agent': 'Flagpost/test',
      accept: 'application/json;as=Table',
      'content-type': 'application/json',
    });
    call.json({ ok: 'ü' });
    expect(await answer).toEqual({ body: { ok: 'ü' }, bytes: 11 });
    expect(counted).toEqual([`200 PUT ${url.host}`]);
  });

  test('goes below the path of a server behind a gateway', async () => {
    await transport.close();
    transport = aTransport(new URL('/k8s/clusters/c-1/', url), { clock });
    const answer = get('/api');
    const call = await server.next();
    expect(call.path).toBe('/k8s/clusters/c-1/api');
    call.json({});
    await answer;
  });

  test('uses a connection again', async () => {
    const ports = [];
    for (let i = 0; i < 10; i += 1) {
      const answer = get();
      const call = await server.next();
      ports.push(call.request.socket.remotePort);
      call.json({});
      await answer;
    }
    // The second may come before the first connection is free.
    expect(new Set(ports).size).toBeLessThanOrEqual(2);
  });

  test('does not wait for others, however many are open', async () => {
    const answers = Array.from({ length: 150 }, () => get());
    await waitUntil('all of them at once', () => server.waiting === 150);
    for (let i = 0; i < 150; i += 1) (await server.next()).json({});
    await Promise.all(answers);
  });

  test('pays no heed to a proxy of the environment', async () => {
    process.env['http_proxy'] = process.env['HTTP_PROXY'] = 'http://127.0.0.1:1';
    process.env['NODE_USE_ENV_PROXY'] = '1';
    try {
      const answer = get();
      (await server.next()).json({});
      expect(await answer).toEqual({});
    } finally {
      for (const name of ['http_proxy', 'HTTP_PROXY', 'NODE_USE_ENV_PROXY']) delete process.env[name];
    }
  });

  test('fails with the reason, once its signal is aborted', async () => {
    const stop = new AbortController();
    const answer = transport.request({ method: 'GET', path: '/x', signal: stop.signal });
    const call = await server.next();
    stop.abort(new Error('stopped'));
    await expect(answer).rejects.toThrow('stopped');
    await waitUntil('the connection to be closed', () => call.closed);
    expect(clock.timers).toBe(0);
    const late = transport.request({ method: 'GET', path: '/x', signal: stop.signal });
    await expect(late).rejects.toThrow('stopped');
    expect(server.count).toBe(1);
  });

  test.each<[string, (call: FakeCall) => void]>([
    ['no answer comes', () => {}],
    [
      'the answer drips',
      (call) => {
        call.open();
        call.write('{');
      },
    ],
  ])('fails after its time where %s', async (_how, treat) => {
    const answer = transport.request({ method: 'GET', path: '/x', signal, timeoutMilliseconds: 5000 });
    const failure = failureOf(answer);
    const call = await server.next();
    treat(call);
    await clock.advance(5000);
    expect(await failure).toEqual(new TransportError('no answer within 5000 ms'));
    await waitUntil('the connection to be closed', () => call.closed);
  });

  test.each<[string, (call: FakeCall) => void, string]>([
    ['reset', (call) => call.reset(), 'no answer from the API server: '],
    [
      'cut off',
      (call) => (call.open(), call.write('{"a":'), call.reset()),
      'no answer from the API server: ',
    ],
    ['no JSON', (call) => call.response.end('<html>secret'), 'the answer is no JSON'],
  ])('fails where the answer is %s, without showing it', async (_how, treat, message) => {
    const answer = get('/api/v1/namespaces/shop/secrets/hook').catch((error: unknown) => error);
    treat(await server.next());
    const error = await answer;
    expect(error).toBeInstanceOf(TransportError);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toMatch(/secret|hook/);
  });

  test('fails where the answer is not HTTP, without keeping its bytes', async () => {
    const raw = createServer((socket) => socket.end('c2VjcmV0 this is no HTTP\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await once(raw, 'listening');
    const address = raw.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const other = aTransport(new URL(`http://127.0.0.1:${port}`));
    const error: unknown = await other.request({ method: 'GET', path: '/', signal }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TransportError);
    expect((error as Error).cause).toBeUndefined();
    await other.close();
    raw.close();
  });

  test('fails where nobody listens, and is counted', async () => {
    await server.stop();
    await expect(get()).rejects.toThrow('no answer from the API server: ECONNREFUSED');
    expect(counted).toEqual([`<error> GET ${url.host}`]);
  });

  test('fails once the transport is closed', async () => {
    const answer = get().catch((error: unknown) => error);
    await server.next();
    await transport.close();
    expect(await answer).toBeInstanceOf(TransportError);
    await expect(get()).rejects.toThrow(new TransportError('the transport is closed'));
  });
});

describe('an answer that refuses', () => {
  test.each<[string, (call: FakeCall) => void, Partial<ApiError>]>([
    [
      'with a Status',
      (call) => call.refuse(409, 'Conflict'),
      { status: 409, reason: 'Conflict', message: 'said Conflict' },
    ],
    [
      'with Retry-After in seconds',
      (call) => call.refuse(429, 'TooManyRequests', { 'Retry-After': '3' }),
      { status: 429, retryAfterMilliseconds: 3000 },
    ],
    [
      'with Retry-After as a date',
      (call) => call.refuse(503, '', { 'Retry-After': 'Wed, 25 Nov 2026 12:00:10 GMT' }),
      { status: 503, retryAfterMilliseconds: 10_000 },
    ],
    [
      'with Retry-After in the Status',
      (call) => call.json({ kind: 'Status', reason: 'Timeout', details: { retryAfterSeconds: 2 } }, 504),
      { status: 504, reason: 'Timeout', retryAfterMilliseconds: 2000 },
    ],
    [
      'with text',
      (call) => {
        call.response.writeHead(404);
        call.response.end('404 page not found\n');
      },
      { status: 404, reason: '', message: 'the API server answered with status 404' },
    ],
    [
      'with a redirect',
      (call) => {
        call.response.writeHead(302, { Location: 'http://127.0.0.1:1/' });
        call.response.end();
      },
      { status: 302 },
    ],
  ])('%s is an ApiError', async (_how, refuse, wanted) => {
    const answer = get().catch((error: unknown) => error);
    refuse(await server.next());
    const error = await answer;
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject(wanted);
    expect(clock.timers).toBe(0);
  });

  test('says that an object does not exist only where it names the reason', () => {
    expect(isNotFound(new ApiError(404, 'NotFound', ''))).toBe(true);
    expect(isNotFound(new ApiError(404, '', ''))).toBe(false);
  });
});

describe('a stream', () => {
  test('gives bytes as they come, without a deadline', async () => {
    const stream = transport.stream({ method: 'GET', path: '/watch', signal });
    const first = stream.next();
    const call = await server.next();
    call.write('one');
    expect(Buffer.from((await first).value ?? []).toString()).toBe('one');
    await clock.advance(86_400_000);
    call.write('two');
    call.end();
    expect(await read(stream)).toBe('two');
    expect(counted).toEqual([`200 GET ${url.host}`]);
  });

  test('closes its connection when nobody reads on', async () => {
    const stream = transport.stream({ method: 'GET', path: '/watch', signal });
    const first = stream.next();
    const call = await server.next();
    call.write('one');
    await first;
    await stream.return();
    await waitUntil('the connection to be closed', () => call.closed);
  });

  test('fails with the reason, once its signal is aborted', async () => {
    const stop = new AbortController();
    const all = read(transport.stream({ method: 'GET', path: '/watch', signal: stop.signal }));
    const failure = failureOf(all);
    const call = await server.next();
    call.write('one');
    stop.abort(new Error('stopped'));
    expect(String(await failure)).toContain('stopped');
    await waitUntil('the connection to be closed', () => call.closed);
  });

  test('fails where no header comes in time', async () => {
    const all = read(transport.stream({ method: 'GET', path: '/watch', signal }));
    const failure = failureOf(all);
    await server.next();
    await clock.advance(30_000);
    expect(String(await failure)).toContain('no answer within 30000 ms');
  });

  test('fails with what the API server says', async () => {
    const all = read(transport.stream({ method: 'GET', path: '/watch', signal }));
    const failure = failureOf(all);
    (await server.next()).refuse(410, 'Expired');
    expect(await failure).toMatchObject({ status: 410, reason: 'Expired' });
  });

  test('fails where the connection is reset', async () => {
    const all = read(transport.stream({ method: 'GET', path: '/watch', signal }));
    const failure = failureOf(all);
    const call = await server.next();
    call.write('one');
    call.reset();
    expect(await failure).toBeInstanceOf(TransportError);
  });
});

describe('credentials', () => {
  let token: string;
  let reads: number;
  let forgotten: number;
  let broken: Error | undefined;
  let failures: unknown[];

  beforeEach(() => {
    [token, reads, forgotten, broken, failures] = ['one', 0, 0, undefined, []];
    transport = aTransport(url, {
      clock,
      credentials: {
        read: (): Promise<Credentials> => {
          reads += 1;
          if (broken) return Promise.reject(broken);
          return Promise.resolve({ tls, headers: { Authorization: `Bearer ${token}` } });
        },
        forget: () => (forgotten += 1),
      },
      onCredentialsError: (error) => failures.push(error),
    });
  });

  const sent = async (): Promise<string | undefined> => {
    const answer = get();
    const call = await server.next();
    call.json({});
    await answer;
    return call.headers.authorization;
  };

  test('are read again after half a minute', async () => {
    expect(await sent()).toBe('Bearer one');
    token = 'two';
    expect(await sent()).toBe('Bearer one');
    await clock.advance(30_000);
    expect(await sent()).toBe('Bearer two');
    expect(reads).toBe(2);
  });

  test('are read again at once where they are refused', async () => {
    await sent();
    token = 'two';
    const answer = get();
    (await server.next()).refuse(401, 'Unauthorized');
    const again = await server.next();
    expect(again.headers.authorization).toBe('Bearer two');
    again.json({ ok: true });
    expect(await answer).toEqual({ ok: true });
    expect(forgotten).toBe(1);
  });

  test('are refused for good the second time', async () => {
    const failure = failureOf(get());
    (await server.next()).refuse(401, 'Unauthorized');
    (await server.next()).refuse(401, 'Unauthorized');
    expect(await failure).toMatchObject({ status: 401 });
    expect(server.count).toBe(2);
  });

  test('that can no longer be read stay in use', async () => {
    await sent();
    broken = new Error('half written');
    await clock.advance(30_000);
    expect(await sent()).toBe('Bearer one');
    expect(await sent()).toBe('Bearer one');
    expect([reads, failures.length]).toEqual([2, 1]);
  });

  test('that never could be read fail the request', async () => {
    broken = new ConfigError('no file');
    await expect(get()).rejects.toThrow('no file');
    broken = undefined;
    expect(await sent()).toBe('Bearer one');
  });

  test('are read once for many requests', async () => {
    const answers = [get(), get(), get()];
    for (const _ of answers) (await server.next()).json({});
    await Promise.all(answers);
    expect(reads).toBe(1);
  });
});

test('knows how far the API server is ahead of us, to about a second, whatever becomes of our clock', async () => {
  expect(transport.clockSkewMilliseconds()).toBeUndefined();
  const answer = get();
  (await server.next()).json({}, 200, { Date: 'Wed, 25 Nov 2026 12:10:00 GMT' });
  await answer;
  expect(transport.clockSkewMilliseconds()).toBe(600_500);
  clock.adjustWall(3_600_000);
  expect(transport.clockSkewMilliseconds()).toBe(600_500 - 3_600_000);
  await clock.advance(90_000);
  expect(transport.clockSkewMilliseconds()).toBe(600_500 - 3_600_000);
});
