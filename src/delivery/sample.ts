import type { EventType, FlagEvent } from '../api/flagEvent.ts';
import { timestamp } from './conditions.ts';

const NAME = 'flagpost_test';
const NAMED = { id: 0, name: NAME };
const EMAIL = 'flagpost-test@example.com';

/**
 * What a test sends: a payload in the shape of Flagsmith's own examples, with each of their fields, which says in every name
 * that it is a test.
 */
export function sampleSpec(type: EventType, now: number): FlagEvent['spec'] {
  return type === 'FLAG_UPDATED'
    ? { type, flagUpdated: flagUpdated(now) }
    : { type, auditLog: auditLog(now) };
}

function flagUpdated(now: number): object {
  return {
    changed_by: EMAIL,
    new_state: featureState(true, now),
    previous_state: featureState(false, now),
    timestamp: timestamp(now),
  };
}

function featureState(enabled: boolean, now: number): object {
  return {
    enabled,
    environment: NAMED,
    feature: {
      ...NAMED,
      created_date: timestamp(now),
      default_enabled: false,
      description: 'A test of the WebhookEndpoint; no flag has changed.',
      initial_value: null,
      project: NAMED,
      type: 'CONFIG',
    },
    feature_segment: null,
    feature_state_value: null,
    identity: null,
    identity_identifier: null,
  };
}

function auditLog(now: number): object {
  return {
    created_date: timestamp(now),
    log: 'A test of the WebhookEndpoint; nothing has changed.',
    author: { id: 0, email: EMAIL, first_name: 'Flagpost', last_name: 'Test' },
    environment: null,
    project: { ...NAMED, organisation: 0 },
    related_object_id: 0,
    related_object_type: 'FEATURE',
  };
}
