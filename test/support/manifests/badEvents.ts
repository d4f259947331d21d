import { seedAuditLog, seedFlagUpdated } from '../seedPayloads.ts';
import { bad } from './endpoint.ts';
import { auditLogManifest, eventManifest, flagUpdatedManifest, withFeature, withNewState } from './event.ts';
import type { BadManifest, Manifest } from './manifest.ts';

type Case = readonly [what: string, fields: Readonly<Record<string, unknown>>, field: string, remedy: string];

const table = (
  manifest: (fields: Readonly<Record<string, unknown>>) => Manifest,
  root: string,
  cases: readonly Case[],
): BadManifest[] =>
  cases.map(([what, fields, field, remedy]) => bad(what, manifest(fields), `${root}.${field}`, remedy));

const INTEGER = 'must be of type integer';
const STRING = 'must be of type string';
const OBJECT = 'must be of type object';
const MOST = 'less than or equal to 9007199254740991';
const LEAST = 'greater than or equal to -9007199254740991';

const TIMES_TO_LIVE = [
  [-2, 'greater than or equal to -1'],
  [2 ** 31, 'less than or equal to 2147483647'],
  ['1h', INTEGER],
] as const;

const wholes: readonly BadManifest[] = [
  bad('no spec', { ...eventManifest({}), spec: undefined }, 'spec', 'Required value'),
  bad('no type', eventManifest({ flagUpdated: seedFlagUpdated }), 'spec.type', 'Required value'),
  bad(
    'an unknown type',
    eventManifest({ type: 'FLAG_DELETED', flagUpdated: seedFlagUpdated }),
    'spec.type',
    'supported values: "FLAG_UPDATED", "AUDIT_LOG"',
  ),
  bad(
    'FLAG_UPDATED without its payload',
    eventManifest({ type: 'FLAG_UPDATED' }),
    'spec.flagUpdated',
    'must be set if and only if type is FLAG_UPDATED',
  ),
  bad(
    "FLAG_UPDATED with the other type's payload",
    eventManifest({ type: 'FLAG_UPDATED', auditLog: seedAuditLog }),
    'spec.auditLog',
    'must be set if and only if type is AUDIT_LOG',
  ),
  bad(
    'FLAG_UPDATED with both payloads',
    eventManifest({ type: 'FLAG_UPDATED', flagUpdated: seedFlagUpdated, auditLog: seedAuditLog }),
    'spec.auditLog',
    'must be set if and only if type is AUDIT_LOG',
  ),
  bad(
    'AUDIT_LOG without its payload',
    eventManifest({ type: 'AUDIT_LOG' }),
    'spec.auditLog',
    'must be set if and only if type is AUDIT_LOG',
  ),
  bad(
    'AUDIT_LOG with both payloads',
    eventManifest({ type: 'AUDIT_LOG', flagUpdated: seedFlagUpdated, auditLog: seedAuditLog }),
    'spec.flagUpdated',
    'must be set if and only if type is FLAG_UPDATED',
  ),
  ...TIMES_TO_LIVE.map(([ttl, remedy]) =>
    bad(
      `the time to live ${JSON.stringify(ttl)}`,
      eventManifest({ type: 'AUDIT_LOG', auditLog: seedAuditLog, ttlSecondsAfterFinished: ttl }),
      'spec.ttlSecondsAfterFinished',
      remedy,
    ),
  ),
];

const NOT_TIMES = [
  'yesterday',
  '2021-06-18',
  '2021-06-18t07:50:26Z',
  '2021-06-18T07:50:26z',
  '2021-06-18 07:50:26Z',
  '2021-06-18T07:50:26',
  '2021-06-18T07:50Z',
  '2021-06-18T24:00:00Z',
  '2021-06-18T07:60:00Z',
  '2021-06-18T07:50:60Z',
  '2021-06-18T07:50:26.Z',
  '2021-06-18T07:50:26,5Z',
  '2021-06-18T07:50:26+24:00',
  '2021-06-18T07:50:26+01:60',
  '2021-06-18T07:50:26+0100',
  '2021-02-29T00:00:00Z',
  '2021-04-31T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '2021-13-01T00:00:00Z',
  '+02021-06-18T07:50:26Z',
  ' 2021-06-18T07:50:26Z',
];

const times = [
  ...NOT_TIMES.map((timestamp) =>
    bad(
      `the time "${timestamp}"`,
      flagUpdatedManifest({ timestamp }),
      'spec.flagUpdated.timestamp',
      'spec.flag',
    ),
  ),
  bad(
    'a time of 65 characters',
    flagUpdatedManifest({ timestamp: `2021-06-18T07:50:26.${'1'.repeat(44)}Z` }),
    'spec.flagUpdated.timestamp',
    '64',
  ),
];

// Of a value without a type the API server has no better to say; see src/api/payload.ts.
const NO_OBJECT = 'must not validate the schema (not)';
const payloads = [
  ...['x', [], true, 7].map((flagUpdated) =>
    bad(
      `the payload ${JSON.stringify(flagUpdated)}`,
      eventManifest({ type: 'FLAG_UPDATED', flagUpdated }),
      'spec.flagUpdated',
      NO_OBJECT,
    ),
  ),
  bad(
    'a payload that is a number',
    eventManifest({ type: 'AUDIT_LOG', auditLog: 7 }),
    'spec.auditLog',
    NO_OBJECT,
  ),
  bad(
    'an empty payload',
    eventManifest({ type: 'AUDIT_LOG', auditLog: {} }),
    'spec.auditLog.log',
    'Required value',
  ),
  bad(
    'a null payload',
    eventManifest({ type: 'AUDIT_LOG', auditLog: null }),
    'spec.auditLog',
    'must be set if and only if type is AUDIT_LOG',
  ),
];

const roots = table(flagUpdatedManifest, 'spec.flagUpdated', [
  ['no author', { changed_by: undefined }, 'changed_by', 'Required value'],
  ['a null author', { changed_by: null }, 'changed_by', ''],
  ['an author that is a number', { changed_by: 7 }, 'changed_by', STRING],
  ['no new state', { new_state: undefined }, 'new_state', 'Required value'],
  ['a null new state', { new_state: null }, 'new_state', ''],
  ['a new state that is a list', { new_state: [] }, 'new_state', OBJECT],
  ['no timestamp', { timestamp: undefined }, 'timestamp', 'Required value'],
  ['a null timestamp', { timestamp: null }, 'timestamp', ''],
  ['a timestamp that is a number', { timestamp: 1624002626 }, 'timestamp', 'must be of type date-time'],
  ['a previous state that is a string', { previous_state: 'off' }, 'previous_state', OBJECT],
  ['an empty previous state', { previous_state: {} }, 'previous_state.enabled', 'Required value'],
]);

const states = table(withNewState, 'spec.flagUpdated.new_state', [
  ['no enabled', { enabled: undefined }, 'enabled', 'Required value'],
  ['a null enabled', { enabled: null }, 'enabled', ''],
  ['enabled as a string', { enabled: 'true' }, 'enabled', 'must be of type boolean'],
  ['no environment', { environment: undefined }, 'environment', 'Required value'],
  ['an environment by name', { environment: 'Development' }, 'environment', OBJECT],
  ['an environment without an id', { environment: { name: 'a' } }, 'environment.id', 'Required value'],
  ['an environment without a name', { environment: { id: 1 } }, 'environment.name', 'Required value'],
  ['an id as a string', { environment: { id: '23', name: 'a' } }, 'environment.id', INTEGER],
  [
    'an id with a fraction',
    { environment: { id: 1.5, name: 'a' } },
    'environment.id',
    'must be of type int64',
  ],
  ['an id of 2^53', { environment: { id: 2 ** 53, name: 'a' } }, 'environment.id', MOST],
  ['an id of -2^53', { environment: { id: -(2 ** 53), name: 'a' } }, 'environment.id', LEAST],
  ['an id of 1e300', { environment: { id: 1e300, name: 'a' } }, 'environment.id', ''],
  ['a null name', { environment: { id: 1, name: null } }, 'environment.name', ''],
  ['no feature', { feature: undefined }, 'feature', 'Required value'],
  ['a null feature', { feature: null }, 'feature', ''],
  ['a segment by id', { feature_segment: 4 }, 'feature_segment', OBJECT],
  ['a list of segments', { feature_segment: [{ id: 4 }] }, 'feature_segment', OBJECT],
  ['a value that is an object', { feature_state_value: { a: 1 } }, 'feature_state_value', 'at most 0'],
  ['a value that is an empty object', { feature_state_value: {} }, 'feature_state_value', 'at least 1'],
  ['a value that is a list', { feature_state_value: [1] }, 'feature_state_value', 'at most 0'],
  ['a value that is an empty list', { feature_state_value: [] }, 'feature_state_value', 'at least 1'],
  ['a value with a fraction', { feature_state_value: 1.5 }, 'feature_state_value', 'multiple of 1'],
  ['a value of 2^53', { feature_state_value: 2 ** 53 }, 'feature_state_value', MOST],
  [
    'a value of -1e300',
    { feature_state_value: -1e300 },
    'feature_state_value',
    'or equal to -9.007199254740991e+15',
  ],
  ['an identity by name', { identity: 'kyle' }, 'identity', INTEGER],
  ['an identity of 2^53', { identity: 2 ** 53 }, 'identity', MOST],
  ['an identifier that is a number', { identity_identifier: 7 }, 'identity_identifier', STRING],
]);

const features = table(withFeature, 'spec.flagUpdated.new_state.feature', [
  ['a feature without an id', { id: undefined }, 'id', 'Required value'],
  ['a feature without a name', { name: undefined }, 'name', 'Required value'],
  ['a creation date that is none', { created_date: 'yesterday' }, 'created_date', 'date-time'],
  ['default_enabled as a number', { default_enabled: 1 }, 'default_enabled', 'must be of type boolean'],
  ['a description that is a list', { description: [] }, 'description', STRING],
  ['an initial value that is a number', { initial_value: 5 }, 'initial_value', STRING],
  ['a project by id', { project: 12 }, 'project', OBJECT],
  ['a project without a name', { project: { id: 12 } }, 'project.name', 'Required value'],
  ['a type that is a boolean', { type: true }, 'type', STRING],
]);

const auditLogs = table(auditLogManifest, 'spec.auditLog', [
  ['no creation date', { created_date: undefined }, 'created_date', 'Required value'],
  ['a creation date without a zone', { created_date: '2020-02-23T17:30:57' }, 'created_date', 'date-time'],
  ['no log', { log: undefined }, 'log', 'Required value'],
  ['no object type', { related_object_type: undefined }, 'related_object_type', 'Required value'],
  ['a null object type', { related_object_type: null }, 'related_object_type', ''],
  ['an author without an address', { author: { id: 3 } }, 'author.email', 'Required value'],
  ['an author by address', { author: 'user@domain.com' }, 'author', OBJECT],
  ["an author's id as a string", { author: { id: '3', email: 'a' } }, 'author.id', INTEGER],
  ['an environment without a name', { environment: { id: 1 } }, 'environment.name', 'Required value'],
  ['a project without an id', { project: { name: 'a' } }, 'project.id', 'Required value'],
  [
    'an organisation by name',
    { project: { id: 1, name: 'a', organisation: 'x' } },
    'project.organisation',
    INTEGER,
  ],
  ['an object id as a string', { related_object_id: '6' }, 'related_object_id', INTEGER],
]);

/** Events whose payload has one thing wrong each: the schema of the payload alone refuses them. */
export const badPayloads: readonly BadManifest[] = [...times, ...roots, ...states, ...features, ...auditLogs];

/** Events with one thing wrong each. */
export const badEvents: readonly BadManifest[] = [...wholes, ...payloads, ...badPayloads];
