import type { RefusedReason } from '../api/reasons.ts';
import type { UID } from '../api/objectMeta.ts';
import type { Redelivery, WebhookEndpointSpec } from '../api/webhookEndpoint.ts';
import type { Renewal } from './due.ts';
import type { EventFacts } from './facts.ts';
import { matches } from './match.ts';
import type { Refusal } from './readReference.ts';
import { exceedsStoredSize } from './storedSize.ts';

/**
 * What an endpoint's attempts have led to that lets none of its deliveries go: the circuit, or a Retry-After, holds them; a
 * receiver that is `gone` gets no more.
 */
export type StoppedBy = 'gone' | 'circuit';

/** An endpoint as planning sees it. */
export interface EndpointView {
  readonly uid: UID;
  readonly name: string;
  readonly spec: WebhookEndpointSpec;
  readonly deleting: boolean;
  /** `unknown` while something that it references was not read yet. */
  readonly usability: 'unknown' | 'usable' | Refusal;
  readonly stoppedBy?: StoppedBy;
  /** The last change that has made its pending deliveries due. */
  readonly renewal?: Renewal;
  /** What was last asked to be sent again to it. */
  readonly redelivery?: Redelivery;
}

/** What was made of an event's payload when it was first seen. */
export type PreparedEvent =
  | { readonly ok: true; readonly facts: EventFacts; readonly storedBytes: number }
  | { readonly ok: false; readonly reason: 'InvalidPayload' | 'PayloadTooLarge'; readonly message: string };

/** Why an event ends before anything is sent. */
export type Verdict = RefusedReason | 'NoMatchingEndpoint';

/** Which endpoints an event goes to, as far as that is known. */
export type TakeUp =
  | { readonly kind: 'ended'; readonly reason: Verdict; readonly message: string }
  | {
      readonly kind: 'open';
      readonly endpoints: readonly EndpointView[];
      /** Whether the list is final, so that the first status write may go out with it. */
      readonly listed: boolean;
      /** Whether requests may already be sent. */
      readonly mayBegin: boolean;
    };

export interface TakeUpInput {
  readonly prepared: PreparedEvent;
  readonly labels: Readonly<Record<string, string>>;
  /** The namespace's endpoints as the store has them. */
  readonly known: readonly EndpointView[];
  /** The namespace's endpoints by a consistent list that was begun after the event was seen. */
  readonly fenced?: readonly EndpointView[];
  /** Whether a request to any endpoint was begun already. */
  readonly begun: boolean;
  /** Whether the store follows the API server, so that what it knows may be used before the fence has answered. */
  readonly storeIsCurrent: boolean;
  /** Whether status writes go through, so that what is sent can be recorded. */
  readonly recording: boolean;
}

const MAX_DELIVERIES = 1000;

// Above it the fence may find too many, and then nothing may have been sent.
const MAX_UNFENCED_DELIVERIES = 900;

/**
 * Decides which endpoints an event goes to. The checks come in the contract's order: the payload, the endpoints, the
 * size as stored. Before the fence has answered, requests may go to the endpoints that the store knows, unless the
 * answer could still end the event.
 */
export function takeUp(input: TakeUpInput): TakeUp {
  const { prepared, labels, known, fenced, begun, storeIsCurrent, recording } = input;
  if (!prepared.ok) return { kind: 'ended', reason: prepared.reason, message: prepared.message };
  const { facts, storedBytes } = prepared;
  const endpoints = (fenced ?? known).filter(
    ({ deleting, spec }) => !deleting && matches(spec, facts, labels),
  );

  if (!fenced) {
    const safe =
      storeIsCurrent &&
      endpoints.length <= MAX_UNFENCED_DELIVERIES &&
      !exceedsStoredSize(storedBytes, MAX_DELIVERIES);
    return { kind: 'open', endpoints, listed: false, mayBegin: safe && recording };
  }
  if (endpoints.length === 0 && !begun) {
    return {
      kind: 'ended',
      reason: 'NoMatchingEndpoint',
      message: 'No WebhookEndpoint of the namespace matches the event.',
    };
  }
  if (endpoints.length > MAX_DELIVERIES) {
    return {
      kind: 'ended',
      reason: 'TooManyEndpoints',
      message: `${endpoints.length} WebhookEndpoints match, at most ${MAX_DELIVERIES} may; narrow their match or merge some.`,
    };
  }
  if (exceedsStoredSize(storedBytes, endpoints.length)) {
    return {
      kind: 'ended',
      reason: 'PayloadTooLarge',
      message: `The event is too large to be stored with its ${endpoints.length} deliveries; make its payload smaller.`,
    };
  }
  return { kind: 'open', endpoints, listed: true, mayBegin: recording };
}
