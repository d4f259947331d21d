import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** A receiver that says whatever bytes the test wants, and counts what reaches it. */
export interface RawReceiver {
  readonly port: number;
  /** TCP connections that were accepted. */
  readonly connections: number;
  /** Requests whose header arrived. */
  readonly requests: readonly string[];
  /** Connections that are open now. */
  readonly open: number;
  readonly close: () => Promise<void>;
}

export interface RawReceiverOptions {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: TlsOptions;
  /** Called for each connection, before anything arrived. */
  readonly onConnection?: (socket: Socket, connection: number) => void;
  /** Called once the header of a request arrived; counts both from 1. */
  readonly onRequest?: (socket: Socket, counts: { request: number; connection: number }) => void;
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Listens on loopback. */
export async function startRawReceiver(options: RawReceiverOptions = {}): Promise<RawReceiver> {
  const {
    host = '127.0.0.1',
    port = 0,
    tls,
    onConnection,
    onRequest = (socket) => socket.write(OK),
  } = options;
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let connections = 0;
  const serve = (socket: Socket) => {
    const connection = connections;
    let received = '';
    let request = 0;
    socket.on('error', () => {});
    onConnection?.(socket, connection);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      // Bodies in these tests hold no empty line; what follows a header is its body.
      const header = received.indexOf('\r\n\r\n');
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (header < 0 || received.length < header + 4 + length) return;
      requests.push(received.slice(0, header + 4 + length));
      received = received.slice(header + 4 + length);
      onRequest(socket, { request: ++request, connection });
    });
  };
  const server: Server = tls ? createTlsServer(tls, serve) : createTcpServer();
  server.on('tlsClientError', () => {});
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    if (!tls) serve(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
