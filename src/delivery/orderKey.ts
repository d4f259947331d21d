import { hash } from 'node:crypto';
import type { FlagEvent } from '../api/flagEvent.ts';
import { property } from '../api/property.ts';
import { canonicalText } from './canonicalJson.ts';

// A feature_segment may be large; then its digest does as well.
const LONGEST_AS_IT_IS = 128;

/**
 * What the FLAG_UPDATED events have in common that are sent in order: environment, feature, identity and segment (api.md,
 * Ordering), absent and null being the same. Nothing for AUDIT_LOG, which is not ordered.
 */
export function orderKeyOf({ type, flagUpdated }: FlagEvent['spec']): string | undefined {
  if (type !== 'FLAG_UPDATED') return undefined;
  const state = property(flagUpdated, 'new_state');
  const text = canonicalText(
    [
      property(property(state, 'environment'), 'id'),
      property(property(state, 'feature'), 'id'),
      property(state, 'identity'),
      property(state, 'identity_identifier'),
      property(state, 'feature_segment'),
    ].map((part) => part ?? null),
  );
  return text.length <= LONGEST_AS_IT_IS ? text : hash('sha256', text, 'base64url');
}
