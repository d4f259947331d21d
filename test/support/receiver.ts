import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { TLSSocket, type SecureContextOptions } from 'node:tls';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Over TLS, the name that was asked for, and the common name of the client's certificate. */
  readonly tls?: { readonly serverName: string | false | null; readonly clientName?: string };
}

/** A status, with headers; `hang` never answers, `reset` closes the connection. */
export type Answer =
  number | 'hang' | 'reset' | { readonly status: number; readonly headers: Record<string, string> };

export interface ReceiverOptions {
  /** Given the request and how many came before it; 200 where absent. */
  readonly answer?: (request: ReceivedRequest, index: number) => Answer | Promise<Answer>;
  readonly tls?: ServerOptions;
  /** Default 127.0.0.1. */
  readonly host?: string;
}

/** A well-behaved HTTP receiver on loopback that keeps what it was sent. */
export interface Receiver {
  readonly port: number;
  /** Without a slash at the end. */
  readonly origin: string;
  readonly requests: readonly ReceivedRequest[];
  /** Requests that have not been answered yet. */
  readonly open: number;
  /** Changes how it answers from now on. */
  readonly answerWith: (answer: NonNullable<ReceiverOptions['answer']>) => void;
  /** Changes its certificate, or whose certificates it trusts, for new connections. */
  readonly useTls: (options: SecureContextOptions) => void;
  readonly close: () => Promise<void>;
}

export async function startReceiver({
  answer = () => 200,
  tls,
  host = '127.0.0.1',
}: ReceiverOptions = {}): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  let decide = answer;
  let open = 0;
  const listener: RequestListener = (message, response) => {
    void (async () => {
      open += 1;
      response.on('close', () => (open -= 1));
      const body = await buffer(message);
      const { method = '', url: path = '', headers } = message;
      const request = { method, path, headers, body, at: Date.now(), tls: tlsOf(message.socket) };
      requests.push(request);
      const decision = await decide(request, requests.length - 1);
      if (decision === 'hang') return;
      if (decision === 'reset') return void message.socket.destroy();
      const { status, headers: answered } =
        typeof decision === 'number' ? { status: decision, headers: {} } : decision;
      response.writeHead(status, answered).end();
    })().catch(() => message.socket.destroy());
  };
  const secure = tls && createSecureServer(tls, listener);
  const server = secure ?? createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    requests,
    get open() {
      return open;
    },
    answerWith: (next) => (decide = next),
    useTls: (options) => secure?.setSecureContext(options),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function tlsOf(socket: Socket): ReceivedRequest['tls'] {
  if (!(socket instanceof TLSSocket)) return undefined;
  const commonName = socket.getPeerCertificate().subject?.CN;
  const clientName = Array.isArray(commonName) ? commonName[0] : commonName;
  return { serverName: socket.servername, clientName };
}
