import { astral, type GoodManifest } from './manifest.ts';
import { endpointManifest, good, labels, withHeaders, withMatch, withSelector } from './endpoint.ts';

const API_EXAMPLE = {
  url: 'https://flag-cache.shop.svc/hooks/flags',
  eventTypes: ['FLAG_UPDATED'],
  match: {
    environments: [{ name: 'Development' }, { id: 23 }],
    projects: [{ id: 12 }],
    organisations: [{ id: 1 }],
    features: [{ name: 'butter_bar' }],
    actions: ['Created', 'Updated', 'IdentityOverridden', 'SegmentOverridden'],
    selector: { matchLabels: { team: 'shop' } },
  },
  signingKeys: [
    { secretKeyRef: { name: 'hook', key: 'secret' } },
    { secretKeyRef: { name: 'hook-old', key: 'secret', optional: true } },
  ],
  headers: [
    { name: 'Authorization', valueFrom: { secretKeyRef: { name: 'hook', key: 'token' } } },
    { name: 'X-Team', value: 'shop' },
  ],
  tls: {
    caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } },
    clientCertificateSecretRef: { name: 'hook-client' },
    serverName: 'flag-cache.internal',
  },
  timeoutSeconds: 10,
  retry: { initialDelaySeconds: 5, maxDelaySeconds: 3600, giveUpAfterSeconds: 259200, maxAttempts: 20 },
  maxInFlight: 8,
  ordering: 'LatestPerFeature',
  suspend: true,
};

const URLS: readonly (readonly [what: string, url: string])[] = [
  ['an upper-case scheme', 'HTTPS://hooks.example/'],
  ['no path', 'http://hooks.example'],
  ['a query', 'https://hooks.example?token=a%20b'],
  ['an IPv4 address', 'http://10.1.2.3:8080/hook'],
  ['an IPv4 address with a final dot', 'http://10.1.2.3./hook'],
  ['an IPv6 address', 'https://[2001:db8::1]:8443/hook'],
  ['a mapped IPv4 address', 'https://[::ffff:10.0.0.1]/hook'],
  ['an internationalised name', 'https://bücher.example/hook'],
  ['port 0', 'http://hooks.example:0/'],
  ['port 65535', 'http://hooks.example:65535/'],
  ['an empty port', 'http://hooks.example:/'],
  ['an @ in the path', 'https://hooks.example/@team'],
  ['a number as the first label', 'https://7.hooks.example/'],
  ['2048 characters', `https://hooks.example/${'p'.repeat(2026)}`],
];

const signingKey = (index: number): unknown => ({ secretKeyRef: { name: `hook-${index}`, key: 'secret' } });

/** Endpoints that are as they should be. */
export const goodEndpoints: readonly GoodManifest[] = [
  good('the least', endpointManifest()),
  good('everything there is', endpointManifest(API_EXAMPLE)),
  ...URLS.map(([what, url]) => good(`a URL with ${what}`, endpointManifest({ url }))),
  good('a URL from a Secret', {
    ...endpointManifest({ url: undefined, urlSecretKeyRef: { name: 'hook', key: 'url' } }),
  }),
  good('both event types', endpointManifest({ eventTypes: ['AUDIT_LOG', 'FLAG_UPDATED'] })),
  good('a name of 63 characters', endpointManifest({}, 'a'.repeat(63))),
  good('a name with dots', endpointManifest({}, 'flag-cache.v2')),
  good('an empty match', withMatch({})),
  good('ids at both bounds', withMatch({ projects: [{ id: 2 ** 53 - 1 }, { id: 1 - 2 ** 53 }] })),
  good(
    'names of 2,000 characters that are 4,000 UTF-16 units',
    withMatch({ environments: [{ name: astral(2000) }] }),
  ),
  good('a prefix and a lone star', withMatch({ features: [{ name: 'butter*' }, { name: '*' }] })),
  good('256 entries', withMatch({ features: Array.from({ length: 256 }, (_, id) => ({ id })) })),
  good('64 labels', withSelector({ matchLabels: labels(64) })),
  good(
    'a prefixed label, an empty value and each operator',
    withSelector({
      matchLabels: { 'shop.example/team': '' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['a', ''] },
        { key: 'tier', operator: 'NotIn', values: ['b'] },
        { key: 'x', operator: 'Exists' },
        { key: 'y', operator: 'DoesNotExist', values: [] },
      ],
    }),
  ),
  good('no signing keys', endpointManifest({ signingKeys: [] })),
  good(
    'five signing keys, the first not optional in words',
    endpointManifest({
      signingKeys: [
        { secretKeyRef: { name: 'hook', key: 'secret', optional: false } },
        ...[1, 2, 3, 4].map(signingKey),
      ],
    }),
  ),
  good('an empty header value', withHeaders({ name: 'X-Empty', value: '' })),
  good('a header value of one character', withHeaders({ name: 'X-One', value: '~' })),
  good('a header value of 4096 characters', withHeaders({ name: 'X-Long', value: 'v'.repeat(4096) })),
  good(
    "a header's name with every kind of character",
    withHeaders({ name: "!#$%&'*+.^`|~-aZ9", value: 'a b' }),
  ),
  good(
    '32 headers',
    withHeaders(...Array.from({ length: 32 }, (_, index) => ({ name: `X-${index}`, value: 'x' }))),
  ),
  good(
    'a CA from a Secret',
    endpointManifest({ tls: { caFrom: { secretKeyRef: { name: 'ca', key: 'ca.crt' } } } }),
  ),
  good('the least of each number', {
    ...endpointManifest({
      timeoutSeconds: 1,
      maxInFlight: 1,
      retry: { initialDelaySeconds: 1, maxDelaySeconds: 1, giveUpAfterSeconds: 0, maxAttempts: 1 },
    }),
  }),
  good('the most of each number', {
    ...endpointManifest({
      timeoutSeconds: 30,
      maxInFlight: 256,
      retry: {
        initialDelaySeconds: 3600,
        maxDelaySeconds: 86400,
        giveUpAfterSeconds: 1209600,
        maxAttempts: 100,
      },
    }),
  }),
];
