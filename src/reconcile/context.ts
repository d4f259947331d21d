import type { FlagEvent } from '../api/flagEvent.ts';
import type { UID } from '../api/objectMeta.ts';
import type { AttemptRecord } from '../delivery/attemptRecord.ts';
import type { Clock } from '../runtime/clock.ts';
import type { AttemptDependencies } from './attempts.ts';
import type { EndpointRegistry } from './endpointRegistry.ts';
import type { EventWorks } from './eventWorks.ts';
import type { Fences } from './fences.ts';
import type { OrderBook } from './orderBook.ts';
import type { Lanes } from './lanes.ts';
import type { PendingDeliveries } from './pendingDeliveries.ts';
import type { PreparedEvents } from './preparedEvents.ts';
import type { StatusRecorder } from './statusRecorder.ts';
import type { WriteBudget } from './writeBudget.ts';

/** In how many milliseconds to look at the object again, if nothing happens before. */
export interface ReconcileResult {
  readonly requeueAfterMilliseconds?: number;
}

/** What the reconcilers of events share. Keys are `namespace/name`. */
export interface EventContext {
  readonly store: {
    /** An unfinished event, without its payload. */
    readonly get: (namespace: string, name: string) => FlagEvent | undefined;
    /** Reads an event again, without its payload, and shows the store what was found before its watch does. */
    readonly refresh: (event: FlagEvent) => Promise<FlagEvent | undefined>;
  };
  readonly client: {
    /** An event with its payload; nothing where there is none of that name. */
    readonly readEvent: (namespace: string, name: string) => Promise<FlagEvent | undefined>;
  };
  /** Whether the endpoints' watch of a namespace follows the API server. */
  readonly endpointsAreCurrent: (namespace: string) => boolean;
  readonly enqueue: (key: string, afterMilliseconds?: number) => void;
  readonly registry: EndpointRegistry;
  readonly fences: Fences;
  readonly works: EventWorks;
  readonly prepared: PreparedEvents;
  readonly pending: PendingDeliveries;
  readonly order: OrderBook;
  readonly lanes: Lanes;
  readonly recorder: StatusRecorder;
  readonly budget: WriteBudget;
  readonly attempts: AttemptDependencies;
  readonly clock: Clock;
  /** Whether our clock and the API server's agree; else nothing is ended by age. */
  readonly clockIsTrusted: () => boolean;
  readonly hooks: EventHooks;
}

export interface EventHooks {
  /** The first request of an event is about to be sent. */
  readonly firstRequest: (event: FlagEvent) => void;
  readonly attempted: (made: MadeAttempt) => void;
  /** The number of deliveries that an endpoint still has to get has changed. */
  readonly pendingChanged: (endpointUID: UID) => void;
  /** Something failed that is tried again; `doing` is a constant. */
  readonly failed: (key: string, doing: string, error: unknown) => void;
}

export interface MadeAttempt {
  readonly event: FlagEvent;
  readonly deliveryID: string;
  readonly record: AttemptRecord;
}

/** `namespace/name`. */
export function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

/** Splits `namespace/name`. */
export function splitKey(key: string): [namespace: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}
