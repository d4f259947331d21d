import type { RetryPolicy, WebhookEndpoint } from '../api/webhookEndpoint.ts';
import type { AttemptRecord } from '../delivery/attemptRecord.ts';
import { classify } from '../delivery/classify.ts';
import { requestHeaders } from '../delivery/requestHeaders.ts';
import type { EndpointConfig, TlsConfig } from '../delivery/resolve.ts';
import { retryAfter } from '../delivery/retryAfter.ts';
import { nextAttempt } from '../delivery/retry.ts';
import type { Clock } from '../runtime/clock.ts';

/** A request as the sender takes it. */
export interface OutgoingRequest {
  readonly url: URL;
  readonly namespace: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  readonly timeoutMilliseconds: number;
  readonly tls?: TlsConfig;
  readonly signal: AbortSignal;
}

export type SendResult = Parameters<typeof classify>[0] | { readonly kind: 'aborted' };

export interface AttemptInput {
  readonly endpoint: WebhookEndpoint;
  /** As it stands when the attempt has ended: the spec may have been changed meanwhile. */
  readonly retry: () => RetryPolicy;
  readonly config: EndpointConfig;
  readonly body: Uint8Array;
  readonly deliveryID: string;
  readonly redeliveries: number;
  /** Counted from 1. */
  readonly attempt: number;
  /** Milliseconds since 1970; absent for the first. */
  readonly firstAttemptAt?: number;
  readonly signal: AbortSignal;
}

export interface AttemptDependencies {
  readonly send: (request: OutgoingRequest) => Promise<SendResult>;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly version: string;
}

/** Makes one attempt: signs, sends, judges. Nothing is returned where it was aborted: then it counts as none. */
export async function makeAttempt(
  { endpoint, retry, config, body, deliveryID, redeliveries, attempt, firstAttemptAt, signal }: AttemptInput,
  { send, clock, random, version }: AttemptDependencies,
): Promise<AttemptRecord | undefined> {
  const startedAt = clock.now();
  const headers = requestHeaders({
    deliveryId: deliveryID,
    timestampSeconds: Math.floor(startedAt / 1000),
    body,
    keys: config.signingKeys,
    headers: config.headers,
    version,
  });
  const result = await send({
    url: config.url,
    namespace: endpoint.metadata.namespace,
    headers,
    body,
    timeoutMilliseconds: endpoint.spec.timeoutSeconds * 1000,
    tls: config.tls,
    signal,
  });
  if (result.kind === 'aborted') return undefined;
  const endedAt = clock.now();
  const outcome = classify(result);
  const policy = retry();
  const first = firstAttemptAt ?? startedAt;
  const { uid: endpointUID, generation } = endpoint.metadata;
  const heldUntil =
    result.kind === 'answered'
      ? retryAfter(result.statusCode, result.retryAfter, endedAt, policy.maxDelaySeconds)
      : undefined;
  const times = { firstAttemptAt: first, startedAt, endedAt };
  const record = { endpointUID, generation, redeliveries, attempt, ...times, outcome, heldUntil };
  if (outcome.success) return record;
  const next = nextAttempt({
    policy,
    attempts: attempt,
    firstAttemptTime: first,
    failedAt: endedAt,
    random: random(),
  });
  return 'at' in next ? { ...record, nextAttemptAt: next.at } : record;
}
