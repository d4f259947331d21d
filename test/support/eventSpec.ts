import type { FlagEvent } from '../../src/api/flagEvent.ts';
import { seedAuditLog, seedFlagUpdated } from './seedPayloads.ts';

type Spec = FlagEvent['spec'];

/** The seed's FLAG_UPDATED, with some fields of its data replaced. */
export function aFlagUpdated(data: object = {}): Spec {
  return { type: 'FLAG_UPDATED', flagUpdated: { ...seedFlagUpdated, ...data }, auditLog: undefined };
}

/** The seed's FLAG_UPDATED, with some fields of its new state replaced. */
export function aFlagWithState(state: object): Spec {
  return aFlagUpdated({ new_state: { ...seedFlagUpdated.new_state, ...state } });
}

/** The seed's audit log record, with some fields replaced. */
export function anAuditLog(record: object = {}): Spec {
  return { type: 'AUDIT_LOG', flagUpdated: undefined, auditLog: { ...seedAuditLog, ...record } };
}
