import type { FlagEventStatus } from '../../src/api/flagEvent.ts';
import type { RetryPolicy, WebhookEndpointStatus } from '../../src/api/webhookEndpoint.ts';

/** What a receiver did about a request: `hang` gave no answer until the connection was closed, `reset` closed it. */
export type Answer = 'hang' | 'reset' | { readonly status: number; readonly retryAfter?: string };

/** A request as a receiver's log has it. Times in milliseconds since 1970. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  /** The header webhook-id. */
  readonly deliveryID: string;
  /** The header webhook-timestamp, in seconds since 1970. */
  readonly timestamp: number;
  /** Whether both signatures are right for the body that came. */
  readonly isSigned: boolean;
  readonly body: string;
  /** Whether its connection had carried an earlier request. */
  readonly isReused: boolean;
  readonly arrivedAt: number;
  /** Just before the answer was written, or the connection closed; once the other side had closed it. */
  readonly endedAt: number;
  readonly answer: Answer;
}

/** An endpoint; its spec does not change during a run. */
export interface SoakEndpoint {
  readonly name: string;
  /** The path of its URL, its own. */
  readonly path: string;
  /** `initialDelaySeconds` and `maxDelaySeconds` are at least 2, so that webhook-timestamp tells attempts apart. */
  readonly retry: RetryPolicy;
  readonly timeoutSeconds: number;
  readonly maxInFlight: number;
  readonly status: WebhookEndpointStatus;
}

export interface SoakEvent {
  readonly name: string;
  /** Milliseconds since 1970, in whole seconds. */
  readonly createdAt: number;
  /** The body that it has to be sent with. */
  readonly body: string;
  /** Names of the endpoints that match it. */
  readonly wantedBy: readonly string[];
  readonly status: FlagEventStatus;
}

/** All that is left of a run once everything has ended. */
export interface Run {
  readonly endpoints: readonly SoakEndpoint[];
  readonly events: readonly SoakEvent[];
  /** Of all receivers. */
  readonly requests: readonly LoggedRequest[];
}
