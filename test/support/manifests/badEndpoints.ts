import type { BadManifest, Manifest } from './manifest.ts';
import { bad, endpointManifest, labels, withHeaders, withMatch, withSelector } from './endpoint.ts';

type Case = readonly [what: string, value: unknown, field: string, remedy: string];

const table = (manifest: (value: unknown) => Manifest, cases: readonly Case[]): BadManifest[] =>
  cases.map(([what, value, field, remedy]) => bad(what, manifest(value), field, remedy));

const spec = (value: unknown): Manifest => endpointManifest(value as Record<string, unknown>);
const url = (value: unknown): Manifest => endpointManifest({ url: value });
const header = (value: unknown): Manifest => withHeaders(value);
const tls = (value: unknown): Manifest => endpointManifest({ tls: value });
const retry = (value: unknown): Manifest => endpointManifest({ retry: value });
const signingKeys = (value: unknown): Manifest => endpointManifest({ signingKeys: value });

const ABSOLUTE = 'must be an absolute http or https URL without white space';
const HOST = 'must have a host';
const USUAL = 'must have a host name or an IP address in its usual form';
const PORT = 'must have a port from 0 to 65535';
const USER = 'must not carry user info; put credentials into headers[].valueFrom';
const FRAGMENT = 'must not have a fragment';
const OBJECT_NAME = 'must be the name of an object: lower-case letters, digits, hyphens and dots';
const DATA_KEY = "must be a key of the object's data: letters, digits, hyphens, underscores and dots";

const urls = table(url, [
  ['an empty URL', '', 'spec.url', 'should be at least 1 chars long'],
  ['a URL that is a number', 7, 'spec.url', 'must be of type string'],
  ['a URL without a scheme', 'flag-cache.shop.svc/hooks', 'spec.url', ABSOLUTE],
  ['a URL without a scheme, with slashes', '//flag-cache.shop.svc/hooks', 'spec.url', ABSOLUTE],
  ['another scheme', 'ftp://flag-cache.shop.svc/', 'spec.url', ABSOLUTE],
  ['a URL without an authority', 'mailto:team@shop.example', 'spec.url', ABSOLUTE],
  ['a URL without slashes', 'https:flag-cache.shop.svc', 'spec.url', 'must'],
  ['white space in a URL', 'https://flag-cache.shop.svc/a b', 'spec.url', ABSOLUTE],
  ['a line end in a URL', 'https://flag-cache.shop.svc/\n', 'spec.url', ABSOLUTE],
  ['a backslash in a URL', String.raw`https://flag-cache.shop.svc\hooks`, 'spec.url', ABSOLUTE],
  ['no host', 'https:///hooks', 'spec.url', HOST],
  ['a port without a host', 'https://:8443/', 'spec.url', HOST],
  ['a host that Node refuses', 'https://a<b/', 'spec.url', 'must'],
  ['an address with a zone', 'https://[fe80::1%25eth0]/', 'spec.url', HOST],
  ['an escaped host', 'https://ex%41mple/', 'spec.url', 'must'],
  ['an address as one number', 'https://2130706433/', 'spec.url', USUAL],
  ['an address in hexadecimal', 'https://0x7f000001/', 'spec.url', USUAL],
  ['an address in octal', 'https://0177.0.0.1/', 'spec.url', USUAL],
  ['an address with parts left out', 'https://127.1/', 'spec.url', USUAL],
  ['an address with a part over 255', 'https://999.1.1.1/', 'spec.url', USUAL],
  ['an address with five parts', 'https://1.2.3.4.5/', 'spec.url', USUAL],
  ['a name that ends in a number', 'https://shop.1/', 'spec.url', USUAL],
  ['port 65536', 'https://flag-cache.shop.svc:65536/', 'spec.url', PORT],
  ['a port of six digits', 'https://flag-cache.shop.svc:100000', 'spec.url', PORT],
  ['a user and a password', 'https://user:password@flag-cache.shop.svc/', 'spec.url', USER],
  ['a user', 'https://user@flag-cache.shop.svc/', 'spec.url', USER],
  ['a fragment', 'https://flag-cache.shop.svc/#top', 'spec.url', FRAGMENT],
  ['an empty fragment', 'https://flag-cache.shop.svc/#', 'spec.url', FRAGMENT],
  ['a URL of 2,049 characters', `https://hooks.example/${'p'.repeat(2027)}`, 'spec.url', '2048'],
]);

const others = table(spec, [
  ['no URL', { url: undefined }, 'spec.url', 'one of url and urlSecretKeyRef is required'],
  [
    'both kinds of URL',
    { urlSecretKeyRef: { name: 'hook', key: 'url' } },
    'spec.urlSecretKeyRef',
    'may not be set together with url',
  ],
  ['no event types', { eventTypes: undefined }, 'spec.eventTypes', 'Required value'],
  ['an empty list of event types', { eventTypes: [] }, 'spec.eventTypes', 'should have at least 1 items'],
  ['null for the event types', { eventTypes: null }, 'spec.eventTypes', ''],
  ['one event type, no list', { eventTypes: 'AUDIT_LOG' }, 'spec.eventTypes', 'must be of type array'],
  [
    'an unknown event type',
    { eventTypes: ['FLAG_DELETED'] },
    'spec.eventTypes[0]',
    'supported values: "FLAG_UPDATED", "AUDIT_LOG"',
  ],
  [
    'an event type twice',
    { eventTypes: ['AUDIT_LOG', 'AUDIT_LOG'] },
    'spec.eventTypes[1]',
    'Duplicate value',
  ],
  ['a timeout of 0', { timeoutSeconds: 0 }, 'spec.timeoutSeconds', 'greater than or equal to 1'],
  ['a timeout of 31', { timeoutSeconds: 31 }, 'spec.timeoutSeconds', 'less than or equal to 30'],
  ['a timeout with a fraction', { timeoutSeconds: 1.5 }, 'spec.timeoutSeconds', 'must be of type int32'],
  ['a timeout as a string', { timeoutSeconds: '10s' }, 'spec.timeoutSeconds', 'must be of type integer'],
  ['no request at once', { maxInFlight: 0 }, 'spec.maxInFlight', 'greater than or equal to 1'],
  ['257 requests at once', { maxInFlight: 257 }, 'spec.maxInFlight', 'less than or equal to 256'],
  ['an ordering that there is not', { ordering: 'perFeature' }, 'spec.ordering', 'Unsupported value'],
]);

const retries = table(retry, [
  ['no first delay', { initialDelaySeconds: 0 }, 'spec.retry.initialDelaySeconds', 'or equal to 1'],
  ['a first delay over an hour', { initialDelaySeconds: 3601 }, 'spec.retry.initialDelaySeconds', '3600'],
  ['no longest delay', { maxDelaySeconds: 0 }, 'spec.retry.maxDelaySeconds', 'or equal to 1'],
  ['a longest delay over a day', { maxDelaySeconds: 86401 }, 'spec.retry.maxDelaySeconds', '86400'],
  ['a negative window', { giveUpAfterSeconds: -1 }, 'spec.retry.giveUpAfterSeconds', 'or equal to 0'],
  ['a window over 14 days', { giveUpAfterSeconds: 1209601 }, 'spec.retry.giveUpAfterSeconds', '1209600'],
  ['no attempts', { maxAttempts: 0 }, 'spec.retry.maxAttempts', 'or equal to 1'],
  ['101 attempts', { maxAttempts: 101 }, 'spec.retry.maxAttempts', 'or equal to 100'],
]);

const CRITERIA =
  'may only have environments, projects, organisations, features, actions and selector, none of them null';
const REFERENCE = 'may only have id and name, neither of them null';

const matches = table(withMatch, [
  ['a mistyped criterion', { environment: [{ id: 1 }] }, 'spec.match', CRITERIA],
  ['a null criterion', { environments: null }, 'spec.match', CRITERIA],
  ['a null selector', { selector: null }, 'spec.match', CRITERIA],
  ['an empty criterion', { features: [] }, 'spec.match.features', 'should have at least 1 items'],
  ['an empty list of actions', { actions: [] }, 'spec.match.actions', 'should have at least 1 items'],
  ['a criterion that is no list', { features: 'butter_bar' }, 'spec.match.features', 'must be of type array'],
  ['a null entry', { features: [null] }, 'spec.match.features[0]', 'must be of type object'],
  ['a bare name', { features: ['butter_bar'] }, 'spec.match.features[0]', 'must be of type object'],
  ['an entry without id and name', { projects: [{}] }, 'spec.match.projects[0]', 'id or name is required'],
  ['a null id', { projects: [{ id: null, name: 'a' }] }, 'spec.match.projects[0]', REFERENCE],
  ['a null name', { environments: [{ id: 1, name: null }] }, 'spec.match.environments[0]', REFERENCE],
  ['a mistyped name', { features: [{ id: 1, nmae: 'a' }] }, 'spec.match.features[0]', REFERENCE],
  ['an empty name', { features: [{ name: '' }] }, 'spec.match.features[0].name', 'at least 1 chars long'],
  [
    'a name of 2,001 characters',
    { features: [{ name: 'a'.repeat(2001) }] },
    'spec.match.features[0].name',
    '2000',
  ],
  ['an id as a string', { projects: [{ id: '12' }] }, 'spec.match.projects[0].id', 'must be of type integer'],
  [
    'an id with a fraction',
    { projects: [{ id: 1.5 }] },
    'spec.match.projects[0].id',
    'must be of type int64',
  ],
  ['an id of 2^53', { projects: [{ id: 2 ** 53 }] }, 'spec.match.projects[0].id', '9007199254740991'],
  ['an id of -2^53', { projects: [{ id: -(2 ** 53) }] }, 'spec.match.projects[0].id', '-9007199254740991'],
  [
    '257 entries',
    { features: Array.from({ length: 257 }, (_, id) => ({ id })) },
    'spec.match.features',
    'must have at most 256 items',
  ],
  [
    'an organisation by name',
    { organisations: [{ name: 'a' }] },
    'spec.match.organisations[0].id',
    'Required value',
  ],
  [
    'an organisation by id and name',
    { organisations: [{ id: 1, name: 'a' }] },
    'spec.match.organisations[0]',
    'may only have an id, not null',
  ],
  [
    'an organisation with a null id',
    { organisations: [{ id: null }] },
    'spec.match.organisations[0]',
    'not null',
  ],
  [
    'an unknown action',
    { actions: ['Deleted'] },
    'spec.match.actions[0]',
    'supported values: "Created", "Updated"',
  ],
  ['an action twice', { actions: ['Created', 'Created'] }, 'spec.match.actions[1]', 'Duplicate value'],
  ['a match that is a list', [{ features: [{ id: 1 }] }], 'spec.match', 'must be of type object'],
]);

const SELECTOR = 'spec.match.selector';
const LABEL_KEY = 'must be a valid label key: an optional DNS prefix and "/", then at most 63 characters';
const VALUES = 'must be given for In and NotIn, and must be empty for Exists and DoesNotExist';
const requirement = (value: unknown): Manifest => withSelector({ matchExpressions: [value] });
const REQUIREMENT = `${SELECTOR}.matchExpressions[0]`;

const selectors = [
  ...table(withSelector, [
    ['an empty selector', {}, SELECTOR, 'leave the selector out to match any labels'],
    [
      'labels without matchLabels',
      { team: 'shop' },
      SELECTOR,
      'may only have matchLabels and matchExpressions',
    ],
    ['null for matchLabels', { matchLabels: null }, SELECTOR, 'neither of them null'],
    ['empty matchLabels', { matchLabels: {} }, `${SELECTOR}.matchLabels`, 'at least 1 properties'],
    ['empty matchExpressions', { matchExpressions: [] }, `${SELECTOR}.matchExpressions`, 'at least 1 items'],
    ['a null label', { matchLabels: { team: null } }, `${SELECTOR}.matchLabels`, 'values must not be null'],
    [
      'a label that is a number',
      { matchLabels: { a: 1 } },
      `${SELECTOR}.matchLabels.a`,
      'must be of type string',
    ],
    [
      'a label key with a space',
      { matchLabels: { 'a b': 'x' } },
      `${SELECTOR}.matchLabels`,
      'keys must be valid',
    ],
    [
      'a label value with a space',
      { matchLabels: { a: 'x y' } },
      `${SELECTOR}.matchLabels.a`,
      'should match',
    ],
    ['a label value too long', { matchLabels: { a: 'x'.repeat(64) } }, `${SELECTOR}.matchLabels.a`, '63'],
    ['65 labels', { matchLabels: labels(65) }, `${SELECTOR}.matchLabels`, 'must have at most 64'],
    [
      '65 labels together',
      { matchLabels: labels(64), matchExpressions: [{ key: 'a', operator: 'Exists' }] },
      SELECTOR,
      'must have at most 64 labels, matchLabels and matchExpressions together',
    ],
  ]),
  ...table(requirement, [
    ['In without values', { key: 'a', operator: 'In' }, `${REQUIREMENT}.values`, VALUES],
    ['NotIn with no values', { key: 'a', operator: 'NotIn', values: [] }, `${REQUIREMENT}.values`, VALUES],
    ['Exists with values', { key: 'a', operator: 'Exists', values: ['x'] }, `${REQUIREMENT}.values`, VALUES],
    [
      'an unknown operator',
      { key: 'a', operator: 'Is' },
      `${REQUIREMENT}.operator`,
      'supported values: "In", "NotIn"',
    ],
    ['no operator', { key: 'a' }, `${REQUIREMENT}.operator`, 'Required value'],
    ['no key', { operator: 'Exists' }, `${REQUIREMENT}.key`, 'Required value'],
    ['an empty key', { key: '', operator: 'Exists' }, `${REQUIREMENT}.key`, 'at least 1 chars long'],
    ['an invalid key', { key: '-a', operator: 'Exists' }, `${REQUIREMENT}.key`, LABEL_KEY],
    [
      'an invalid value',
      { key: 'a', operator: 'In', values: ['-'] },
      `${REQUIREMENT}.values[0]`,
      'should match',
    ],
    [
      'a mistyped field',
      { key: 'a', operator: 'Exists', value: 'x' },
      REQUIREMENT,
      'may only have key, operator and values',
    ],
  ]),
];

const KEY = 'spec.signingKeys[0].secretKeyRef';
const keys = table(signingKeys, [
  ['no reference', [{}], KEY, 'Required value'],
  ['a reference without a key', [{ secretKeyRef: { name: 'hook' } }], `${KEY}.key`, 'Required value'],
  ['a reference without a name', [{ secretKeyRef: { key: 'secret' } }], `${KEY}.name`, 'Required value'],
  ['an empty name', [{ secretKeyRef: { name: '', key: 'secret' } }], `${KEY}.name`, 'at least 1 chars long'],
  ['an empty key', [{ secretKeyRef: { name: 'hook', key: '' } }], `${KEY}.key`, 'at least 1 chars long'],
  ['a name in upper case', [{ secretKeyRef: { name: 'Hook', key: 'secret' } }], `${KEY}.name`, OBJECT_NAME],
  [
    'a name in another namespace',
    [{ secretKeyRef: { name: 'a/hook', key: 'secret' } }],
    `${KEY}.name`,
    OBJECT_NAME,
  ],
  ['a name too long', [{ secretKeyRef: { name: 'a'.repeat(254), key: 'secret' } }], `${KEY}.name`, '253'],
  ['a key with a slash', [{ secretKeyRef: { name: 'hook', key: 'a/b' } }], `${KEY}.key`, DATA_KEY],
  [
    'a first key that is optional',
    [{ secretKeyRef: { name: 'hook', key: 'secret', optional: true } }],
    'spec.signingKeys',
    "the first one can't be optional",
  ],
  [
    'six keys',
    Array.from({ length: 6 }, () => ({ secretKeyRef: { name: 'hook', key: 'secret' } })),
    'spec.signingKeys',
    'must have at most 5 items',
  ],
]);

const HEADER_NAME = 'spec.headers[0].name';
const HEADER_VALUE = 'spec.headers[0].value';
const PRINTABLE = 'must be printable ASCII without a space at either end';
const RESERVED = [
  'Content-Type',
  'HOST',
  'webhook-id',
  'X-Flagsmith-Signature',
  'Flagpost-Test',
  'te',
  'Keep-Alive',
];
const TRUSTED = [
  'Proxy-Authorization',
  'Impersonate-User',
  'X-Remote-User',
  'Metadata-Flavor',
  'metadata',
  'X-aws-ec2-metadata-token',
];

const headers = [
  ...table(
    header,
    RESERVED.map((name) => [
      `the header ${name}`,
      { name, value: 'x' },
      HEADER_NAME,
      'is reserved; Flagpost or HTTP itself sets it',
    ]),
  ),
  ...table(
    header,
    TRUSTED.map((name) => [
      `the header ${name}`,
      { name, value: 'x' },
      HEADER_NAME,
      'is reserved; proxies, API servers or metadata services trust it',
    ]),
  ),
  ...table(header, [
    ['a header without a name', { value: 'x' }, HEADER_NAME, 'Required value'],
    ['an empty name of a header', { name: '', value: 'x' }, HEADER_NAME, 'at least 1 chars long'],
    [
      'a space in the name',
      { name: 'X Team', value: 'x' },
      HEADER_NAME,
      'must have only letters, digits, hyphens',
    ],
    [
      'a colon in the name',
      { name: 'X-Team:', value: 'x' },
      HEADER_NAME,
      'must have only letters, digits, hyphens',
    ],
    [
      'a letter outside ASCII',
      { name: 'X-Größe', value: 'x' },
      HEADER_NAME,
      'must have only letters, digits',
    ],
    ['an underscore', { name: 'X_Team', value: 'x' }, HEADER_NAME, 'must not have an underscore'],
    ['a name of 129 characters', { name: 'x'.repeat(129), value: 'x' }, HEADER_NAME, '128'],
    ['no value', { name: 'X-Team' }, 'spec.headers[0]', 'exactly one of value and valueFrom is required'],
    [
      'a null value',
      { name: 'X-Team', value: null },
      'spec.headers[0]',
      'exactly one of value and valueFrom',
    ],
    [
      'both kinds of value',
      { name: 'X-Team', value: 'x', valueFrom: { secretKeyRef: { name: 'hook', key: 'token' } } },
      'spec.headers[0]',
      'exactly one of value and valueFrom is required',
    ],
    [
      'a source without a Secret',
      { name: 'X', valueFrom: {} },
      'spec.headers[0].valueFrom.secretKeyRef',
      'Required',
    ],
    ['a space before the value', { name: 'X-Team', value: ' shop' }, HEADER_VALUE, PRINTABLE],
    ['a space after the value', { name: 'X-Team', value: 'shop ' }, HEADER_VALUE, PRINTABLE],
    ['only a space', { name: 'X-Team', value: ' ' }, HEADER_VALUE, PRINTABLE],
    ['a line end in the value', { name: 'X-Team', value: 'a\r\nX-Evil: b' }, HEADER_VALUE, PRINTABLE],
    ['a line end after the value', { name: 'X-Team', value: 'a\n' }, HEADER_VALUE, PRINTABLE],
    ['a tab in the value', { name: 'X-Team', value: 'a\tb' }, HEADER_VALUE, PRINTABLE],
    ['a latin-1 letter in the value', { name: 'X-Team', value: 'Größe' }, HEADER_VALUE, PRINTABLE],
    ['a value of 4,097 characters', { name: 'X-Team', value: 'v'.repeat(4097) }, HEADER_VALUE, '4096'],
    ['a value that is a number', { name: 'X-Team', value: 7 }, HEADER_VALUE, 'must be of type string'],
  ]),
  bad(
    'a header twice',
    withHeaders({ name: 'X-Team', value: 'a' }, { name: 'X-Team', value: 'b' }),
    'spec.headers[1]',
    'Duplicate value',
  ),
  bad(
    'a header twice, in another case',
    withHeaders({ name: 'X-Team', value: 'a' }, { name: 'x-team', value: 'b' }),
    'spec.headers',
    'names must be unique without regard to case',
  ),
  bad(
    '33 headers',
    withHeaders(...Array.from({ length: 33 }, (_, index) => ({ name: `X-${index}`, value: 'x' }))),
    'spec.headers',
    'must have at most 32 items',
  ),
];

const CA = { name: 'ca', key: 'ca.crt' };
const DNS = 'must be a DNS name, not an IP address';
const tlsSettings = table(tls, [
  ['a CA from nowhere', { caFrom: {} }, 'spec.tls.caFrom', 'exactly one of configMapKeyRef and secretKeyRef'],
  [
    'a CA from two places',
    { caFrom: { configMapKeyRef: CA, secretKeyRef: CA } },
    'spec.tls.caFrom',
    'exactly one of configMapKeyRef and secretKeyRef is required',
  ],
  [
    'a client certificate of no Secret',
    { clientCertificateSecretRef: {} },
    'spec.tls.clientCertificateSecretRef.name',
    '',
  ],
  [
    'a client certificate of a Secret with no name',
    { clientCertificateSecretRef: { name: '' } },
    'spec.tls.clientCertificateSecretRef.name',
    'at least 1 chars long',
  ],
  ['an address as the server name', { serverName: '10.0.0.1' }, 'spec.tls.serverName', DNS],
  ['an IPv6 address as the server name', { serverName: '::1' }, 'spec.tls.serverName', DNS],
  ['a wildcard as the server name', { serverName: '*.shop.svc' }, 'spec.tls.serverName', DNS],
  ['a server name with a port', { serverName: 'a.example:443' }, 'spec.tls.serverName', DNS],
  ['an empty server name', { serverName: '' }, 'spec.tls.serverName', 'at least 1 chars long'],
]);

const strict = 'unknown field';
const unknownFields = table(spec, [['a mistyped field', { timeoutSecond: 5 }, 'spec.timeoutSecond', strict]]);

/** Endpoints with one thing wrong each. */
export const badEndpoints: readonly BadManifest[] = [
  bad(
    'a name of 64 characters',
    endpointManifest({}, 'a'.repeat(64)),
    'metadata.name',
    'must have at most 63',
  ),
  bad('no spec', { ...endpointManifest(), spec: undefined }, 'spec', 'Required value'),
  ...urls,
  ...others,
  ...retries,
  ...matches,
  ...selectors,
  ...keys,
  ...headers,
  ...tlsSettings,
  ...unknownFields,
];
