import type { Clock } from '../runtime/clock.ts';
import type { AddressGuard } from './addressGuard.ts';
import { AttemptError, failureOf, type Failure } from './failures.ts';
import { createLookup, type Lookup } from './lookups.ts';
import type { ExchangeResult, WireRequest } from './receiverConnection.ts';
import { ReceiverDispatchers } from './receiverDispatchers.ts';
import type { TlsMaterial } from './tlsMaterial.ts';

/** One request of one attempt. */
export interface AttemptRequest {
  readonly url: URL;
  /** Of the endpoint: lookups are bounded and connections kept apart by it. */
  readonly namespace: string;
  /** Without Host, Connection and Content-Length, which the connection writes. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** From DNS to the end of the answer's header. */
  readonly timeoutMilliseconds: number;
  readonly tls?: TlsMaterial;
  /** Ends the attempt from outside: a deletion, a shutdown. */
  readonly signal: AbortSignal;
}

/** What an attempt came to. Nothing in it comes from the receiver but the status and Retry-After. */
export type AttemptResult =
  | {
      readonly kind: 'answered';
      readonly statusCode: number;
      readonly retryAfter?: string;
      readonly durationMilliseconds: number;
    }
  | ({
      readonly kind: 'failed';
      /** Absent where the address is forbidden: it would tell how the name resolves. */
      readonly durationMilliseconds?: number;
    } & Failure)
  | { readonly kind: 'aborted' };

export interface Sender {
  /** Makes one attempt. Never rejects. */
  send(request: AttemptRequest): Promise<AttemptResult>;
  /** Ends everything that is still open; attempts in flight end as reset. */
  close(): void;
}

export interface SenderOptions {
  readonly guard: AddressGuard;
  readonly clock: Clock;
  /** Whether anything may be sent now, always, where absent. It is asked when a request's first byte is about to go, too. */
  readonly mayAct?: () => boolean;
  /** Default: getaddrinfo, at most four lookups at once a namespace. */
  readonly lookup?: Lookup;
}

export function createSender({
  guard,
  clock,
  mayAct = () => true,
  lookup = createLookup(),
}: SenderOptions): Sender {
  const dispatchers = new ReceiverDispatchers({ guard, lookup });

  const send = async (request: AttemptRequest): Promise<AttemptResult> => {
    if (request.signal.aborted || !mayAct()) return { kind: 'aborted' };
    const startedAt = clock.monotonic();
    // One signal rules both rounds, from DNS to the last byte of the body.
    const ends = new AbortController();
    const abort = () => ends.abort(new AttemptError('ConnectionReset', 'ABORTED'));
    request.signal.addEventListener('abort', abort);
    const takeBackDeadline = clock.schedule(request.timeoutMilliseconds, () =>
      ends.abort(new AttemptError('Timeout')),
    );
    const release = () => {
      takeBackDeadline();
      request.signal.removeEventListener('abort', abort);
    };

    // A name, a connection or a handshake may have taken long, and the process may have been frozen meanwhile.
    const onWrite = () => {
      if (!mayAct()) abort();
    };

    const result = await exchange(dispatchers, { ...request, onWrite, signal: ends.signal }, release);
    const durationMilliseconds = Math.max(0, Math.round(clock.monotonic() - startedAt));
    if (result.kind === 'answered') {
      return {
        kind: 'answered',
        statusCode: result.statusCode,
        retryAfter: result.retryAfter,
        durationMilliseconds,
      };
    }
    if (request.signal.aborted || !mayAct()) return { kind: 'aborted' };
    const { failure, detail } = result;
    return failure === 'AddressForbidden'
      ? { kind: 'failed', failure }
      : { kind: 'failed', failure, detail, durationMilliseconds };
  };

  return { send, close: () => dispatchers.close() };
}

/** One exchange, or two where the first met a kept-alive connection that the receiver had closed. Never rejects. */
async function exchange(
  dispatchers: ReceiverDispatchers,
  request: AttemptRequest & Pick<WireRequest, 'onWrite'>,
  release: () => void,
): Promise<ExchangeResult> {
  const { url, headers, body, onWrite, signal } = request;
  const once = async (fresh: boolean) => {
    const connection = dispatchers.take(request, { fresh });
    const under = connection.exchange({ path: url.pathname + url.search, headers, body, onWrite }, signal);
    return { result: await under.answer, finished: under.finished };
  };
  try {
    let last = await once(false);
    const stale = last.result.kind === 'failed' && last.result.staleConnection;
    if (stale && !signal.aborted) last = await once(true);
    // The deadline goes on for the body, which nobody waits for.
    void last.finished.then(release);
    return last.result;
  } catch (error) {
    release();
    return { kind: 'failed', staleConnection: false, ...failureOf(error) };
  }
}
