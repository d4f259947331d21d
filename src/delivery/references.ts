import type { WebhookEndpointSpec } from '../api/webhookEndpoint.ts';

export type ObjectKind = 'Secret' | 'ConfigMap';

/** A Secret or ConfigMap of the endpoint's namespace, or one key of it, that the endpoint's configuration needs. */
export interface Reference {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly key: string;
  /** Where it stands in the spec, for messages. */
  readonly field: string;
  readonly optional: boolean;
}

const TLS_CERTIFICATE_KEY = 'tls.crt';
const TLS_PRIVATE_KEY_KEY = 'tls.key';

/** Every reference of an endpoint by the role that it has. */
export interface References {
  readonly url?: Reference;
  readonly signingKeys: readonly Reference[];
  readonly headers: ReadonlyMap<string, Reference>;
  readonly ca?: Reference;
  readonly certificate?: Reference;
  readonly privateKey?: Reference;
}

export function referencesOf(spec: WebhookEndpointSpec): References {
  const { urlSecretKeyRef, tls } = spec;
  const client = tls?.clientCertificateSecretRef;
  const clientField = 'spec.tls.clientCertificateSecretRef';
  return {
    url: urlSecretKeyRef && secretKey(urlSecretKeyRef, 'spec.urlSecretKeyRef'),
    signingKeys: (spec.signingKeys ?? []).map(({ secretKeyRef }, index) =>
      secretKey(secretKeyRef, `spec.signingKeys[${index}]`, secretKeyRef.optional),
    ),
    headers: new Map(
      (spec.headers ?? []).flatMap(({ name, valueFrom }, index) =>
        valueFrom ? [[name, secretKey(valueFrom.secretKeyRef, `spec.headers[${index}]`)]] : [],
      ),
    ),
    ca: caReference(tls?.caFrom),
    certificate: client && secretKey({ name: client.name, key: TLS_CERTIFICATE_KEY }, clientField),
    privateKey: client && secretKey({ name: client.name, key: TLS_PRIVATE_KEY_KEY }, clientField),
  };
}

/** All references in a row: the URL's first, then in the order of the spec. */
export function allReferences(references: References): Reference[] {
  return [
    references.url,
    ...references.signingKeys,
    ...references.headers.values(),
    references.ca,
    references.certificate,
    references.privateKey,
  ].filter((reference) => reference !== undefined);
}

type CaSource = NonNullable<NonNullable<WebhookEndpointSpec['tls']>['caFrom']>;

function caReference(caFrom: CaSource | undefined): Reference | undefined {
  if (caFrom?.secretKeyRef) return secretKey(caFrom.secretKeyRef, 'spec.tls.caFrom');
  if (!caFrom?.configMapKeyRef) return undefined;
  return { kind: 'ConfigMap', ...caFrom.configMapKeyRef, field: 'spec.tls.caFrom', optional: false };
}

function secretKey(ref: { name: string; key: string }, field: string, optional = false): Reference {
  return { kind: 'Secret', name: ref.name, key: ref.key, field, optional };
}
