import { z } from 'zod';
import { crdKeywords } from './crdKeywords.ts';
import { keyRef, secretRef } from './references.ts';
import { text } from './scalars.ts';

const caFrom = z
  .object({
    configMapKeyRef: keyRef.optional().describe('A key of a ConfigMap in the same namespace.'),
    secretKeyRef: keyRef.optional().describe('A key of a Secret in the same namespace.'),
  })
  .register(crdKeywords, {
    // Atomic for the same reason as a header's union.
    'x-kubernetes-map-type': 'atomic',
    'x-kubernetes-validations': [
      {
        rule: 'has(self.configMapKeyRef) != has(self.secretKeyRef)',
        message: 'exactly one of configMapKeyRef and secretKeyRef is required',
      },
    ],
  });

const LABEL = '[A-Za-z0-9]([-A-Za-z0-9_]*[A-Za-z0-9])?';

const serverName = text(
  { min: 1, max: 253 },
  {
    'x-kubernetes-validations': [
      {
        rule: String.raw`self == '' || (self.matches('^${LABEL}(\\.${LABEL})*$') && !isIP(self))`,
        message: 'must be a DNS name, not an IP address',
      },
    ],
  },
);

/** TLS settings of an endpoint. */
export const tls = z.object({
  caFrom: caFrom
    .optional()
    .describe(
      'PEM certificates that are trusted for this endpoint besides the usual ones, from exactly one source.',
    ),
  clientCertificateSecretRef: secretRef
    .optional()
    .describe('A kubernetes.io/tls Secret in the same namespace; its certificate is presented.'),
  serverName: serverName
    .optional()
    .describe(
      "The DNS name that is sent as SNI and checked against the certificate, instead of the URL's host.",
    ),
});
