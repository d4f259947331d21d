import { Client, type Dispatcher } from 'undici';
import type { Socket } from 'node:net';
import { callbackify } from 'node:util';
import { AttemptError, failureOf, isClosed, type Failure } from './failures.ts';

const HEADER_BYTES = 16 * 1024;
const BODY_BYTES = 64 * 1024;
/** What one read of a socket may give at most: its buffer and a chunk that came over it. */
const READ_BYTES = 2 * 64 * 1024;

/** What is written to a receiver. */
export interface WireRequest {
  /** The URL's path and query. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** Called when the first byte is about to be written: the last chance to abort. */
  readonly onWrite: () => void;
}

/** What an exchange came to, once the answer's header is complete. */
export type ExchangeResult =
  | { readonly kind: 'answered'; readonly statusCode: number; readonly retryAfter?: string }
  | ({
      readonly kind: 'failed';
      /** Closed before a byte of an answer, on a connection that had carried an earlier answer. */
      readonly staleConnection: boolean;
    } & Failure);

/** A request under way. Neither promise rejects. */
export interface Exchange {
  /** Resolves at the end of the answer's header, or when there will be none. */
  readonly answer: Promise<ExchangeResult>;
  /** Resolves when the answer's body was read or given up. */
  readonly finished: Promise<void>;
}

export interface ReceiverConnectionOptions {
  readonly origin: URL;
  /** Opens the socket; the signal ends that. */
  readonly open: (signal: AbortSignal) => Promise<Socket>;
  /** Called when the connection can carry another request. */
  readonly onIdle: () => void;
  /** Called once when it can't carry any more. */
  readonly onClosed: () => void;
}

/**
 * One connection to a receiver: an undici Client that carries one request after the other. It has a Client of its own,
 * and not a Pool's, so that an attempt knows whether its connection was used before, and ends the dialling when it ends.
 */
export class ReceiverConnection {
  readonly #client: Client;
  readonly #options: ReceiverConnectionOptions;
  readonly #opening = new AbortController();
  #socket?: Socket;
  #used = false;
  #closed = false;
  /** Tells the exchange that goes on, if there is one, that the connection ends. */
  #onClose?: (failure: Failure) => void;

  constructor(options: ReceiverConnectionOptions) {
    this.#options = options;
    const open = callbackify(async () => {
      this.#socket = await options.open(this.#opening.signal);
      return this.#socket;
    });
    this.#client = new Client(options.origin.origin, {
      allowH2: false,
      pipelining: 1,
      // A receiver's usual 5 s would race with a longer one.
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 10_000,
      maxHeaderSize: HEADER_BYTES,
      // A flood of 103 defeats the one, a drip the other: the attempt's own deadline covers both.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_target, callback) =>
        open((error, socket) => (error ? callback(error, null) : callback(null, socket))),
    });
    // Else the Client would open another socket for the next request.
    this.#client.on('disconnect', () => this.close());
  }

  /** Whether a request can be written now, without opening a socket. */
  get usable(): boolean {
    return !this.#closed && this.#client.stats.connected && this.#client.stats.size === 0;
  }

  /**
   * Sends one request. The answer's body is read to keep the connection, as far as it is no longer than 64 KiB. The
   * signal ends the exchange at any time, with its reason.
   */
  exchange({ path, headers, body, onWrite }: WireRequest, signal: AbortSignal): Exchange {
    const answer = Promise.withResolvers<ExchangeResult>();
    const finished = Promise.withResolvers<void>();
    const reused = this.#used;
    this.#used = true;
    let answerBegan = false;
    let answerBeganAt = 0;
    let bodyBytes = 0;
    const bytesRead = () => this.#socket?.bytesRead ?? 0;
    const finish = () => {
      signal.removeEventListener('abort', abort);
      this.#onClose = undefined;
      finished.resolve();
    };
    const fail = (failure: Failure) => {
      const staleConnection = reused && !answerBegan && isClosed(failure);
      answer.resolve({ kind: 'failed', staleConnection, ...failure });
      this.close();
    };
    const abort = () => fail(failureOf(signal.reason));
    signal.addEventListener('abort', abort);
    this.#onClose = (failure) => {
      fail(failure);
      finish();
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (controller) => {
        onWrite();
        if (signal.aborted) controller.abort(new AttemptError('ConnectionReset', 'ABORTED'));
      },
      onResponseStarted: () => {
        answerBegan = true;
        answerBeganAt = bytesRead();
      },
      onResponseStart: (controller, statusCode, answerHeaders, statusMessage) => {
        if (statusCode >= 100 && statusCode <= 199) return;
        if (statusCode < 100 || statusCode > 599) {
          fail({ failure: 'InvalidResponse', detail: 'STATUS_OUT_OF_RANGE' });
        } else if (
          headerBytes(controller.rawHeaders, statusMessage) > HEADER_BYTES ||
          // Of a status message that came in parts undici gives the last.
          bytesRead() - answerBeganAt > HEADER_BYTES + READ_BYTES
        ) {
          fail({ failure: 'InvalidResponse', detail: 'UND_ERR_HEADERS_OVERFLOW' });
        } else {
          const retryAfter = answerHeaders['retry-after'];
          answer.resolve({
            kind: 'answered',
            statusCode,
            retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
          });
        }
      },
      onResponseData: (_controller, chunk) => {
        bodyBytes += chunk.length;
        if (bodyBytes > BODY_BYTES) this.close();
      },
      onResponseEnd: () => {
        finish();
        // An answer that came before all was sent says nothing about what the receiver does with the rest.
        if (this.#socket?.writableLength === 0) this.#options.onIdle();
        else this.close();
      },
      onResponseError: (_controller, error) => fail(failureOf(error)),
    };
    if (signal.aborted) abort();
    else
      this.#client.dispatch({ method: 'POST', path, headers: headers.flat(), body: asBuffer(body) }, handler);
    return { answer: answer.promise, finished: finished.promise };
  }

  /** Ends the connection, and whatever goes on over it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const reason = new AttemptError('ConnectionReset', 'CLOSED');
    this.#onClose?.(reason);
    this.#opening.abort(reason);
    this.#client.destroy(reason, () => {});
    this.#options.onClosed();
  }
}

/** The size of the header as it came over the wire; undici counts neither the status line nor what stands between. */
function headerBytes(rawHeaders: Dispatcher.DispatchController['rawHeaders'], statusMessage = ''): number {
  const fields = Array.isArray(rawHeaders) ? rawHeaders : [];
  return fields.reduce(
    (sum, field) => sum + field.length + 2,
    'HTTP/1.1 200 '.length + statusMessage.length + 4,
  );
}

function asBuffer(body: Uint8Array): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
