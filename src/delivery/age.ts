import type { FlagEvent } from '../api/flagEvent.ts';
import { property } from '../api/property.ts';
import { instantOf } from './instant.ts';

/** What an event's age is judged by. */
export interface Age {
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** The payload's own time: see instantOf. */
  readonly occurredAt: string;
  readonly name: string;
}

/** The parts of a payload that an event is ordered by: its own time. */
export function ownTimeOf({
  flagUpdated,
  auditLog,
}: FlagEvent['spec']): Pick<FlagEvent['spec'], 'flagUpdated' | 'auditLog'> {
  return {
    ...(flagUpdated === undefined ? {} : { flagUpdated: { timestamp: property(flagUpdated, 'timestamp') } }),
    ...(auditLog === undefined ? {} : { auditLog: { created_date: property(auditLog, 'created_date') } }),
  };
}

export function ageOf({ metadata, spec }: FlagEvent): Age {
  const time = property(spec.flagUpdated, 'timestamp') ?? property(spec.auditLog, 'created_date');
  return {
    createdAt: Date.parse(metadata.creationTimestamp),
    occurredAt: instantOf(time),
    name: metadata.name,
  };
}

/** Orders the oldest first: by creation, then by the payload's own time, then by name (api.md, suspend). */
export function compareAges(a: Age, b: Age): number {
  return a.createdAt - b.createdAt || compare(a.occurredAt, b.occurredAt) || compare(a.name, b.name);
}

/** Orders what happened first first: by the payload's own time, then by creation, then by name (api.md, Ordering). */
export function compareOccurrences(a: Age, b: Age): number {
  return compare(a.occurredAt, b.occurredAt) || a.createdAt - b.createdAt || compare(a.name, b.name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
