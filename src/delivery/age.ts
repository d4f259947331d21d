import type { FlagEvent } from '../api/flagEvent.ts';
import { property } from '../api/property.ts';

/** What an event's age is judged by; times in milliseconds since 1970. */
export interface Age {
  readonly createdAt: number;
  /** The payload's own time; 0 where it has none. */
  readonly occurredAt: number;
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
    occurredAt: typeof time === 'string' ? Date.parse(time) || 0 : 0,
    name: metadata.name,
  };
}

/** Orders the oldest first: by creation, then by the payload's own time, then by name (api.md, suspend). */
export function compareAges(a: Age, b: Age): number {
  return (
    a.createdAt - b.createdAt ||
    a.occurredAt - b.occurredAt ||
    (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
}
