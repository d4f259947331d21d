import type { EventType } from '../api/flagEvent.ts';
import type { AuditLog, FlagUpdated } from '../api/payload.ts';
import type { Action } from '../api/webhookEndpoint.ts';
import type { Payload } from './payload.ts';

export interface Named {
  readonly id: number;
  readonly name: string;
}

/** What an event carries that an endpoint can match by; null where it carries no such thing. */
export interface EventFacts {
  readonly type: EventType;
  readonly environment: Named | null;
  readonly project: Named | null;
  readonly organisation: { readonly id: number } | null;
  readonly feature: { readonly id: number; readonly name?: string } | null;
  readonly action: Action | null;
}

/** Where each fact stands in the two payloads: api.md, WebhookEndpoint. */
export function readFacts(payload: Payload): EventFacts {
  return payload.type === 'FLAG_UPDATED' ? factsOfFlag(payload.data) : factsOfAudit(payload.data);
}

function factsOfFlag(data: FlagUpdated): EventFacts {
  const { environment, feature } = data.new_state;
  return {
    type: 'FLAG_UPDATED',
    environment: named(environment),
    project: named(feature.project),
    organisation: null,
    feature: named(feature),
    action: actionOf(data),
  };
}

function factsOfAudit(data: AuditLog): EventFacts {
  const { environment, project, related_object_id: id, related_object_type: type } = data;
  const organisation = project?.organisation ?? null;
  return {
    type: 'AUDIT_LOG',
    environment: named(environment),
    project: named(project),
    organisation: organisation === null ? null : { id: organisation },
    feature: type === 'FEATURE' && typeof id === 'number' ? { id } : null,
    action: null,
  };
}

/** The first of the seed's four that fits, in the contract's order. */
function actionOf({ new_state: now, previous_state: before }: FlagUpdated): Action {
  if (isPresent(now.identity) || isPresent(now.identity_identifier)) return 'IdentityOverridden';
  if (isPresent(now.feature_segment)) return 'SegmentOverridden';
  return isPresent(before) ? 'Updated' : 'Created';
}

function isPresent(value: unknown): boolean {
  return value !== null && value !== undefined;
}

/** A copy, so that the facts of an event don't hold its payload in memory. */
function named(object: Named | null | undefined): Named | null {
  return object ? { id: object.id, name: object.name } : null;
}
