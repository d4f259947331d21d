import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { BindAddress } from './bindAddress.ts';

export interface ProbeAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface ProbeServerOptions {
  readonly address: BindAddress;
  /** By path. A route that rejects is answered with 500, without its reason. */
  readonly routes: Readonly<Record<string, () => Promise<ProbeAnswer>>>;
}

export interface ProbeServer {
  /** The port that it listens at. */
  readonly port: number;
  /** Stops listening; open connections are ended. */
  close(): Promise<void>;
}

const TEXT = 'text/plain; charset=utf-8';

/** Serves probes and metrics. Rejects with Node's error where the address can't be listened at. */
export async function startProbeServer({ address, routes }: ProbeServerOptions): Promise<ProbeServer> {
  const byPath = new Map(Object.entries(routes));
  const server = createServer(
    {
      maxHeaderSize: 8 * 1024,
      // A client that is slow to ask, or that stays, must not hold a connection for long.
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      void answer(byPath, request).then((result) => write(request, response, result));
    },
  );
  await listen(server, address);
  // Such as EMFILE at accept: the next probe tells.
  server.on('error', () => {});
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : address.port,
    close: () => close(server),
  };
}

async function answer(byPath: ReadonlyMap<string, () => Promise<ProbeAnswer>>, request: IncomingMessage) {
  const [path = ''] = (request.url ?? '').split('?');
  const route = byPath.get(path);
  if (!route) return { status: 404, contentType: TEXT, body: 'not found\n' };
  if (!isRead(request)) return { status: 405, contentType: TEXT, body: 'only GET and HEAD\n' };
  try {
    return await route();
  } catch {
    return { status: 500, contentType: TEXT, body: 'failed\n' };
  }
}

function write(
  request: IncomingMessage,
  response: ServerResponse,
  { status, contentType, body }: ProbeAnswer,
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...(status === 405 && { allow: 'GET, HEAD' }),
    // What else the client sends is not waited for.
    ...(!isRead(request) && { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

function listen(server: Server, { host, port }: BindAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
