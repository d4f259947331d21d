import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitUntil } from './waitUntil.ts';

/** A request that a test answers as it likes. */
export class FakeCall {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Promise<string>;

  constructor(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://fake');
    this.method = request.method ?? '';
    this.path = url.pathname;
    this.query = Object.fromEntries(url.searchParams);
    this.headers = request.headers;
    this.request = request;
    this.response = response;
    this.body = request.setEncoding('utf8').reduce<string>((all, chunk) => all + String(chunk), '');
  }

  /** Whether the client has closed the connection. */
  get closed(): boolean {
    return this.response.destroyed;
  }

  json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): void {
    this.response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    this.response.end(JSON.stringify(body));
  }

  /** Answers as the API server does where it refuses something. */
  refuse(status: number, reason: string, headers: Readonly<Record<string, string>> = {}): void {
    this.json(
      {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        code: status,
        reason,
        message: `said ${reason}`,
      },
      status,
      headers,
    );
  }

  /** Sends the header of a watch. */
  open(): void {
    this.response.writeHead(200, { 'Content-Type': 'application/json' });
    this.response.flushHeaders();
  }

  /** Sends an event of a watch. */
  event(type: string, object: unknown): void {
    this.write(`${JSON.stringify({ type, object })}\n`);
  }

  bookmark(resourceVersion: string, initialEventsEnd = false): void {
    const annotations = initialEventsEnd ? { 'k8s.io/initial-events-end': 'true' } : {};
    this.event('BOOKMARK', { metadata: { resourceVersion, annotations } });
  }

  write(bytes: string | Uint8Array): void {
    this.response.write(bytes);
  }

  end(): void {
    this.response.end();
  }

  /** Closes the connection with a reset, whatever was under way. */
  reset(): void {
    this.request.socket.resetAndDestroy();
  }
}

/** An HTTP server on loopback that shows each request to the test, in order, and answers nothing by itself. */
export class FakeApiServer {
  readonly #server: Server;
  readonly #calls: FakeCall[] = [];
  /** How many requests there were. */
  count = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.count += 1;
      this.#calls.push(new FakeCall(request, response));
    });
  }

  async start(): Promise<URL> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address() as AddressInfo;
    return new URL(`http://127.0.0.1:${address.port}`);
  }

  /** The next request, once it is there. */
  next(): Promise<FakeCall> {
    return waitUntil('a request', () => this.#calls.shift(), { everyMs: 2 });
  }

  /** How many requests wait for the test. */
  get waiting(): number {
    return this.#calls.length;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
