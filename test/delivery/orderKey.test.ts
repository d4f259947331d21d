import { expect, test } from '@jest/globals';
import { orderKeyOf } from '../../src/delivery/orderKey.ts';
import { aFlagUpdated, aFlagWithState, anAuditLog } from '../support/eventSpec.ts';
import { nested } from '../support/nested.ts';

const SEGMENT = { id: 1, priority: 0, segment: { id: 7, name: 'beta' } };

test.each<[what: string, a: object, b: object]>([
  ['environment', { environment: { id: 1, name: 'x' } }, { environment: { id: 2, name: 'x' } }],
  ['feature', { feature: { id: 1, name: 'x' } }, { feature: { id: 2, name: 'x' } }],
  ['identity', { identity: 1 }, { identity: 2 }],
  ['identity, which one has and the other has not', { identity: 1 }, { identity: null }],
  ['identity_identifier', { identity_identifier: 'a' }, { identity_identifier: 'b' }],
  ['identity, told by different fields', { identity: 1 }, { identity_identifier: '1' }],
  ['feature_segment', { feature_segment: SEGMENT }, { feature_segment: { ...SEGMENT, priority: 1 } }],
  [
    'feature_segment, long',
    { feature_segment: { name: 'a'.repeat(999) } },
    { feature_segment: { name: 'b'.repeat(999) } },
  ],
  [
    'feature_segment, which one has and the other has not',
    { feature_segment: {} },
    { feature_segment: null },
  ],
])('events of another %s are not ordered among each other', (_what, a, b) => {
  expect(orderKeyOf(aFlagWithState(a))).not.toBe(orderKeyOf(aFlagWithState(b)));
});

test.each<[what: string, a: object, b: object]>([
  ['state', { enabled: true, feature_state_value: 'x' }, { enabled: false, feature_state_value: null }],
  ['names', { feature: { id: 1, name: 'old' } }, { feature: { id: 1, name: 'new', type: 'STANDARD' } }],
  ['ways to say that there is no identity', { identity: null }, { identity: undefined }],
  ['ways to say that there is no segment', { feature_segment: null }, { feature_segment: undefined }],
  [
    'orders of the members of feature_segment',
    { feature_segment: { a: 1, b: { c: 2, d: 3 } } },
    { feature_segment: { b: { d: 3, c: 2 }, a: 1 } },
  ],
])('events of different %s are ordered among each other', (_what, a, b) => {
  expect(orderKeyOf(aFlagWithState(a))).toBe(orderKeyOf(aFlagWithState(b)));
  expect(orderKeyOf(aFlagWithState(a))).toBeDefined();
});

test('the previous state and the time have no part in it', () => {
  const key = orderKeyOf(aFlagUpdated());
  expect(
    orderKeyOf(aFlagUpdated({ previous_state: null, timestamp: '2026-11-25T00:00:00Z', changed_by: 'x' })),
  ).toBe(key);
});

test('AUDIT_LOG events are not ordered', () => {
  expect(orderKeyOf(anAuditLog())).toBeUndefined();
});

test('it is short, whatever the segment, and a payload that can not be sent has one too', () => {
  expect(orderKeyOf(aFlagWithState({ feature_segment: { name: 'x'.repeat(100_000) } }))?.length).toBeLessThan(
    129,
  );
  expect(orderKeyOf(aFlagWithState({ feature_segment: nested(9000) }))?.length).toBeLessThan(129);
  expect(orderKeyOf({ type: 'FLAG_UPDATED', flagUpdated: 'x' })).toBe(orderKeyOf({ type: 'FLAG_UPDATED' }));
});
