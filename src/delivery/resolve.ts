import type { WebhookEndpointSpec } from '../api/webhookEndpoint.ts';
import { ALLOWED_HOSTS, allowsHost } from './allowedHosts.ts';
import { hostOf, parseEndpointUrl } from './endpointUrl.ts';
import { checkHeaderValue } from './headerRules.ts';
import { allReferences, referencesOf, type Reference, type References } from './references.ts';
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

/** TLS settings with the bytes that they need. */
export interface TlsConfig {
  readonly ca?: SecretBytes;
  readonly certificate?: SecretBytes;
  readonly key?: SecretBytes;
  readonly serverName?: string;
}

/** All that a request to an endpoint needs besides the event. */
export interface EndpointConfig {
  readonly url: URL;
  readonly host: string;
  readonly signingKeys: readonly SecretBytes[];
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly tls?: TlsConfig;
}

/** Why an endpoint can't be used, in the contract's order: the first that applies is shown. */
const REFUSALS = [
  'SecretNotFound',
  'SecretKeyNotFound',
  'SecretForbidden',
  'InvalidSecret',
  'ConfigMapNotFound',
  'ConfigMapKeyNotFound',
  'ConfigMapForbidden',
] as const;
export type RefusalReason = (typeof REFUSALS)[number] | 'InvalidURL' | 'URLForbidden';

export interface Refusal {
  readonly reason: RefusalReason;
  /** For people: names the field and the object, never a value. */
  readonly message: string;
}

/** Whether an endpoint's configuration can be used; `unknown` while something that it references was not read yet. */
export type Resolution =
  | { readonly state: 'unknown' }
  | { readonly state: 'refused'; readonly refusal: Refusal; readonly host?: string }
  | { readonly state: 'usable'; readonly config: EndpointConfig; readonly notes: readonly string[] };

export interface ResolveInput {
  readonly spec: WebhookEndpointSpec;
  readonly observe: (kind: Reference['kind'], name: string) => ObservedObject;
  /** Whether the address guard refuses a URL for the address or name that it holds. */
  readonly refusesUrl: (url: URL) => boolean;
  /** Says what is wrong with the certificates, or nothing. */
  readonly checkTls: (tls: TlsConfig) => string | undefined;
}

/** Types of Secrets that are never sent or signed with: they give power over the cluster. */
const FORBIDDEN_TYPES = new Set([
  'kubernetes.io/service-account-token',
  'bootstrap.kubernetes.io/token',
  'helm.sh/release.v1',
]);

const NEWLINE = 0x0a;

/** Turns an endpoint's spec and the objects that it references into what a request needs, or into the reason why not. */
export function resolveEndpoint({ spec, observe, refusesUrl, checkTls }: ResolveInput): Resolution {
  const references = referencesOf(spec);
  const read = (reference: Reference) => readReference(reference, observe(reference.kind, reference.name));
  const answers = new Map(allReferences(references).map((reference) => [reference, read(reference)]));
  if ([...answers.values()].includes('unknown')) return { state: 'unknown' };

  const location = resolveUrl(spec, references, answers);
  if (!(location instanceof URL)) return { state: 'refused', refusal: location };
  const host = hostOf(location);
  const refused = (refusal: Refusal): Resolution => ({ state: 'refused', refusal, host });

  if (references.url && !mayUse(references.url, host, observe))
    return refused(hostForbidden(references.url, host));
  if (refusesUrl(location)) {
    return refused({
      reason: 'URLForbidden',
      message: `${references.url?.field ?? 'spec.url'} names an address that requests may not go to; use a Service or a public host`,
    });
  }

  const refusals: Refusal[] = [];
  const bytesOf = (reference: Reference | undefined): SecretBytes | undefined => {
    if (!reference) return undefined;
    const answer = answers.get(reference);
    if (answer === undefined || answer === 'unknown' || answer === 'left out') return undefined;
    if ('reason' in answer) refusals.push(answer);
    else if (!mayUse(reference, host, observe)) refusals.push(hostForbidden(reference, host));
    else return answer.bytes;
    return undefined;
  };
  const signingKeys = references.signingKeys.flatMap((reference) => {
    const bytes = bytesOf(reference);
    const wrong = bytes && checkSigningKey(bytes);
    if (wrong) refusals.push(invalid(reference, wrong));
    return bytes ? [{ reference, bytes }] : [];
  });
  const headers = (spec.headers ?? []).flatMap(({ name, value }): [string, string][] => {
    const reference = references.headers.get(name);
    if (!reference) return [[name, value ?? '']];
    const bytes = bytesOf(reference);
    if (!bytes) return [];
    const text = bytes.reveal().toString('latin1');
    const wrong = checkHeaderValue(text);
    if (wrong) refusals.push(invalid(reference, wrong));
    return [[name, text]];
  });
  const tls: TlsConfig | undefined = spec.tls && {
    ca: bytesOf(references.ca),
    certificate: bytesOf(references.certificate),
    key: bytesOf(references.privateKey),
    serverName: spec.tls.serverName,
  };

  const first = firstRefusal(refusals);
  if (first) return refused(first);
  const badTls = tls && checkTls(tls);
  if (badTls) return refused({ reason: 'InvalidSecret', message: `spec.tls: ${badTls}` });
  return {
    state: 'usable',
    config: { url: location, host, signingKeys: signingKeys.map(({ bytes }) => bytes), headers, tls },
    notes: signingKeys
      .filter(({ bytes }) => bytes.reveal().at(-1) === NEWLINE)
      .map(({ reference }) => `${describe(reference)} ends in a newline, which is used as a part of the key`),
  };
}

type Answer = 'unknown' | 'left out' | Refusal | { readonly bytes: SecretBytes };

function readReference(reference: Reference, observed: ObservedObject): Answer {
  const { kind, optional } = reference;
  switch (observed.state) {
    case 'unknown':
      return 'unknown';
    case 'missing':
      return optional
        ? 'left out'
        : { reason: `${kind}NotFound`, message: `${describe(reference)} does not exist` };
    case 'forbidden':
      return {
        reason: `${kind}Forbidden`,
        message: `${describe(reference)} may not be read by the operator; grant it get and watch on it`,
      };
    case 'found': {
      if (FORBIDDEN_TYPES.has(observed.type ?? '')) {
        return invalid(reference, `is of type ${observed.type}, which is never used`);
      }
      const bytes = observed.data.get(reference.key);
      if (bytes) return bytes.reveal().length > 0 ? { bytes } : invalid(reference, 'is empty');
      return optional
        ? 'left out'
        : { reason: `${kind}KeyNotFound`, message: `${describe(reference)} has no such key` };
    }
  }
}

function resolveUrl(
  spec: WebhookEndpointSpec,
  { url: reference }: References,
  answers: ReadonlyMap<Reference, Answer>,
): URL | Refusal {
  if (!reference) {
    const url = parseEndpointUrl(spec.url ?? '');
    return url instanceof URL ? url : { reason: 'InvalidURL', message: `spec.url ${url}` };
  }
  const answer = answers.get(reference);
  if (typeof answer !== 'object')
    return { reason: 'SecretNotFound', message: `${describe(reference)} does not exist` };
  if ('reason' in answer) return answer;
  const text = decodeUtf8(answer.bytes);
  if (text === undefined) return invalid(reference, 'is not UTF-8');
  const url = parseEndpointUrl(text);
  return url instanceof URL ? url : invalid(reference, url);
}

function checkSigningKey(bytes: SecretBytes): string | undefined {
  const text = bytes.reveal().toString('latin1');
  if (!text.startsWith('whsec_')) return undefined;
  const encoded = text.slice('whsec_'.length).trimEnd();
  const isBase64 = encoded !== '' && /^[A-Za-z0-9+/]+={0,2}$/.test(encoded);
  return isBase64 ? undefined : 'begins with whsec_, and what follows is not base64';
}

function mayUse(reference: Reference, host: string, observe: ResolveInput['observe']): boolean {
  if (reference.kind !== 'Secret') return true;
  const observed = observe(reference.kind, reference.name);
  return observed.state !== 'found' || allowsHost(observed.annotations?.[ALLOWED_HOSTS], host);
}

function hostForbidden(reference: Reference, host: string): Refusal {
  return {
    reason: 'SecretForbidden',
    message: `${describe(reference)} may not be used for ${host}: its annotation ${ALLOWED_HOSTS} excludes it`,
  };
}

function invalid(reference: Reference, what: string): Refusal {
  return { reason: 'InvalidSecret', message: `${describe(reference)} ${what}` };
}

function describe({ field, kind, name, key }: Reference): string {
  return `${field}: key ${key} of ${kind} ${name}`;
}

function firstRefusal(refusals: readonly Refusal[]): Refusal | undefined {
  const rank = ({ reason }: Refusal) => REFUSALS.findIndex((known) => known === reason);
  return refusals.toSorted((a, b) => rank(a) - rank(b))[0];
}

function decodeUtf8(bytes: SecretBytes): string | undefined {
  try {
    // A BOM is kept, so that the URL's own rules refuse it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.reveal());
  } catch {
    return undefined;
  }
}
