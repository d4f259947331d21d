import { seedAuditLog, seedFlagUpdated } from '../seedPayloads.ts';
import type { Manifest } from './manifest.ts';

/** A FlagEvent with `spec` as it is. */
export function eventManifest(spec: unknown, name: string = 'butter-bar'): Manifest {
  return { apiVersion: 'flagpost.dev/v1alpha1', kind: 'FlagEvent', metadata: { name }, spec };
}

type Fields = Readonly<Record<string, unknown>>;

/** The seed's FLAG_UPDATED with fields of the payload laid over it; an undefined one is taken away. */
export const flagUpdatedManifest = (fields: Fields = {}): Manifest =>
  eventManifest({ type: 'FLAG_UPDATED', flagUpdated: { ...seedFlagUpdated, ...fields } });

/** The seed's audit log record with fields laid over it. */
export const auditLogManifest = (fields: Fields = {}): Manifest =>
  eventManifest({ type: 'AUDIT_LOG', auditLog: { ...seedAuditLog, ...fields } });

/** The seed's FLAG_UPDATED with fields of its new state laid over it. */
export const withNewState = (fields: Fields): Manifest =>
  flagUpdatedManifest({ new_state: { ...seedFlagUpdated.new_state, ...fields } });

/** The seed's FLAG_UPDATED with fields of its new state's feature laid over it. */
export const withFeature = (fields: Fields): Manifest =>
  withNewState({ feature: { ...seedFlagUpdated.new_state.feature, ...fields } });

/** `count` fields that the seed doesn't have. */
export const unknownFields = (count: number): Fields =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`unknown_${index}`, index]));
