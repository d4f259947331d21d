import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A status, with headers; `hang` never answers, `reset` closes the connection. */
export type Answer =
  number | 'hang' | 'reset' | { readonly status: number; readonly headers: Record<string, string> };

export interface ReceiverOptions {
  /** Given the request and how many came before it; 200 where absent. */
  readonly answer?: (request: ReceivedRequest, index: number) => Answer | Promise<Answer>;
  readonly tls?: ServerOptions;
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
  answerWith(answer: NonNullable<ReceiverOptions['answer']>): void;
  close(): Promise<void>;
}

export async function startReceiver({ answer = () => 200, tls }: ReceiverOptions = {}): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  let decide = answer;
  let open = 0;
  const listener: RequestListener = (message, response) => {
    void (async () => {
      open += 1;
      response.on('close', () => (open -= 1));
      const body = await buffer(message);
      const { method = '', url: path = '', headers } = message;
      const request = { method, path, headers, body, at: Date.now() };
      requests.push(request);
      const decision = await decide(request, requests.length - 1);
      if (decision === 'hang') return;
      if (decision === 'reset') return void message.socket.destroy();
      const { status, headers: answered } =
        typeof decision === 'number' ? { status: decision, headers: {} } : decision;
      response.writeHead(status, answered).end();
    })().catch(() => message.socket.destroy());
  };
  const server = tls ? createSecureServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    get open() {
      return open;
    },
    answerWith: (next) => (decide = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
