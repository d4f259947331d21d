import { nested } from '../nested.ts';
import { seedAuditLog, seedFlagUpdated } from '../seedPayloads.ts';
import {
  auditLogManifest,
  eventManifest,
  flagUpdatedManifest,
  unknownFields,
  withFeature,
  withNewState,
} from './event.ts';
import { good } from './endpoint.ts';
import type { GoodManifest } from './manifest.ts';

// A literal with these keys would set the prototype instead.
const AWKWARD_KEYS: unknown = JSON.parse(
  '{"__proto__": {"polluted": true}, "constructor": null, "toString": 1, "hasOwnProperty": [], "": "", "10": 1, "9": 1}',
);

const TIMES = [
  '2021-06-18T07:50:26Z',
  '2021-06-18T07:50:26.5Z',
  '2021-06-18T07:50:26.123456789Z',
  '2021-06-18T07:50:26+00:00',
  '2021-06-18T07:50:26-23:59',
  '2024-02-29T23:59:59+05:30',
  '2000-02-29T00:00:00Z',
];

const VALUES: readonly unknown[] = [
  '',
  'x'.repeat(10_000),
  0,
  -1,
  2 ** 53 - 1,
  1 - 2 ** 53,
  true,
  false,
  null,
];

/** Events that are as they should be; what the API server stores of their payload is what was written. */
export const goodEvents: readonly GoodManifest[] = [
  good("the seed's FLAG_UPDATED", flagUpdatedManifest()),
  good("the seed's audit log record", auditLogManifest()),
  good(
    'the least FLAG_UPDATED',
    flagUpdatedManifest({
      new_state: { enabled: true, environment: { id: 1, name: '' }, feature: { id: 1, name: '' } },
      previous_state: undefined,
    }),
  ),
  good(
    'the least audit log record',
    eventManifest({
      type: 'AUDIT_LOG',
      auditLog: { created_date: seedAuditLog.created_date, log: '', related_object_type: '' },
    }),
  ),
  ...[-1, 0, 2 ** 31 - 1].map((ttl) =>
    good(
      `the time to live ${ttl}`,
      eventManifest({ type: 'AUDIT_LOG', auditLog: seedAuditLog, ttlSecondsAfterFinished: ttl }),
    ),
  ),
  good('a new feature, null before', flagUpdatedManifest({ previous_state: null })),
  good(
    'null in every field that may be null',
    withNewState({
      feature: {
        id: 1,
        name: 'a',
        created_date: null,
        default_enabled: null,
        description: null,
        initial_value: null,
        project: null,
        type: null,
      },
      feature_segment: null,
      feature_state_value: null,
      identity: null,
      identity_identifier: null,
    }),
  ),
  good(
    'null in every field of an audit log record that may be null',
    auditLogManifest({ author: null, environment: null, project: null, related_object_id: null }),
  ),
  good(
    'null in the fields of author and project',
    auditLogManifest({
      author: { email: '', id: null, first_name: null, last_name: null },
      project: { id: 1, name: '', organisation: null },
    }),
  ),
  ...VALUES.map((value) =>
    good(`the value ${JSON.stringify(value).slice(0, 20)}`, withNewState({ feature_state_value: value })),
  ),
  ...TIMES.map((timestamp) => good(`the time ${timestamp}`, flagUpdatedManifest({ timestamp }))),
  good('an identity', withNewState({ identity: 2 ** 53 - 1, identity_identifier: 'kyle' })),
  good('a segment', withNewState({ feature_segment: { id: 4, priority: null, segment: { name: 'beta' } } })),
  good('an empty segment', withNewState({ feature_segment: {} })),
  good('unknown fields of every type at every depth', {
    ...withFeature({
      tags: ['a', 1, null, { deep: [[]] }],
      owner: null,
      project: { id: 12, name: 'Flagsmith Website', hidden: false },
    }),
  }),
  good(
    'unknown fields at the root',
    flagUpdatedManifest({ ...unknownFields(100), nothing: null, ratio: 0.1 }),
  ),
  good('10,000 unknown fields', flagUpdatedManifest(unknownFields(10_000))),
  good('keys that have a meaning in JavaScript', flagUpdatedManifest({ extra: AWKWARD_KEYS })),
  good(
    '__proto__ at the root',
    eventManifest({
      type: 'FLAG_UPDATED',
      flagUpdated: JSON.parse(
        `{"__proto__": {"a": 1}, ${JSON.stringify(seedFlagUpdated).slice(1)}`,
      ) as unknown,
    }),
  ),
  good('100 levels', flagUpdatedManifest({ extra: nested(100) })),
  good('characters outside ASCII', flagUpdatedManifest({ changed_by: 'Zoë 🚩 \u2028 <&>\u0000' })),
];
