import type { WebhookEndpointSpec } from '../api/webhookEndpoint.ts';
import { hostOf, parseEndpointUrl } from './endpointUrl.ts';
import { checkHeaderValue } from './headerRules.ts';
import {
  checkAllowedHost,
  describe,
  invalid,
  readReference,
  type ObservedObject,
  type Refusal,
} from './readReference.ts';
import { allReferences, referencesOf, type Reference } from './references.ts';
import { SecretBytes } from './secretBytes.ts';
import { checkSigningKey } from './sign.ts';

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

const NEWLINE = 0x0a;

/**
 * Turns an endpoint's spec and the objects that it references into what a request needs, or into the first reason why
 * not, in the contract's order: the Secret of the URL, the URL, then the other references.
 */
export function resolveEndpoint({ spec, observe, refusesUrl, checkTls }: ResolveInput): Resolution {
  const references = referencesOf(spec);
  const observed = ({ kind, name }: Reference) => observe(kind, name);
  if (allReferences(references).some((reference) => observed(reference).state === 'unknown')) {
    return { state: 'unknown' };
  }
  const url = resolveUrl(spec, references.url, observed);
  if (!(url instanceof URL)) return { state: 'refused', refusal: url };
  const host = hostOf(url);
  const urlRefusal =
    (references.url && checkAllowedHost(references.url, observed(references.url), host)) ??
    (refusesUrl(url) ? forbiddenUrl(references.url?.field ?? 'spec.url') : undefined);
  if (urlRefusal) return { state: 'refused', refusal: urlRefusal, host };

  const refusals: Refusal[] = [];
  /** The bytes, if they may be used and `check` finds nothing wrong; else what is wrong goes to the refusals. */
  const read = (
    reference: Reference | undefined,
    check = (_bytes: SecretBytes): string | undefined => undefined,
  ) => {
    if (!reference) return undefined;
    const found = readReference(reference, observed(reference));
    if (found === undefined) return undefined;
    const wrong = found instanceof SecretBytes ? check(found) : undefined;
    const refusal =
      found instanceof SecretBytes
        ? (checkAllowedHost(reference, observed(reference), host) ??
          (wrong === undefined ? undefined : invalid(reference, wrong)))
        : found;
    if (refusal) refusals.push(refusal);
    return found instanceof SecretBytes && !refusal ? found : undefined;
  };
  const signingKeys = references.signingKeys.flatMap((reference) => {
    const bytes = read(reference, checkSigningKey);
    return bytes ? [{ reference, bytes }] : [];
  });
  const headers = (spec.headers ?? []).map(({ name, value }): [string, string] => {
    const bytes = read(references.headers.get(name), (secret) => checkHeaderValue(textOf(secret)));
    return [name, value ?? (bytes ? textOf(bytes) : '')];
  });
  const tls: TlsConfig | undefined = spec.tls && {
    ca: read(references.ca),
    certificate: read(references.certificate),
    key: read(references.privateKey),
    serverName: spec.tls.serverName,
  };
  // What is wrong with a ConfigMap comes after a bad certificate; what is wrong with a Secret may explain one.
  const isComplete = refusals.every(({ reason }) => reason.startsWith('ConfigMap'));
  const badTls = tls && isComplete ? checkTls(tls) : undefined;
  if (badTls) refusals.push({ reason: 'InvalidSecret', message: `spec.tls: ${badTls}` });

  const refusal = firstOf(refusals);
  if (refusal) return { state: 'refused', refusal, host };
  return {
    state: 'usable',
    config: { url, host, signingKeys: signingKeys.map(({ bytes }) => bytes), headers, tls },
    notes: signingKeys
      .filter(({ bytes }) => bytes.reveal().at(-1) === NEWLINE)
      .map(({ reference }) => `${describe(reference)} ends in a newline, which is used as a part of the key`),
  };
}

function resolveUrl(
  spec: WebhookEndpointSpec,
  reference: Reference | undefined,
  observed: (reference: Reference) => ObservedObject,
): URL | Refusal {
  if (!reference) {
    const url = parseEndpointUrl(spec.url ?? '');
    return url instanceof URL ? url : { reason: 'InvalidURL', message: `spec.url ${url}` };
  }
  const found = readReference(reference, observed(reference));
  if (!found) return invalid(reference, 'is missing');
  if (!(found instanceof SecretBytes)) return found;
  const text = decodeUtf8(found);
  if (text === undefined) return invalid(reference, 'is not UTF-8');
  const url = parseEndpointUrl(text);
  return url instanceof URL ? url : invalid(reference, url);
}

function forbiddenUrl(field: string): Refusal {
  return {
    reason: 'URLForbidden',
    message: `${field} names an address that requests may not go to; use a Service or a public host`,
  };
}

/** The contract's order of reasons; of equal ones the first in the order of the spec. */
const ORDER: readonly Refusal['reason'][] = [
  'SecretNotFound',
  'SecretKeyNotFound',
  'SecretForbidden',
  'InvalidSecret',
  'ConfigMapNotFound',
  'ConfigMapKeyNotFound',
  'ConfigMapForbidden',
];

function firstOf(refusals: readonly Refusal[]): Refusal | undefined {
  return refusals.toSorted((a, b) => ORDER.indexOf(a.reason) - ORDER.indexOf(b.reason))[0];
}

/** Each byte as one character: what is outside ASCII is refused, not decoded. */
function textOf(bytes: SecretBytes): string {
  return bytes.reveal().toString('latin1');
}

function decodeUtf8(bytes: SecretBytes): string | undefined {
  try {
    // A byte order mark is kept, so that the rules for URLs refuse it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.reveal());
  } catch {
    return undefined;
  }
}
