import type { Dispatcher } from 'undici';
import { ApiError } from '../runtime/apiError.ts';
import type { Clock } from '../runtime/clock.ts';
import { Agents } from './agents.ts';
import type { Credentials } from './credentials.ts';
import { withDeadline } from './deadline.ts';
import { readError } from './readError.ts';
import { TransportError } from './transportError.ts';

export interface Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the server's URL, from the first slash on, with its segments escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; default `application/json`. */
  readonly contentType?: string;
  readonly accept?: string | undefined;
  readonly signal: AbortSignal;
  /** From the connection to the answer's last byte; of a stream, to the end of its header. */
  readonly timeoutMilliseconds?: number;
}

export interface Answer {
  readonly body: unknown;
  /** The size of the body as it came. */
  readonly bytes: number;
}

export interface TransportOptions {
  readonly server: URL;
  /** Where the credentials come from; `forget` is called when the API server refuses them. */
  readonly credentials: { read(): Promise<Credentials>; forget(): void };
  readonly clock: Clock;
  readonly userAgent: string;
  /** Whether a request that changes something may be sent now; always, where absent. */
  readonly mayWrite?: () => boolean;
  /** Each request once, as client-go's rest_client_requests_total counts them; `code` is `<error>` without an answer. */
  readonly onRequest?: (request: { code: string; method: string; host: string }) => void;
  /** Credentials can't be read; those read before stay in use. */
  readonly onCredentialsError?: (error: unknown) => void;
}

const DEFAULT_TIMEOUT_MILLISECONDS = 30_000;
// As often as credentials are read again: the kubelet renews a token 10 minutes before it expires.
const CREDENTIALS_AGE_MILLISECONDS = 30_000;

/** HTTP to the API server over one shared pool of connections, as many as there are requests at once. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #prefix: string;
  #credentials: Credentials | undefined;
  #readAt = -Infinity;
  #reading: Promise<Credentials> | undefined;
  readonly #agents: Agents;
  /** What the API server's clock says where the monotonic one says 0. */
  #serverTimeAtZero: number | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#agents = new Agents(options.mayWrite ?? (() => true));
    this.#prefix = options.server.pathname.replace(/\/$/, '');
  }

  /** What the API server's clock says where the monotonic one says 0, by the Date header of its last answer, to a second. */
  serverTimeAtZero(): number | undefined {
    return this.#serverTimeAtZero;
  }

  /**
   * How far the API server's clock is ahead of ours, by the Date header of its last answer, to about a second;
   * undefined before the first. The monotonic clock carries it on, so that a jump of the wall clock shows at once.
   */
  clockSkewMilliseconds(): number | undefined {
    const { clock } = this.#options;
    if (this.#serverTimeAtZero === undefined) return undefined;
    return this.#serverTimeAtZero + clock.monotonic() - clock.now();
  }

  /** The answer's JSON. Throws an ApiError, a TransportError, or the signal's reason. */
  async request(request: Request): Promise<unknown> {
    return (await this.send(request)).body;
  }

  /** As `request`, with the answer's size. */
  async send(request: Request): Promise<Answer> {
    return this.#within(request, async (signal) => {
      const response = await this.#dispatch(request, signal);
      const bytes = Buffer.from(await response.body.arrayBuffer());
      return { body: parseJson(bytes), bytes: bytes.length };
    });
  }

  /** The answer's bytes as they come, without an end. Throws as `request`. Leaving the loop ends the request. */
  async *stream(request: Request): AsyncGenerator<Uint8Array, void, undefined> {
    const controller = new AbortController();
    const abort = (): void => controller.abort(request.signal.reason);
    request.signal.addEventListener('abort', abort, { once: true });
    try {
      // The deadline ends with the header; what comes after is aborted by the controller alone.
      const response = await this.#within(request, (signal) => {
        signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
        return this.#dispatch(request, controller.signal);
      });
      yield* response.body;
    } catch (error) {
      throw translate(error, request.signal);
    } finally {
      request.signal.removeEventListener('abort', abort);
      controller.abort();
    }
  }

  /** Ends every request and connection. */
  async close(): Promise<void> {
    await this.#agents.close();
  }

  #within<R>(request: Request, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { clock } = this.#options;
    const { signal, timeoutMilliseconds: milliseconds = DEFAULT_TIMEOUT_MILLISECONDS } = request;
    const reason = (): Error => new TransportError(`no answer within ${milliseconds} ms`);
    return withDeadline({ clock, signal, milliseconds, reason }, async (inner) => {
      try {
        return await work(inner);
      } catch (error) {
        throw translate(error, inner);
      }
    });
  }

  /** Sends the request, with new credentials once more where they were refused. */
  async #dispatch(request: Request, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#attempt(request, signal);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      this.#options.credentials.forget();
      this.#readAt = -Infinity;
      return this.#attempt(request, signal);
    }
  }

  async #attempt(request: Request, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { server, clock, userAgent, onRequest } = this.#options;
    const credentials = await this.#currentCredentials();
    const begun = clock.monotonic();
    let code = '<error>';
    try {
      const response = await this.#agents.get(credentials.tls).request({
        origin: server.origin,
        method: request.method,
        path: this.#prefix + request.path + queryString(request.query),
        headers: {
          ...credentials.headers,
          'User-Agent': userAgent,
          Accept: request.accept ?? 'application/json',
          ...(request.body !== undefined && { 'Content-Type': request.contentType ?? 'application/json' }),
        },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal,
        // The deadline is ours.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      code = String(response.statusCode);
      this.#compareClocks(response.headers['date'], begun);
      if (response.statusCode >= 200 && response.statusCode < 300) return response;
      throw await readError(response, clock.now());
    } finally {
      onRequest?.({ code, method: request.method, host: server.host });
    }
  }

  #currentCredentials(): Promise<Credentials> {
    const fresh = this.#options.clock.monotonic() - this.#readAt < CREDENTIALS_AGE_MILLISECONDS;
    if (fresh && this.#credentials !== undefined) return Promise.resolve(this.#credentials);
    this.#reading ??= this.#readCredentials().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readCredentials(): Promise<Credentials> {
    try {
      this.#credentials = await this.#options.credentials.read();
      this.#readAt = this.#options.clock.monotonic();
      return this.#credentials;
    } catch (error) {
      this.#options.onCredentialsError?.(error);
      if (this.#credentials === undefined) throw error;
      this.#readAt = this.#options.clock.monotonic();
      return this.#credentials;
    }
  }

  #compareClocks(date: string | string[] | undefined, begun: number): void {
    const time = typeof date === 'string' ? Date.parse(date) : NaN;
    if (Number.isNaN(time)) return;
    // Date is cut to the second, and was written at some moment between question and answer.
    this.#serverTimeAtZero = time + 500 - (begun + this.#options.clock.monotonic()) / 2;
  }
}

const queryString = (query: Request['query'] = {}): string => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
};

const parseJson = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // The parser's message shows what it stumbled on.
    throw new TransportError('the answer is no JSON');
  }
};

const translate = (error: unknown, signal: AbortSignal): unknown => {
  if (signal.aborted) return signal.reason;
  if (!Error.isError(error) || error instanceof ApiError || error instanceof TransportError) return error;
  if (error.name === 'ConfigError') return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  // undici's parser error carries the bytes that it stumbled on, which may be a Secret's.
  const cause = error.name === 'HTTPParserError' ? undefined : error;
  return new TransportError(`no answer from the API server: ${code}`, { cause });
};
