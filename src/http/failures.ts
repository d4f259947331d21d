import { errors } from 'undici';
import type { AttemptFailure } from '../api/reasons.ts';

export interface Failure {
  readonly failure: AttemptFailure;
  /** A constant of ours, Node's or OpenSSL's, such as CERT_HAS_EXPIRED. Never the peer's bytes, nor an address. */
  readonly detail?: string;
}

/** An error whose reason is known where it is thrown. Its message is the reason, so nothing of the peer is in it. */
export class AttemptError extends Error implements Failure {
  readonly failure: AttemptFailure;
  readonly detail?: string;

  constructor(failure: AttemptFailure, detail?: string, options?: ErrorOptions) {
    super(failure, options);
    this.failure = failure;
    this.detail = detail;
  }
}

const REASONS: Readonly<Record<string, AttemptFailure>> = {
  ECONNREFUSED: 'ConnectionRefused',
  EHOSTUNREACH: 'ConnectionRefused',
  EHOSTDOWN: 'ConnectionRefused',
  ENETUNREACH: 'ConnectionRefused',
  ENETDOWN: 'ConnectionRefused',
  EADDRNOTAVAIL: 'ConnectionRefused',
  EACCES: 'ConnectionRefused',
  EPERM: 'ConnectionRefused',
  ECONNRESET: 'ConnectionReset',
  ECONNABORTED: 'ConnectionReset',
  EPIPE: 'ConnectionReset',
  UND_ERR_SOCKET: 'ConnectionReset',
  UND_ERR_DESTROYED: 'ConnectionReset',
  // Of the kernel, or of one of several addresses that were tried in turn.
  ETIMEDOUT: 'Timeout',
  EPROTO: 'TLSFailed',
  ERR_ASSERTION: 'InvalidResponse',
  UND_ERR_HEADERS_OVERFLOW: 'InvalidResponse',
  // undici prefers it to the parser's error in a header that has a Content-Length.
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'InvalidResponse',
};

// By the names that getaddrinfo and c-ares give.
const DNS_CODE = /^(EAI_[A-Z]+|ENOTFOUND|ENODATA|ESERVFAIL|EREFUSED|ETIMEOUT|EFORMERR|ENOTIMP|EBADNAME)$/;
// Codes of OpenSSL's errors and of X.509 verification, as Node gives them.
const TLS_CODE =
  /^(ERR_(SSL|TLS|OSSL)_\w+|(CERT|CRL|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|ERROR_IN_C|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME)\w*)$/;
// What undici calls an answer that is HTTP and that nobody asked for: 100, and 101 with an Upgrade.
const UNASKED = new Set(['bad response', 'bad upgrade']);

/** Maps what a connection ended with to a reason. Of the error only its code goes out, and only a known one. */
export function failureOf(error: unknown): Failure {
  if (error instanceof AttemptError) return { failure: error.failure, detail: error.detail };
  const code = codeOf(error);
  if (error instanceof errors.HTTPParserError) return { failure: 'InvalidResponse', detail: 'NOT_HTTP' };
  if (DNS_CODE.test(code)) return { failure: 'DNSLookupFailed', detail: code };
  if (TLS_CODE.test(code)) return { failure: 'TLSFailed', detail: code };
  if (code === 'UND_ERR_SOCKET' && error instanceof Error && UNASKED.has(error.message)) {
    return { failure: 'InvalidResponse', detail: 'UNASKED_ANSWER' };
  }
  const failure = REASONS[code];
  return failure ? { failure, detail: code } : { failure: 'ConnectionReset' };
}

/** Whether the connection was closed, rather than something wrong with what came over it. */
export function isClosed({ failure }: Failure): boolean {
  return failure === 'ConnectionReset';
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : '';
}
