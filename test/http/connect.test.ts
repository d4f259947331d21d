import { describe, expect, test } from '@jest/globals';
import type { ApiServer } from '../../src/http/addressGuard.ts';
import { addresses, anAttempt, receiving, sending, urlOf } from '../support/attempts.ts';
import { createAuthority } from '../support/certificates.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { OK, type RawReceiver } from '../support/rawReceiver.ts';
import { waitUntil } from '../support/waitUntil.ts';

const FORBIDDEN = { kind: 'failed', failure: 'AddressForbidden' };
const tls = createAuthority().issue({ names: ['127.0.0.1', 'receiver.test'] });

/** Two receivers at one port, on two addresses of loopback. */
async function twoReceivers(): Promise<{ first: RawReceiver; second: RawReceiver }> {
  const first = await receiving({ host: '127.0.0.1' });
  return { first, second: await receiving({ host: '127.0.0.2', port: first.port }) };
}

async function anApiServer(allow: readonly string[]) {
  const receiver = await receiving();
  const sender = sending({
    allow,
    apiServers: () => [{ address: '127.0.0.1', port: receiver.port }],
    resolve: () => Promise.resolve(addresses('127.0.0.1')),
  });
  const send = (host: string) => sender.send(anAttempt(urlOf(receiver, { host })));
  return { receiver, send };
}

describe('a refused address is never connected to', () => {
  test.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.0.0.1.',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '0.0.0.0',
    'localhost',
    'localhost.',
    'a.localhost',
  ])('as http://%s and https://%s', async (host) => {
    const plain = await receiving();
    const secure = await receiving({ tls: { cert: tls.certificate, key: tls.key } });
    const sender = sending({ allow: [], resolve: () => Promise.resolve(addresses('127.0.0.1')) });
    expect(await sender.send(anAttempt(urlOf(plain, { host })))).toEqual(FORBIDDEN);
    expect(await sender.send(anAttempt(urlOf(secure, { host, scheme: 'https' })))).toEqual(FORBIDDEN);
    expect([plain.connections, secure.connections]).toEqual([0, 0]);
  });

  test.each([
    [['127.0.0.1']],
    [['::ffff:127.0.0.1']],
    [['::1', '127.0.0.1']],
    [['0.0.0.0']],
    [['169.254.169.254', '127.0.0.1']],
  ])('through a name that leads to %j', async (answer) => {
    const plain = await receiving();
    const secure = await receiving({ tls: { cert: tls.certificate, key: tls.key } });
    const sender = sending({ allow: [], resolve: () => Promise.resolve(addresses(...answer)) });
    expect(await sender.send(anAttempt(urlOf(plain, { host: 'receiver.test' })))).toEqual(FORBIDDEN);
    expect(await sender.send(anAttempt(urlOf(secure, { host: 'receiver.test', scheme: 'https' })))).toEqual(
      FORBIDDEN,
    );
    expect([plain.connections, secure.connections]).toEqual([0, 0]);
  });

  test('and localhost is not even looked up', async () => {
    const asked: string[] = [];
    const resolve = (hostname: string) => {
      asked.push(hostname);
      return Promise.resolve(addresses('10.0.0.1'));
    };
    const sender = sending({ allow: [], resolve });
    expect(await sender.send(anAttempt('http://localhost./'))).toEqual(FORBIDDEN);
    expect(asked).toEqual([]);
  });
});

describe('names', () => {
  test('localhost is looked up where 127.0.0.1 is allowed', async () => {
    const receiver = await receiving();
    const sender = sending({ resolve: () => Promise.resolve(addresses('::1', '127.0.0.1')) });
    expect(await sender.send(anAttempt(urlOf(receiver, { host: 'localhost' })))).toMatchObject({
      statusCode: 200,
    });
  });

  test('of a mixed answer only allowed addresses are dialled', async () => {
    const { first, second } = await twoReceivers();
    const sender = sending({
      allow: ['127.0.0.2/32'],
      resolve: () => Promise.resolve(addresses('127.0.0.1', '169.254.169.254', '::1', '127.0.0.2')),
    });
    expect(await sender.send(anAttempt(urlOf(first, { host: 'mixed.test' })))).toMatchObject({
      statusCode: 200,
    });
    expect([first.connections, second.connections]).toEqual([0, 1]);
  });

  test('the next address is tried where one refuses', async () => {
    const receiver = await receiving({ host: '127.0.0.4' });
    const sender = sending({
      resolve: () => Promise.resolve(addresses('127.0.0.2', '127.0.0.3', '127.0.0.4')),
    });
    expect(await sender.send(anAttempt(urlOf(receiver, { host: 'many.test' })))).toMatchObject({
      statusCode: 200,
    });
  });

  test('at most four are dialled, counted after the refused ones', async () => {
    const receiver = await receiving({ host: '127.0.0.9' });
    const answer = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.9'];
    const sender = sending({ resolve: () => Promise.resolve(addresses(...answer)) });
    expect(await sender.send(anAttempt(urlOf(receiver, { host: 'many.test' })))).toMatchObject({
      failure: 'ConnectionRefused',
    });
    expect(receiver.connections).toBe(0);
    const denying = sending({ deny: ['127.0.0.1/32'], resolve: () => Promise.resolve(addresses(...answer)) });
    expect(await denying.send(anAttempt(urlOf(receiver, { host: 'many.test' })))).toMatchObject({
      statusCode: 200,
    });
  });

  test('are looked up for every new connection, and judged each time', async () => {
    const { first, second } = await twoReceivers();
    const answers = [['127.0.0.2'], ['127.0.0.1'], ['127.0.0.1', '127.0.0.2']];
    const sender = sending({
      allow: ['127.0.0.2/32'],
      resolve: () => Promise.resolve(addresses(...(answers.shift() ?? []))),
    });
    const send = (namespace: string) =>
      sender.send(anAttempt(urlOf(first, { host: 'moving.test' }), { namespace }));
    expect(await send('a')).toMatchObject({ statusCode: 200 });
    expect(await send('b')).toEqual(FORBIDDEN);
    expect(await send('c')).toMatchObject({ statusCode: 200 });
    expect([first.connections, second.connections]).toEqual([0, 2]);
  });

  test('that never answer do not keep another namespace from delivering', async () => {
    const receiver = await receiving();
    const sender = sending({
      clock: new FakeClock(),
      resolve: (hostname) =>
        hostname === 'silent.test' ? new Promise(() => {}) : Promise.resolve(addresses('127.0.0.1')),
    });
    for (let sent = 0; sent < 50; sent += 1) {
      void sender.send(anAttempt('http://silent.test/', { namespace: 'stuck' }));
    }
    const url = urlOf(receiver, { host: 'receiver.test' });
    expect(await sender.send(anAttempt(url, { namespace: 'shop' }))).toMatchObject({ statusCode: 200 });
  });
});

describe('the API server', () => {
  test('stays refused when its range is allowed, by address and by name', async () => {
    const { receiver, send } = await anApiServer(['127.0.0.0/8']);
    for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', 'api.test', 'localhost']) {
      expect(await send(host)).toEqual(FORBIDDEN);
    }
    expect(receiver.connections).toBe(0);
  });

  test('is freed by the /32 that names it', async () => {
    const { send } = await anApiServer(['127.0.0.1/32']);
    expect(await send('api.test')).toMatchObject({ statusCode: 200 });
  });

  test('that comes to be known is refused to the next connection', async () => {
    const receiver = await receiving({ onRequest: (socket) => void socket.end(OK) });
    const servers: ApiServer[] = [];
    const sender = sending({ apiServers: () => servers });
    expect(await sender.send(anAttempt(urlOf(receiver)))).toMatchObject({ statusCode: 200 });
    await waitUntil('the connection is closed', () => receiver.open === 0);
    servers.push({ address: '127.0.0.1', port: receiver.port });
    expect(await sender.send(anAttempt(urlOf(receiver)))).toEqual(FORBIDDEN);
    expect(receiver.connections).toBe(1);
  });
});
