import { describe, expect, test } from '@jest/globals';
import type { FlagEvent } from '../../src/api/flagEvent.ts';
import { readPayload } from '../../src/delivery/payload.ts';
import { aFlagUpdated, aFlagWithState, anAuditLog } from '../support/eventSpec.ts';
import { seedFlagUpdated } from '../support/seedPayloads.ts';

const without = (key: string): FlagEvent['spec'] => aFlagUpdated({ [key]: undefined });

describe('readPayload', () => {
  test('reads the data of the seed', () => {
    expect(readPayload(aFlagUpdated())).toEqual({ type: 'FLAG_UPDATED', data: seedFlagUpdated });
    expect(readPayload(anAuditLog())).toMatchObject({
      type: 'AUDIT_LOG',
      data: { related_object_type: 'FEATURE' },
    });
  });

  test.each<[string, FlagEvent['spec']]>([
    [
      'null in optional fields',
      aFlagWithState({ identity: null, identity_identifier: null, feature_segment: null }),
    ],
    ['a value that is a string', aFlagWithState({ feature_state_value: '' })],
    ['a value that is an integer', aFlagWithState({ feature_state_value: -5 })],
    ['a value that is a boolean', aFlagWithState({ feature_state_value: false })],
    ['fields that are not known', aFlagUpdated({ own: { deep: [1] } })],
    ['a time with an offset', aFlagUpdated({ timestamp: '2021-06-18T07:50:26+02:00' })],
    [
      'only what is required of a record',
      {
        type: 'AUDIT_LOG',
        flagUpdated: undefined,
        auditLog: { created_date: '2020-02-23T17:30:57Z', log: '', related_object_type: '' },
      },
    ],
  ])('has nothing against %s', (_name, spec) => {
    expect(readPayload(spec)).toHaveProperty('type', spec.type);
  });

  test.each<[FlagEvent['spec'], string]>([
    [{ type: 'FLAG_UPDATED', flagUpdated: undefined, auditLog: undefined }, 'spec.flagUpdated: '],
    [{ type: 'FLAG_UPDATED', flagUpdated: null, auditLog: undefined }, 'spec.flagUpdated: '],
    [{ type: 'FLAG_UPDATED', flagUpdated: [], auditLog: undefined }, 'spec.flagUpdated: '],
    [{ type: 'AUDIT_LOG', flagUpdated: {}, auditLog: 'text' }, 'spec.auditLog: '],
    [without('changed_by'), 'spec.flagUpdated.changed_by: '],
    [without('new_state'), 'spec.flagUpdated.new_state: '],
    [without('timestamp'), 'spec.flagUpdated.timestamp: '],
    [aFlagUpdated({ changed_by: null }), 'spec.flagUpdated.changed_by: '],
    [aFlagUpdated({ timestamp: '2021-02-30T00:00:00Z' }), 'spec.flagUpdated.timestamp: '],
    [aFlagUpdated({ timestamp: '2021-06-18T07:50:60Z' }), 'spec.flagUpdated.timestamp: '],
    [aFlagUpdated({ timestamp: '2021-06-18 07:50:26Z' }), 'spec.flagUpdated.timestamp: '],
    [aFlagUpdated({ timestamp: '2021-06-18T07:50:26' }), 'spec.flagUpdated.timestamp: '],
    [aFlagUpdated({ previous_state: {} }), 'spec.flagUpdated.previous_state.enabled: '],
    [aFlagWithState({ enabled: 'yes' }), 'spec.flagUpdated.new_state.enabled: '],
    [aFlagWithState({ environment: null }), 'spec.flagUpdated.new_state.environment: '],
    [aFlagWithState({ environment: { id: '23', name: 'x' } }), 'spec.flagUpdated.new_state.environment.id: '],
    [aFlagWithState({ environment: { id: 2.5, name: 'x' } }), 'spec.flagUpdated.new_state.environment.id: '],
    [aFlagWithState({ feature: [] }), 'spec.flagUpdated.new_state.feature: '],
    [aFlagWithState({ feature_segment: [] }), 'spec.flagUpdated.new_state.feature_segment: '],
    [aFlagWithState({ feature_state_value: {} }), 'spec.flagUpdated.new_state.feature_state_value: '],
    [aFlagWithState({ feature_state_value: 1.5 }), 'spec.flagUpdated.new_state.feature_state_value: '],
    [aFlagWithState({ identity: 'anna' }), 'spec.flagUpdated.new_state.identity: '],
    [anAuditLog({ log: 1 }), 'spec.auditLog.log: '],
    [anAuditLog({ author: {} }), 'spec.auditLog.author.email: '],
    [anAuditLog({ project: { id: 1 } }), 'spec.auditLog.project.name: '],
    [anAuditLog({ related_object_id: '6' }), 'spec.auditLog.related_object_id: '],
    [anAuditLog({ related_object_type: null }), 'spec.auditLog.related_object_type: '],
  ])('of %j names the field %s', (spec, want) => {
    const said = readPayload(spec);

    expect(said).toMatch(
      /^[ -~]{1,512}; create a new event, "kubectl explain flagevent\.spec\.\w+" describes it\.$/,
    );
    expect(said).toContain(want);
  });

  test('holds no value of the payload in what it says', () => {
    expect(readPayload(aFlagWithState({ enabled: 'hunter2', identity: 'hunter2' }))).not.toContain('hunter2');
    expect(readPayload(aFlagUpdated({ timestamp: 'hunter2' }))).not.toContain('hunter2');
  });
});
