import { describe, expect, test } from '@jest/globals';
import type { Socket } from 'node:net';
import type { AttemptRequest } from '../../src/http/sender.ts';
import { anAttempt, receiving, sending, urlOf } from '../support/attempts.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { OK, startRawReceiver, type RawReceiver, type RawReceiverOptions } from '../support/rawReceiver.ts';
import { waitUntil } from '../support/waitUntil.ts';

const answering = (text: string) => (socket: Socket) => void socket.write(text, 'latin1');
const ending = (text: string) => (socket: Socket) => void socket.end(text, 'latin1');

describe('what is written', () => {
  test('is one POST over HTTP/1.1, with the headers and the body as given', async () => {
    const receiver = await receiving();
    await sending().send(
      anAttempt(urlOf(receiver), {
        headers: [
          ['X-Team', 'shop'],
          ['webhook-id', 'msg_1'],
        ],
        body: Buffer.from('{"é":1}'),
      }),
    );
    expect(receiver.requests).toEqual([
      [
        'POST /hooks/flags?token=1 HTTP/1.1',
        `host: 127.0.0.1:${receiver.port}`,
        'connection: keep-alive',
        'X-Team: shop',
        'webhook-id: msg_1',
        'content-length: 8',
        '',
        Buffer.from('{"é":1}').toString('latin1'),
      ].join('\r\n'),
    ]);
  });

  test('arrives whole where it is as large as a body may be', async () => {
    const receiver = await receiving();
    const body = Buffer.alloc(512 * 1024, 'x');
    expect(await sending().send(anAttempt(urlOf(receiver), { body }))).toMatchObject({ statusCode: 200 });
    expect(receiver.requests[0]?.split('\r\n\r\n')[1]).toHaveLength(body.length);
  });

  test('of a view is the view alone', async () => {
    const receiver = await receiving();
    await sending().send(anAttempt(urlOf(receiver), { body: Buffer.from('abcdef').subarray(2, 4) }));
    expect(receiver.requests[0]).toMatch(/content-length: 2\r\n\r\ncd$/);
  });
});

describe('answers', () => {
  test.each([200, 204, 301, 307, 304, 400, 404, 410, 413, 500, 503, 599])(
    'status %d is taken as it is, and nothing is followed',
    async (statusCode) => {
      const receiver = await receiving({
        onRequest: answering(`HTTP/1.1 ${statusCode} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n`),
      });
      expect(await sending().send(anAttempt(urlOf(receiver)))).toEqual({
        kind: 'answered',
        statusCode,
        retryAfter: undefined,
        durationMilliseconds: expect.any(Number),
      });
      expect(receiver.requests).toHaveLength(1);
    },
  );

  test('Retry-After is handed on', async () => {
    const receiver = await receiving({
      onRequest: answering('HTTP/1.1 503 X\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n'),
    });
    expect(await sending().send(anAttempt(urlOf(receiver)))).toMatchObject({
      statusCode: 503,
      retryAfter: '120',
    });
  });

  test.each<[string, (socket: Socket) => void, number]>([
    ['chunked', answering('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'), 200],
    ['that closes the connection', ending('HTTP/1.1 201 X\r\nconnection: close\r\n\r\nok'), 201],
    ['of HTTP/1.0', ending('HTTP/1.0 200 OK\r\n\r\n'), 200],
    ['with a body that breaks off', ending('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok'), 200],
    [
      'with more body than it says',
      answering('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nok and more'),
      200,
    ],
    [
      'with a body that is not chunked as it says',
      answering('HTTP/1.1 202 X\r\ntransfer-encoding: chunked\r\n\r\n?'),
      202,
    ],
    [
      'after informational ones',
      answering(`${'HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n'.repeat(2000)}${OK}`),
      200,
    ],
    ['byte by byte', byteByByte, 200],
  ])('an answer %s counts by its status', async (_, onRequest, statusCode) => {
    const receiver = await receiving({ onRequest });
    expect(await sending().send(anAttempt(urlOf(receiver)))).toMatchObject({ kind: 'answered', statusCode });
  });

  test('an answer before the body was sent counts', async () => {
    const receiver = await receiving({
      onConnection: (socket) => {
        socket.pause();
        socket.write('HTTP/1.1 413 X\r\ncontent-length: 0\r\n\r\n');
      },
    });
    const clock = new FakeClock();
    const sender = sending({ clock });
    const request = anAttempt(urlOf(receiver), { body: Buffer.alloc(16 * 1024 * 1024) });
    expect(await sender.send(request)).toMatchObject({ statusCode: 413 });
    await waitUntil('the answer was read', () => clock.timers === 0);
    // What the receiver has not read of the first body must not come before a second request.
    expect(await sender.send(request)).toMatchObject({ statusCode: 413 });
    expect(receiver.connections).toBe(2);
  });

  test.each<[string, (socket: Socket) => void, string]>([
    ['that is the banner of SSH', answering('SSH-2.0-OpenSSH_9.9\r\n'), 'InvalidResponse'],
    ['that is not HTTP', answering('\0\x01\x02\x03'), 'InvalidResponse'],
    ['that is a bare page', ending('<html>hello</html>'), 'InvalidResponse'],
    ['with status 000', answering('HTTP/1.1 000 X\r\ncontent-length: 0\r\n\r\n'), 'InvalidResponse'],
    ['with status 099', answering('HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n'), 'InvalidResponse'],
    ['with status 600', answering('HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n'), 'InvalidResponse'],
    ['with status 999', answering('HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n'), 'InvalidResponse'],
    ['with an unasked 100', answering(`HTTP/1.1 100 Continue\r\n\r\n${OK}`), 'InvalidResponse'],
    [
      'with an unasked upgrade',
      answering('HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
      'InvalidResponse',
    ],
    [
      'with a header of 1 MB',
      answering(`HTTP/1.1 200 OK\r\na: ${'b'.repeat(1e6)}\r\n\r\n`),
      'InvalidResponse',
    ],
    [
      'with a reason of 1 MB that comes in parts',
      inParts(`HTTP/1.1 200 ${'b'.repeat(1e6)}`, 'b\r\n\r\n'),
      'InvalidResponse',
    ],
    ['with a reason of 1 MB', answering(`HTTP/1.1 200 ${'b'.repeat(1e6)}\r\n\r\n`), 'InvalidResponse'],
    [
      'with 10,000 empty fields',
      answering(`HTTP/1.1 200 OK\r\n${'a:\r\n'.repeat(10_000)}\r\n`),
      'InvalidResponse',
    ],
    ['with a field without a colon', answering('HTTP/1.1 200 OK\r\nnonsense\r\n\r\n'), 'InvalidResponse'],
    [
      'with a length that is no number',
      answering('HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n'),
      'InvalidResponse',
    ],
    [
      'with two lengths',
      answering('HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n'),
      'InvalidResponse',
    ],
    ['that ends within its header', ending('HTTP/1.1 200 OK\r\na: b'), 'ConnectionReset'],
    ['that never begins', ending(''), 'ConnectionReset'],
    ['that is a reset', (socket) => void socket.resetAndDestroy(), 'ConnectionReset'],
  ])('an answer %s is a failure', async (_, onRequest, failure) => {
    const receiver = await receiving({ onRequest });
    const result = await sending().send(anAttempt(urlOf(receiver)));
    expect(result).toMatchObject({ kind: 'failed', failure, durationMilliseconds: expect.any(Number) });
    expect(JSON.stringify(result)).not.toMatch(/SSH|html|nonsense|token|127\.0\.0\.1/);
    expect(receiver.connections).toBe(1);
    await waitUntil('the connection is closed', () => receiver.open === 0);
  });

  test('a header just under 16 KiB is read', async () => {
    const receiver = await receiving({
      onRequest: answering(
        `HTTP/1.1 200 OK\r\ncontent-length: 0\r\na: ${'b'.repeat(16 * 1024 - 100)}\r\n\r\n`,
      ),
    });
    expect(await sending().send(anAttempt(urlOf(receiver)))).toMatchObject({ statusCode: 200 });
  });
});

/** The second part comes once the event loop, which is the sender's too, had many turns to read the first. */
function inParts(first: string, second: string): (socket: Socket) => void {
  return (socket) => {
    let turns = 0;
    const writeLater = () => (++turns < 200 ? setImmediate(writeLater) : socket.write(second));
    socket.write(first, writeLater);
  };
}

function byteByByte(socket: Socket): void {
  const bytes = OK.split('');
  const write = () => {
    const byte = bytes.shift();
    if (byte !== undefined) socket.write(byte, () => setImmediate(write));
  };
  write();
}

describe('the timeout', () => {
  test.each<[string, RawReceiverOptions]>([
    ['an answer that does not come', { onRequest: () => {} }],
    ['half a header', { onRequest: answering('HTTP/1.1 200 OK\r\na: b') }],
    ['a header that drips', { onRequest: dripping('HTTP/1.1 200 OK\r\na: ', 'b') }],
    ['a flood of informational answers', { onRequest: dripping('', 'HTTP/1.1 103 Early Hints\r\n\r\n') }],
    ['empty lines', { onRequest: dripping('', '\r\n') }],
  ])('ends the wait for %s', async (_, options) => {
    const receiver = await receiving(options);
    const clock = new FakeClock();
    const result = sending({ clock }).send(anAttempt(urlOf(receiver), { timeoutMilliseconds: 3000 }));
    await waitUntil('the request arrived', () => receiver.requests.length === 1);
    await clock.advance(2999);
    expect(receiver.open).toBe(1);
    await clock.advance(1);
    expect(await result).toEqual({ kind: 'failed', failure: 'Timeout', durationMilliseconds: 3000 });
    expect(clock.timers).toBe(0);
    await waitUntil('the connection is closed', () => receiver.open === 0);
  });

  test('ends a lookup that does not answer', async () => {
    const clock = new FakeClock();
    const sender = sending({ clock, resolve: () => new Promise(() => {}) });
    const result = sender.send(anAttempt('http://silent.test/', { timeoutMilliseconds: 1000 }));
    await clock.advance(1000);
    expect(await result).toEqual({ kind: 'failed', failure: 'Timeout', durationMilliseconds: 1000 });
  });

  test('ends the reading of a body, after the answer counted', async () => {
    const receiver = await receiving({ onRequest: dripping('HTTP/1.1 200 OK\r\n\r\n', 'b') });
    const clock = new FakeClock();
    const result = await sending({ clock }).send(anAttempt(urlOf(receiver), { timeoutMilliseconds: 3000 }));
    expect(result).toMatchObject({ statusCode: 200 });
    await clock.advance(2999);
    expect(receiver.open).toBe(1);
    await clock.advance(1);
    await waitUntil('the connection is closed', () => receiver.open === 0);
    expect(clock.timers).toBe(0);
  });
});

/** Says something, then more and more until the connection is closed. */
function dripping(first: string, drop: string): (socket: Socket) => void {
  return (socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(drop), 5);
    socket.on('close', () => clearInterval(timer));
  };
}

describe('bodies of answers', () => {
  test('of up to 64 KiB leave the connection open for the next request', async () => {
    const body = 'x'.repeat(64 * 1024);
    const receiver = await receiving({
      onRequest: answering(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
    });
    const clock = new FakeClock();
    const sender = sending({ clock });
    for (let sent = 1; sent <= 3; sent += 1) {
      await sender.send(anAttempt(urlOf(receiver)));
      await waitUntil('the body was read', () => clock.timers === 0);
    }
    expect(receiver).toMatchObject({ connections: 1, requests: { length: 3 } });
  });

  test.each([
    ['one that never ends', dripping('HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(8192))],
    ['one a byte longer', answering(`HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n${'x'.repeat(65_537)}`)],
  ])('over 64 KiB cost the connection: %s', async (_, onRequest) => {
    const receiver = await receiving({ onRequest });
    const clock = new FakeClock();
    expect(await sending({ clock }).send(anAttempt(urlOf(receiver)))).toMatchObject({ statusCode: 200 });
    await waitUntil('the connection is closed', () => receiver.open === 0);
    expect(clock.timers).toBe(0);
  });
});

const isSecondRequestOfFirst = ({ request, connection }: { request: number; connection: number }) =>
  request === 2 && connection === 1;

async function sendTwice(receiver: RawReceiver, changes: Partial<Omit<AttemptRequest, 'url'>> = {}) {
  const clock = new FakeClock();
  const sender = sending({ clock });
  const first = await sender.send(anAttempt(urlOf(receiver)));
  await waitUntil('the body was read', () => clock.timers === 0);
  return [first, await sender.send(anAttempt(urlOf(receiver), changes))];
}

describe('connections that are kept', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['closed', (socket) => void socket.end()],
    ['reset', (socket) => void socket.resetAndDestroy()],
  ])('and turn out to be %s are replaced once', async (_, close) => {
    const receiver = await receiving({
      onRequest: (socket, counts) => (isSecondRequestOfFirst(counts) ? close(socket) : socket.write(OK)),
    });
    const [, second] = await sendTwice(receiver);
    expect(second).toMatchObject({ kind: 'answered', statusCode: 200 });
    expect(receiver).toMatchObject({ connections: 2, requests: { length: 3 } });
  });

  test('and are closed while the next request waits to be written are replaced', async () => {
    const sockets: Socket[] = [];
    const receiver = await receiving({ onConnection: (socket) => void sockets.push(socket) });
    const clock = new FakeClock();
    const sender = sending({ clock });
    await sender.send(anAttempt(urlOf(receiver)));
    await waitUntil('the body was read', () => clock.timers === 0);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    sockets[0]?.resetAndDestroy();
    // The connection does not know of it yet.
    expect(await sender.send(anAttempt(urlOf(receiver)))).toMatchObject({
      kind: 'answered',
      statusCode: 200,
    });
    expect(receiver).toMatchObject({ connections: 2, requests: { length: 2 } });
  });

  test('are replaced only once', async () => {
    const receiver = await receiving({
      onRequest: (socket, { request, connection }) =>
        request === 1 && connection === 1 ? socket.write(OK) : socket.end(),
    });
    const [, second] = await sendTwice(receiver);
    expect(second).toMatchObject({ kind: 'failed', failure: 'ConnectionReset' });
    expect(receiver).toMatchObject({ connections: 2, requests: { length: 3 } });
  });

  test('are not replaced by another that was kept', async () => {
    const held: Socket[] = [];
    const receiver = await receiving({
      onRequest: (socket, { request, connection }) => {
        if (request === 2) socket.resetAndDestroy();
        else if (connection > 2) socket.write(OK);
        else held.push(socket);
      },
    });
    const clock = new FakeClock();
    const sender = sending({ clock });
    const first = [sender.send(anAttempt(urlOf(receiver))), sender.send(anAttempt(urlOf(receiver)))];
    await waitUntil('both requests arrived', () => held.length === 2);
    for (const socket of held) socket.write(OK);
    await Promise.all(first);
    await waitUntil('the body was read', () => clock.timers === 0);
    expect(await sender.send(anAttempt(urlOf(receiver)))).toMatchObject({ statusCode: 200 });
    expect(receiver.connections).toBe(3);
  });

  test.each<[string, (socket: Socket) => void, string]>([
    ['a byte of an answer', ending('H'), 'ConnectionReset'],
    ['half a header', ending('HTTP/1.1 200 OK\r\na: b'), 'ConnectionReset'],
    ['an informational answer', ending('HTTP/1.1 103 Early Hints\r\n\r\n'), 'ConnectionReset'],
    ['what is not HTTP', ending('SSH-2.0'), 'InvalidResponse'],
  ])('are not replaced after %s', async (_, end, failure) => {
    const receiver = await receiving({
      onRequest: (socket, counts) => (isSecondRequestOfFirst(counts) ? end(socket) : socket.write(OK)),
    });
    const [, second] = await sendTwice(receiver);
    expect(second).toMatchObject({ kind: 'failed', failure });
    expect(receiver).toMatchObject({ connections: 1, requests: { length: 2 } });
  });

  test('and that the receiver closed meanwhile are not used', async () => {
    const receiver = await receiving({ onRequest: (socket) => void socket.end(OK) });
    const clock = new FakeClock();
    const sender = sending({ clock });
    await sender.send(anAttempt(urlOf(receiver)));
    await waitUntil('the connection is closed', () => receiver.open === 0);
    expect(await sender.send(anAttempt(urlOf(receiver)))).toMatchObject({ statusCode: 200 });
    expect(receiver).toMatchObject({ connections: 2, requests: { length: 2 } });
  });

  test('are not shared between namespaces', async () => {
    const receiver = await receiving();
    await sendTwice(receiver, { namespace: 'other' });
    expect(receiver.connections).toBe(2);
  });

  test('are ended by close', async () => {
    const receiver = await receiving();
    const sender = sending();
    await sender.send(anAttempt(urlOf(receiver)));
    sender.close();
    await waitUntil('the connection is closed', () => receiver.open === 0);
    expect(await sender.send(anAttempt(urlOf(receiver)))).toMatchObject({ failure: 'ConnectionReset' });
    expect(receiver.connections).toBe(1);
  });
});

describe('what does not connect', () => {
  test('a port where nobody listens is ConnectionRefused', async () => {
    const receiver = await startRawReceiver();
    await receiver.close();
    expect(await sending().send(anAttempt(urlOf(receiver)))).toMatchObject({
      kind: 'failed',
      failure: 'ConnectionRefused',
      detail: 'ECONNREFUSED',
    });
  });

  test.each(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENODATA'])(
    'a lookup that ends with %s is DNSLookupFailed',
    async (code) => {
      const resolve = () => Promise.reject(Object.assign(new Error('getaddrinfo secret.test'), { code }));
      expect(await sending({ resolve }).send(anAttempt('http://secret.test/'))).toEqual({
        kind: 'failed',
        failure: 'DNSLookupFailed',
        detail: code,
        durationMilliseconds: expect.any(Number),
      });
    },
  );

  test('a name without addresses is DNSLookupFailed', async () => {
    const result = await sending({ resolve: () => Promise.resolve([]) }).send(
      anAttempt('http://empty.test/'),
    );
    expect(result).toMatchObject({ failure: 'DNSLookupFailed' });
  });
});

describe('an abort', () => {
  test('before the attempt opens nothing', async () => {
    const receiver = await receiving();
    expect(await sending().send(anAttempt(urlOf(receiver), { signal: AbortSignal.abort() }))).toEqual({
      kind: 'aborted',
    });
    expect(receiver.connections).toBe(0);
  });

  test('ends the attempt, its connection and its timer', async () => {
    const receiver = await receiving({ onRequest: () => {} });
    const clock = new FakeClock();
    const abort = new AbortController();
    const result = sending({ clock }).send(anAttempt(urlOf(receiver), { signal: abort.signal }));
    await waitUntil('the request arrived', () => receiver.requests.length === 1);
    abort.abort();
    expect(await result).toEqual({ kind: 'aborted' });
    await waitUntil('the connection is closed', () => receiver.open === 0);
    expect(clock.timers).toBe(0);
  });

  test('on a kept connection makes no second request', async () => {
    const receiver = await receiving({
      onRequest: (socket, { request }) => request === 1 && socket.write(OK),
    });
    const clock = new FakeClock();
    const sender = sending({ clock });
    await sender.send(anAttempt(urlOf(receiver)));
    await waitUntil('the body was read', () => clock.timers === 0);
    const abort = new AbortController();
    const result = sender.send(anAttempt(urlOf(receiver), { signal: abort.signal }));
    await waitUntil('the request arrived', () => receiver.requests.length === 2);
    abort.abort();
    expect(await result).toEqual({ kind: 'aborted' });
    await waitUntil('the connection is closed', () => receiver.open === 0);
    expect(receiver.connections).toBe(1);
  });

  test('during a lookup ends the attempt', async () => {
    const abort = new AbortController();
    const resolve = () => new Promise<never>(() => abort.abort());
    expect(
      await sending({ resolve }).send(anAttempt('http://silent.test/', { signal: abort.signal })),
    ).toEqual({
      kind: 'aborted',
    });
  });
});

describe('a process that may not act', () => {
  test('sends nothing, and its attempt counts as none', async () => {
    const receiver = await receiving();
    const sender = sending({ mayAct: () => false });
    expect(await sender.send(anAttempt(urlOf(receiver)))).toEqual({ kind: 'aborted' });
    expect(receiver.connections).toBe(0);
  });

  test('sends nothing where that changes while the connection is being made', async () => {
    const receiver = await receiving();
    let may = true;
    const result = sending({ mayAct: () => may }).send(anAttempt(urlOf(receiver)));
    may = false;
    expect(await result).toEqual({ kind: 'aborted' });
    await waitUntil('the connection to be closed', () => receiver.open === 0);
    expect(receiver.requests).toEqual([]);
  });

  test('sends nothing over a connection that carried others, and opens no other', async () => {
    const receiver = await receiving();
    // Asked first, then when a request is about to go.
    const answers = [true, true, true, false];
    const sender = sending({ mayAct: () => answers.shift() ?? false });
    expect(await sender.send(anAttempt(urlOf(receiver)))).toMatchObject({ statusCode: 200 });
    expect(await sender.send(anAttempt(urlOf(receiver)))).toEqual({ kind: 'aborted' });
    expect([receiver.requests.length, receiver.connections]).toEqual([1, 1]);
  });
});
