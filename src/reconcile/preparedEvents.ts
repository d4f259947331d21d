import type { UID } from '../api/objectMeta.ts';
import type { FlagEvent } from '../api/flagEvent.ts';
import { ownTimeOf } from '../delivery/age.ts';
import { orderKeyOf } from '../delivery/orderKey.ts';
import { prepareBody } from '../delivery/body.ts';
import { storedSize } from '../delivery/storedSize.ts';
import type { PreparedEvent } from '../delivery/takeUp.ts';

/**
 * An event whose payload was read: what planning needs of it, the bytes that are signed and sent, and its size as stored,
 * without deliveries.
 */
export type PreparedPayload = PreparedEvent & { readonly body: Uint8Array; readonly storedBytes: number };

const MAX_BYTES = 64 * 1024 * 1024;
// What an entry costs beside its body: the facts, the keys, the map's own place.
const ENTRY_BYTES = 1024;

/**
 * The payloads that were read, in the form in which they are sent; the least recently used go first where they pass 64
 * MiB. The store holds events without payload, so that its size does not depend on what tenants put in.
 */
export class PreparedEvents {
  readonly #entries = new Map<UID, PreparedPayload>();
  readonly #maxBytes: number;
  #bytes = 0;
  /** Those that nobody has asked for since they were shown. */
  readonly #ahead = new Set<UID>();
  #aheadBytes = 0;

  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Prepares an event that has its payload, once. */
  prepare(event: FlagEvent): PreparedPayload {
    const known = this.get(event.metadata.uid);
    if (known) return known;
    const prepared = preparePayload(event);
    this.#entries.set(event.metadata.uid, prepared);
    this.#bytes += sizeOf(prepared);
    for (const uid of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.forget(uid);
    }
    return prepared;
  }

  /**
   * Prepares an event that was not taken up yet, and gives what the store keeps of it. Where many wait for their turn, those
   * that come later are read then: prepared now they would only push each other out.
   */
  keep(event: FlagEvent): KnownEvent {
    const { uid } = event.metadata;
    const isFresh = event.status?.startTime === undefined && !this.#entries.has(uid);
    if (isFresh && this.#aheadBytes < this.#maxBytes / 2) {
      this.#aheadBytes += sizeOf(this.prepare(event));
      this.#ahead.add(uid);
    }
    return withoutPayload(event);
  }

  get(uid: UID): PreparedPayload | undefined {
    const prepared = this.#entries.get(uid);
    if (!prepared) return undefined;
    this.#isAheadNoMore(uid, prepared);
    this.#entries.delete(uid);
    this.#entries.set(uid, prepared);
    return prepared;
  }

  forget(uid: UID): void {
    const prepared = this.#entries.get(uid);
    if (!prepared) return;
    this.#isAheadNoMore(uid, prepared);
    this.#entries.delete(uid);
    this.#bytes -= sizeOf(prepared);
  }

  #isAheadNoMore(uid: UID, prepared: PreparedPayload): void {
    if (this.#ahead.delete(uid)) this.#aheadBytes -= sizeOf(prepared);
  }
}

const NO_BODY = new Uint8Array();

function preparePayload(event: FlagEvent): PreparedPayload {
  const prepared = prepareBody(event);
  const storedBytes = storedSize({ ...event, status: { ...event.status, deliveries: undefined } });
  if ('reason' in prepared) return { ok: false, ...prepared, storedBytes, body: NO_BODY };
  return { ok: true, facts: prepared.facts, storedBytes, body: prepared.body };
}

function sizeOf({ body }: PreparedPayload): number {
  return body.length + ENTRY_BYTES;
}

/** An event without its payload, with what its order is judged by. */
export interface KnownEvent extends FlagEvent {
  /** See orderKeyOf. */
  readonly orderKey?: string;
}

/**
 * The event with no more of its payload than its own time and its order key, as the store keeps it; without annotations
 * too, since kubectl keeps a payload in one.
 */
export function withoutPayload({
  metadata,
  spec,
  status,
  orderKey = orderKeyOf(spec),
}: KnownEvent): KnownEvent {
  return {
    metadata: { ...metadata, annotations: undefined },
    spec: {
      type: spec.type,
      ttlSecondsAfterFinished: spec.ttlSecondsAfterFinished,
      ...ownTimeOf(spec),
    },
    status,
    orderKey,
  };
}
