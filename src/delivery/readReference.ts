import type { ReferenceReason } from '../api/reasons.ts';
import { ALLOWED_HOSTS, allowsHost } from './allowedHosts.ts';
import type { Reference } from './references.ts';
import type { SecretBytes } from './secretBytes.ts';

/** What the operator has seen of a Secret or ConfigMap; `unknown` until the API server has answered once. */
export type ObservedObject =
  | { readonly state: 'unknown' | 'missing' | 'forbidden' }
  | {
      readonly state: 'found';
      readonly data: ReadonlyMap<string, SecretBytes>;
      readonly type?: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };

/** Why an endpoint can't be used. */
export interface Refusal {
  readonly reason: ReferenceReason | 'InvalidURL' | 'URLForbidden';
  /** For people: names the field and the object, never a value. */
  readonly message: string;
}

/** Types of Secrets that are never sent or signed with: they give power over the cluster. */
const FORBIDDEN_TYPES: ReadonlySet<string | undefined> = new Set([
  'kubernetes.io/service-account-token',
  'bootstrap.kubernetes.io/token',
  'helm.sh/release.v1',
]);

/** The bytes that a reference leads to; nothing where it is optional and they are not there. */
export function readReference(
  reference: Reference,
  observed: ObservedObject,
): SecretBytes | Refusal | undefined {
  const { kind, optional } = reference;
  const refuse = (reason: Refusal['reason'], what: string): Refusal => ({
    reason,
    message: `${describe(reference)} ${what}`,
  });
  switch (observed.state) {
    case 'unknown':
    case 'missing':
      return optional
        ? undefined
        : refuse(`${kind}NotFound`, `can't be read: there is no such ${kind}; create it`);
    case 'forbidden':
      return refuse(`${kind}Forbidden`, 'may not be read by the operator; grant it get, list and watch');
    case 'found': {
      if (FORBIDDEN_TYPES.has(observed.type))
        return invalid(reference, `is of type ${observed.type}, which is never used`);
      const bytes = observed.data.get(reference.key);
      if (!bytes)
        return optional
          ? undefined
          : refuse(`${kind}KeyNotFound`, `can't be read: the ${kind} has no such key; add it`);
      return bytes.reveal().length > 0 ? bytes : invalid(reference, 'is empty');
    }
  }
}

/** Whether the Secret that a reference leads to lets itself be used for a host. ConfigMaps are not asked. */
export function checkAllowedHost(
  reference: Reference,
  observed: ObservedObject,
  host: string,
): Refusal | undefined {
  if (reference.kind === 'ConfigMap' || observed.state !== 'found') return undefined;
  if (allowsHost(observed.annotations?.[ALLOWED_HOSTS], host)) return undefined;
  return {
    reason: 'SecretForbidden',
    message: `${describe(reference)} may not be used for ${host}: the annotation ${ALLOWED_HOSTS} of the Secret leaves it out`,
  };
}

/** What is there, and can't be used. */
export function invalid(reference: Reference, what: string): Refusal {
  return { reason: 'InvalidSecret', message: `${describe(reference)} ${what}` };
}

/** Names a reference for people: where it stands, and what it leads to. */
export function describe({ field, kind, name, key }: Reference): string {
  return `${field}: key ${key} of ${kind} ${name}`;
}
