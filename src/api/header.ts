import { z } from 'zod';
import { crdKeywords } from './crdKeywords.ts';
import { keyRef } from './references.ts';
import { text } from './scalars.ts';

/** Header names that Flagpost or HTTP itself sets, in lower case. */
const RESERVED_HEADERS = [
  'content-type',
  'user-agent',
  'x-flagsmith-signature',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'flagpost-test',
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'expect',
  'upgrade',
  'te',
  'trailer',
  'keep-alive',
];

/** How the names of headers begin that proxies, API servers or metadata services trust, in lower case. */
const RESERVED_HEADER_PREFIXES = ['proxy-', 'impersonate-', 'x-remote-', 'metadata', 'x-aws-ec2-'];

const name = text(
  { min: 1, max: 128 },
  {
    'x-kubernetes-validations': [
      {
        // A token as in RFC 9110, section 5.6.2.
        rule: "self == '' || self.matches(\"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$\")",
        message: "must have only letters, digits, hyphens and !#$%&'*+.^`|~",
      },
      {
        rule: `!(self.lowerAscii() in [${RESERVED_HEADERS.map((header) => `'${header}'`).join(', ')}])`,
        message: 'is reserved; Flagpost or HTTP itself sets it',
        reason: 'FieldValueForbidden',
      },
      {
        rule: `!self.lowerAscii().matches('^(${RESERVED_HEADER_PREFIXES.join('|')})')`,
        message: 'is reserved; proxies, API servers or metadata services trust it',
        reason: 'FieldValueForbidden',
      },
      {
        rule: "!self.contains('_')",
        message: 'must not have an underscore; servers take it for a hyphen, or drop the header',
      },
    ],
  },
);

const value = text(
  { max: 4096 },
  {
    'x-kubernetes-validations': [
      {
        rule: "self.matches('^([!-~]([ -~]*[!-~])?)?$')",
        message: 'must be printable ASCII without a space at either end',
      },
    ],
  },
);

const header = z
  .object({
    name: name.describe(
      "The header's name. It can't be one that Flagpost or HTTP itself sets (Content-Type, User-Agent, " +
        'X-Flagsmith-Signature, webhook-id, webhook-timestamp, webhook-signature, Flagpost-Test, Host, ' +
        'Content-Length, Transfer-Encoding, Connection, Expect, Upgrade, TE, Trailer, Keep-Alive), nor one that ' +
        'proxies, API servers and metadata services trust (Proxy-*, Impersonate-*, X-Remote-*, Metadata*, ' +
        'X-aws-ec2-*), nor have an underscore.',
    ),
    value: value
      .optional()
      .describe(
        'The value, for what is no secret: printable ASCII without a space at either end. Use valueFrom for a secret.',
      ),
    valueFrom: z
      .object({ secretKeyRef: keyRef.describe('A key of a Secret in the same namespace.') })
      .optional()
      .describe('Where the value is read from. The rules for value hold for it too.'),
  })
  .register(crdKeywords, {
    // Atomic: under server-side apply a switch from one member of the union to the other would fail where another
    // manager owns the old one.
    'x-kubernetes-map-type': 'atomic',
    'x-kubernetes-validations': [
      {
        rule: 'has(self.value) != has(self.valueFrom)',
        message: 'exactly one of value and valueFrom is required',
      },
    ],
  })
  .describe('A header with exactly one of value and valueFrom.');

export const headers = z
  .array(header)
  .max(32)
  .register(crdKeywords, {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-validations': [
      {
        rule: 'self.all(h, self.exists_one(o, o.name.lowerAscii() == h.name.lowerAscii()))',
        message: 'names must be unique without regard to case',
      },
    ],
  });
