import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Request, Transport } from '../../src/kube/transport.ts';
import { TransportError } from '../../src/kube/transportError.ts';
import { failureOf } from '../support/failureOf.ts';
import { FakeApiServer } from '../support/fakeApiServer.ts';
import { aTransport } from '../support/transport.ts';

const { signal } = new AbortController();
const WRITES = ['PUT', 'POST', 'PATCH', 'DELETE'] as const;

let server: FakeApiServer;
let transport: Transport;
let mayWrite: boolean;

beforeEach(async () => {
  server = new FakeApiServer();
  mayWrite = true;
  transport = aTransport(await server.start(), { mayWrite: () => mayWrite });
});

afterEach(async () => {
  await transport.close();
  await server.stop();
});

const ask = (method: Request['method']) => transport.request({ method, path: '/a', body: {}, signal });

test.each(WRITES)('a %s goes where it may', async (method) => {
  const answer = ask(method);
  (await server.next()).json({ done: true });
  expect(await answer).toEqual({ done: true });
});

test.each(WRITES)('a %s is refused before anything of it is sent where it may not', async (method) => {
  mayWrite = false;
  expect(await failureOf(ask(method))).toBeInstanceOf(TransportError);
  expect(server.count).toBe(0);
});

test.each(WRITES)('a %s is refused where that changes while the connection is being made', async (method) => {
  const answer = failureOf(ask(method));
  mayWrite = false;
  expect(await answer).toBeInstanceOf(TransportError);
  expect(server.count).toBe(0);
});

test('a write is refused over a connection that carried others', async () => {
  const answer = ask('PUT');
  (await server.next()).json({});
  await answer;
  mayWrite = false;
  expect(await failureOf(ask('PUT'))).toBeInstanceOf(TransportError);
  expect(server.count).toBe(1);
  const read = ask('GET');
  (await server.next()).json({ read: true });
  expect(await read).toEqual({ read: true });
});

test('a read goes whether or not', async () => {
  mayWrite = false;
  const answer = transport.request({ method: 'GET', path: '/a', signal });
  (await server.next()).json({ read: true });
  expect(await answer).toEqual({ read: true });
});
