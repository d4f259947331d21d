import { expect, test } from '@jest/globals';
import { allReferences, referencesOf } from '../../src/delivery/references.ts';
import { anEndpoint } from '../support/fixtures.ts';

test('every reference of a spec is found, with the field in which it stands', () => {
  const { spec } = anEndpoint({
    spec: {
      urlSecretKeyRef: { name: 'hook', key: 'url' },
      signingKeys: [
        { secretKeyRef: { name: 'hook', key: 'secret' } },
        { secretKeyRef: { name: 'hook-old', key: 'secret', optional: true } },
      ],
      headers: [
        { name: 'X-Team', value: 'shop' },
        { name: 'Authorization', valueFrom: { secretKeyRef: { name: 'hook', key: 'token' } } },
      ],
      tls: {
        caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } },
        clientCertificateSecretRef: { name: 'hook-client' },
      },
    },
  });
  const found = allReferences(referencesOf(spec)).map(
    ({ kind, name, key, field, optional }) => `${field} ${kind} ${name} ${key}${optional ? ' optional' : ''}`,
  );
  expect(found).toEqual([
    'spec.urlSecretKeyRef Secret hook url',
    'spec.signingKeys[0] Secret hook secret',
    'spec.signingKeys[1] Secret hook-old secret optional',
    'spec.headers[1] Secret hook token',
    'spec.tls.caFrom ConfigMap ca ca.crt',
    'spec.tls.clientCertificateSecretRef Secret hook-client tls.crt',
    'spec.tls.clientCertificateSecretRef Secret hook-client tls.key',
  ]);
});

test('a CA may stand in a Secret too', () => {
  const { spec } = anEndpoint({ spec: { tls: { caFrom: { secretKeyRef: { name: 'ca', key: 'ca.crt' } } } } });
  expect(referencesOf(spec).ca).toMatchObject({ kind: 'Secret', name: 'ca', key: 'ca.crt' });
});

test('a spec without references has none', () => {
  expect(allReferences(referencesOf(anEndpoint().spec))).toEqual([]);
});
