import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { User } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CredentialsReader } from '../../src/kube/credentials.ts';
import type { Transport } from '../../src/kube/transport.ts';
import { createAuthority } from '../support/certificates.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aTransport } from '../support/transport.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flagpost-credentials-'));
});

afterEach(() => rm(folder, { recursive: true }));

const file = (name: string): string => path.join(folder, name);
const readerOf = (user: Partial<User>): CredentialsReader =>
  new CredentialsReader(() => ({
    cluster: { name: 'c', server: 'https://c.example', skipTLSVerify: false },
    user: { name: 'u', ...user },
  }));

describe('the Authorization of', () => {
  test('a token is that token', async () => {
    const { headers } = await readerOf({ token: 'abc' }).read();
    expect(headers).toEqual({ Authorization: 'Bearer abc' });
  });

  test('a token file is what it now holds, without the newline', async () => {
    await writeFile(file('token'), 'one\n');
    const reader = readerOf({
      token: 'old',
      authProvider: { name: 'tokenFile', config: { tokenFile: file('token') } },
    });
    expect((await reader.read()).headers).toEqual({ Authorization: 'Bearer one' });
    await writeFile(file('token'), 'two\n');
    expect((await reader.read()).headers).toEqual({ Authorization: 'Bearer two' });
  });

  test('a plugin is its token, asked for again once it is forgotten', async () => {
    await writeFile(
      file('plugin'),
      `#!/bin/sh
echo x >> ${file('calls')}
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "t$(wc -l < ${file('calls')} | tr -d ' ')"
`,
    );
    await chmod(file('plugin'), 0o700);
    const reader = readerOf({
      exec: { command: file('plugin'), apiVersion: 'client.authentication.k8s.io/v1' },
    });
    expect((await reader.read()).headers).toEqual({ Authorization: 'Bearer t1' });
    expect((await reader.read()).headers).toEqual({ Authorization: 'Bearer t1' });
    reader.forget();
    expect((await reader.read()).headers).toEqual({ Authorization: 'Bearer t2' });
  });

  test('nobody is none', async () => {
    expect((await readerOf({}).read()).headers).toEqual({});
  });
});

describe('the message is clear where', () => {
  test.each<[string, Partial<User>, RegExp]>([
    [
      'a file is missing',
      { certFile: '/nowhere/cert', keyFile: '/nowhere/key' },
      /^\/nowhere\/cert can't be read$/,
    ],
    [
      'a certificate is none',
      { certData: Buffer.from('x').toString('base64'), keyData: '' },
      /^the certificates of user u or cluster c can't be used$/,
    ],
    [
      'a plugin is missing',
      { exec: { command: '/nowhere/plugin' } },
      /^user u can't be authenticated: .*ENOENT/,
    ],
  ])('%s', async (_what, user, message) => {
    await expect(readerOf(user).read()).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(message),
    });
  });

  test('a certificate and its key do not fit together', async () => {
    const authority = createAuthority();
    const [one, two] = [authority.issue({}), authority.issue({})];
    const user = {
      certData: Buffer.from(one.certificate).toString('base64'),
      keyData: Buffer.from(two.key).toString('base64'),
    };
    await expect(readerOf(user).read()).rejects.toThrow("can't be used");
  });
});

describe('over TLS', () => {
  const authority = createAuthority();
  let server: Server;
  let transport: Transport;
  let clock: FakeClock;
  let names: (string | undefined)[];
  let release: (() => void) | undefined;

  const writeClient = async (commonName: string): Promise<void> => {
    const { certificate, key } = authority.issue({ commonName });
    await writeFile(file('client.crt'), certificate);
    await writeFile(file('client.key'), key);
  };
  const start = async (ca: string): Promise<void> => {
    await writeFile(file('ca.crt'), ca);
    const { certificate, key } = authority.issue({ names: ['127.0.0.1'] });
    server = createServer({ cert: certificate, key, ca: authority.certificate, requestCert: true });
    server.on('request', (request, response) => {
      names.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN?.toString());
      if (request.url === '/slow') release = () => response.end('{}');
      else response.end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const url = new URL(`https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    const credentials = new CredentialsReader(() => ({
      cluster: { name: 'c', server: url.href, skipTLSVerify: false, caFile: file('ca.crt') },
      user: { name: 'u', certFile: file('client.crt'), keyFile: file('client.key') },
    }));
    transport = aTransport(url, { clock, credentials });
  };

  beforeEach(async () => {
    clock = new FakeClock();
    names = [];
    release = undefined;
    await writeClient('first');
  });

  afterEach(async () => {
    await transport.close();
    server.closeAllConnections();
    server.close();
  });

  const get = (url: string): Promise<unknown> =>
    transport.request({
      method: 'GET',
      path: url,
      signal: new AbortController().signal,
      timeoutMilliseconds: 3_600_000,
    });

  test('a renewed client certificate is used half a minute later, and no request is dropped', async () => {
    await start(authority.certificate);
    await get('/');
    const slow = get('/slow');
    await new Promise((resolve) => server.once('request', resolve));
    await writeClient('second');
    await clock.advance(30_000);
    await get('/');
    expect(names).toEqual(['first', 'first', 'second']);
    release?.();
    expect(await slow).toEqual({});
  });

  test('half a renewal does no harm', async () => {
    await start(authority.certificate);
    await get('/');
    await writeFile(file('client.key'), authority.issue({}).key);
    await clock.advance(30_000);
    await get('/');
    expect(names).toEqual(['first', 'first']);
  });

  test('a server of another authority is refused', async () => {
    await start(createAuthority('Another Root').certificate);
    await expect(get('/')).rejects.toThrow(/^no answer from the API server: /);
    expect(names).toEqual([]);
  });
});
