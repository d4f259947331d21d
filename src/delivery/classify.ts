import type { AttemptFailure, AttemptReason } from '../api/reasons.ts';
import { printable } from './printable.ts';

/** What came of an attempt that was not aborted. */
export type AttemptResult =
  | {
      readonly kind: 'answered';
      readonly statusCode: number;
      readonly retryAfter?: string;
      readonly durationMilliseconds: number;
    }
  | {
      readonly kind: 'failed';
      readonly failure: AttemptFailure;
      /** An error code or words of ours that say more, never an address or anything of the receiver's. */
      readonly detail?: string;
      readonly durationMilliseconds?: number;
    };

/** An attempt as it is recorded. */
export interface Outcome {
  readonly success: boolean;
  readonly reason: AttemptReason;
  /** One sentence for people: at most 256 characters of printable ASCII, nothing of the receiver's. */
  readonly message: string;
  readonly statusCode?: number;
  /** An integer. */
  readonly durationMilliseconds?: number;
  /** What it means for the endpoint's row of failures: one more, or the row begins anew. */
  readonly countsAgainstEndpoint: 'failure' | 'reset' | 'success';
}

/** Decides what an attempt's result means for the delivery and for its endpoint (api.md, The request). */
export function classify(result: AttemptResult): Outcome {
  return result.kind === 'answered' ? classifyAnswer(result) : classifyFailure(result);
}

// They speak of one event, not of the endpoint.
const ABOUT_THE_EVENT: ReadonlySet<number> = new Set([400, 413, 415, 422]);
const ABOUT_CREDENTIALS: ReadonlySet<number> = new Set([401, 403, 407]);
const ABOUT_THE_URL: ReadonlySet<number> = new Set([404, 405]);
const GONE = 410;

function classifyAnswer({ statusCode, durationMilliseconds }: AttemptResult & { kind: 'answered' }): Outcome {
  const answer = { statusCode, durationMilliseconds: Math.round(durationMilliseconds) };
  const said = `The receiver answered ${statusCode}`;
  if (statusCode >= 200 && statusCode < 300) {
    return {
      success: true,
      reason: 'Delivered',
      message: `${said}.`,
      ...answer,
      countsAgainstEndpoint: 'success',
    };
  }
  if (statusCode >= 300 && statusCode < 400) {
    const message = `${said}, a redirect, which is never followed; put the final URL into the endpoint's spec.url or its Secret.`;
    return { success: false, reason: 'Redirected', message, ...answer, countsAgainstEndpoint: 'failure' };
  }
  if (statusCode === GONE) {
    const message = `${said}: it wants no more events at this URL.`;
    return { success: false, reason: 'Gone', message, ...answer, countsAgainstEndpoint: 'failure' };
  }
  return {
    success: false,
    reason: 'BadStatus',
    message: `${said}; ${adviceFor(statusCode)}.`,
    ...answer,
    countsAgainstEndpoint: ABOUT_THE_EVENT.has(statusCode) ? 'reset' : 'failure',
  };
}

function adviceFor(statusCode: number): string {
  if (ABOUT_THE_EVENT.has(statusCode)) {
    return "it does not accept this event: check in its log what it expects, or narrow the endpoint's match";
  }
  if (ABOUT_CREDENTIALS.has(statusCode)) {
    return "check the endpoint's signingKeys and the headers that carry its credentials";
  }
  if (ABOUT_THE_URL.has(statusCode))
    return "check that the path of the endpoint's URL is one that takes a POST";
  return 'look into its log for the cause';
}

function classifyFailure(result: AttemptResult & { kind: 'failed' }): Outcome {
  const { failure, durationMilliseconds: duration } = result;
  return {
    success: false,
    reason: failure,
    message: `${ADVICE[failure]}${detailOf(result)}.`,
    // AddressForbidden tells neither where a name led nor how long that took (api.md, The address guard).
    ...(duration !== undefined &&
      failure !== 'AddressForbidden' && { durationMilliseconds: Math.round(duration) }),
    countsAgainstEndpoint: 'failure',
  };
}

const ADVICE: Readonly<Record<AttemptFailure, string>> = {
  Timeout:
    'There was no answer within timeoutSeconds; check that the receiver answers before it does slow work',
  ConnectionRefused:
    'Nothing accepted the connection; check that the receiver runs and that host and port of the URL are right',
  ConnectionReset:
    'The connection was closed before an answer came; look into the log of the receiver and of what stands before it',
  DNSLookupFailed:
    "The host's name could not be looked up; check the spelling of the URL's host and that the Service exists",
  TLSFailed:
    "The TLS connection failed; check the receiver's certificate and the endpoint's spec.tls (caFrom, serverName)",
  InvalidResponse:
    'What came back was not a valid HTTP answer; check that host, port and scheme of the URL belong to a web server',
  AddressForbidden:
    'The host leads to addresses that requests may not go to; use a Service or a public host, or ask for --allow-cidr',
};

const MAX_DETAIL_LENGTH = 80;

function detailOf({ failure, detail }: AttemptResult & { kind: 'failed' }): string {
  if (detail === undefined || detail === '' || failure === 'AddressForbidden') return '';
  return ` (${printable(detail.slice(0, MAX_DETAIL_LENGTH))})`;
}
