import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Reaction } from './behaviour.ts';
import type { Answer, LoggedRequest } from './run.ts';

export interface SoakReceiverOptions {
  /** Of all requests. */
  readonly signingKey: string;
  readonly react: (path: string, deliveryID: string) => Reaction;
}

/** A receiver that keeps a log of what it was sent and what it did about it. */
export interface SoakReceiver {
  readonly origin: string;
  /** The requests that have ended. */
  readonly log: readonly LoggedRequest[];
  readonly close: () => Promise<void>;
}

/** Listens on loopback. */
export async function startSoakReceiver({ signingKey, react }: SoakReceiverOptions): Promise<SoakReceiver> {
  const log: LoggedRequest[] = [];
  const used = new WeakSet<Socket>();
  const receive = async (message: IncomingMessage, response: ServerResponse) => {
    const arrivedAt = now();
    const isReused = used.has(message.socket);
    used.add(message.socket);
    const body = (await buffer(message)).toString();
    const { method = '', url: path = '', headers } = message;
    const deliveryID = String(headers['webhook-id']);
    const { answer, afterMilliseconds } = react(path, deliveryID);
    const closed = new AbortController();
    response.on('close', () => closed.abort());
    if (afterMilliseconds > 0) await delay(afterMilliseconds, undefined, closed).catch(() => {});
    const given = answer !== 'hang' && closed.signal.aborted ? 'hang' : answer;
    if (given === 'hang' && !closed.signal.aborted) await once(closed.signal, 'abort');
    log.push({
      method,
      path,
      deliveryID,
      timestamp: Number(headers['webhook-timestamp']),
      isSigned: isSigned(headers, body, signingKey),
      body,
      isReused,
      arrivedAt,
      endedAt: now(),
      answer: given,
    });
    give(given, message.socket, response);
  };
  const server = createServer((message, response) => {
    receive(message, response).catch(() => message.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    log,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** In milliseconds since 1970, by a clock that is never set back: what came after something else is later. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

function give(answer: Answer, socket: Socket, response: ServerResponse): void {
  if (answer === 'hang') return;
  if (answer === 'reset') return void socket.destroy();
  const { status, retryAfter } = answer;
  const isRedirect = status >= 300 && status < 400;
  response.writeHead(status, {
    ...(retryAfter === undefined ? {} : { 'Retry-After': retryAfter }),
    ...(isRedirect ? { Location: '/redirected' } : {}),
  });
  response.end();
}

/** Both signatures, by the seed's rule and by that of Standard Webhooks. */
function isSigned(headers: IncomingHttpHeaders, body: string, key: string): boolean {
  const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const standard = createHmac('sha256', key).update(content).digest('base64');
  return (
    headers['x-flagsmith-signature'] === createHmac('sha256', key).update(body).digest('hex') &&
    headers['webhook-signature'] === `v1,${standard}`
  );
}
