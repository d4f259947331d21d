import type { FlagEvent } from '../api/flagEvent.ts';
import { auditLog, flagUpdated, type AuditLog, type FlagUpdated } from '../api/payload.ts';

/** What an event says, as far as its fields are known. For reading; what is sent is what is stored. */
export type Payload =
  | { readonly type: 'FLAG_UPDATED'; readonly data: FlagUpdated }
  | { readonly type: 'AUDIT_LOG'; readonly data: AuditLog };

/**
 * Reads the known fields of an event's payload. A string that is returned is a sentence that names the first field that
 * isn't what the schema says, and the remedy; it holds no value.
 */
export function readPayload({ type, ...spec }: FlagEvent['spec']): Payload | string {
  if (type === 'FLAG_UPDATED') {
    const { success, data, error } = flagUpdated.safeParse(spec.flagUpdated);
    return success ? { type, data } : problem('spec.flagUpdated', error.issues);
  }
  const { success, data, error } = auditLog.safeParse(spec.auditLog);
  return success ? { type, data } : problem('spec.auditLog', error.issues);
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function problem(field: string, [first]: readonly Issue[]): string {
  const path = [field, ...(first?.path ?? [])].map(String).join('.');
  return `${path}: ${first?.message ?? 'Invalid input'}; create a new event, "kubectl explain flagevent.${field}" describes it.`;
}
