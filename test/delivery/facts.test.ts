import { describe, expect, test } from '@jest/globals';
import type { FlagEvent } from '../../src/api/flagEvent.ts';
import { readFacts, type EventFacts } from '../../src/delivery/facts.ts';
import { readPayload } from '../../src/delivery/payload.ts';
import { aFlagUpdated, aFlagWithState, anAuditLog } from '../support/eventSpec.ts';
import { seedFlagUpdated } from '../support/seedPayloads.ts';

function factsOf(spec: FlagEvent['spec']): EventFacts {
  const payload = readPayload(spec);
  if (typeof payload === 'string') throw new Error(payload);
  return readFacts(payload);
}

describe('the facts of a FLAG_UPDATED event', () => {
  test('of the seed', () => {
    expect(factsOf(aFlagUpdated())).toEqual({
      type: 'FLAG_UPDATED',
      environment: { id: 23, name: 'Development' },
      project: { id: 12, name: 'Flagsmith Website' },
      organisation: null,
      feature: { id: 7168, name: 'butter_bar' },
      action: 'Updated',
    });
  });

  test.each([
    ['null', null],
    ['absent', undefined],
  ])('have no project where the one of the feature is %s', (_name, project) => {
    const feature = { ...seedFlagUpdated.new_state.feature, project };

    expect(factsOf(aFlagWithState({ feature })).project).toBeNull();
  });

  test.each([
    ['a previous state', {}, seedFlagUpdated.previous_state, 'Updated'],
    ['no previous state', {}, undefined, 'Created'],
    ['null as previous state', {}, null, 'Created'],
    ['an identity', { identity: 4 }, null, 'IdentityOverridden'],
    ['the identity 0', { identity: 0 }, null, 'IdentityOverridden'],
    ['an identifier of an identity', { identity_identifier: 'anna' }, null, 'IdentityOverridden'],
    ['an empty identifier', { identity_identifier: '' }, null, 'IdentityOverridden'],
    ['a segment', { feature_segment: { id: 1 } }, null, 'SegmentOverridden'],
    ['an empty segment', { feature_segment: {} }, seedFlagUpdated.previous_state, 'SegmentOverridden'],
    ['an identity and a segment', { identity: 4, feature_segment: {} }, null, 'IdentityOverridden'],
    [
      'neither identity nor segment, not even as null',
      { identity: undefined, identity_identifier: undefined, feature_segment: undefined },
      seedFlagUpdated.previous_state,
      'Updated',
    ],
  ])('with %s', (_name, state, previous, want) => {
    const spec = aFlagUpdated({
      new_state: { ...seedFlagUpdated.new_state, ...state },
      previous_state: previous,
    });

    expect(factsOf(spec).action).toBe(want);
  });
});

describe('the facts of an AUDIT_LOG event', () => {
  test('of the seed', () => {
    expect(factsOf(anAuditLog())).toEqual({
      type: 'AUDIT_LOG',
      environment: null,
      project: { id: 6, name: 'Project name' },
      organisation: { id: 1 },
      feature: { id: 6 },
      action: null,
    });
  });

  test.each([
    [{ environment: { id: 23, name: 'Development' } }, { environment: { id: 23, name: 'Development' } }],
    [{ environment: undefined }, { environment: null }],
    [{ project: null }, { project: null, organisation: null }],
    [{ project: undefined }, { project: null, organisation: null }],
    [{ project: { id: 6, name: 'p' } }, { project: { id: 6, name: 'p' }, organisation: null }],
    [{ project: { id: 6, name: 'p', organisation: null } }, { organisation: null }],
    [{ project: { id: 6, name: 'p', organisation: 0 } }, { organisation: { id: 0 } }],
    [{ related_object_id: 0 }, { feature: { id: 0 } }],
    [{ related_object_id: null }, { feature: null }],
    [{ related_object_id: undefined }, { feature: null }],
    [{ related_object_type: 'SEGMENT' }, { feature: null }],
    [{ related_object_type: 'feature' }, { feature: null }],
  ])('with %j have %j', (record, want) => {
    expect(factsOf(anAuditLog(record))).toMatchObject(want);
  });
});
