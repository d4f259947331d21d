import { describe, expect, test } from '@jest/globals';
import { auditLog, flagUpdated } from '../../src/api/payload.ts';
import { badPayloads } from '../support/manifests/badEvents.ts';
import { goodEvents } from '../support/manifests/goodEvents.ts';
import type { Manifest } from '../support/manifests/manifest.ts';
import { seedAuditLog, seedFlagUpdated } from '../support/seedPayloads.ts';

// As the API server would give it back: without fields that are undefined.
function check(manifest: Manifest): boolean {
  const spec = JSON.parse(JSON.stringify(manifest.spec)) as Record<string, unknown>;
  return spec['type'] === 'FLAG_UPDATED'
    ? flagUpdated.safeParse(spec['flagUpdated']).success
    : auditLog.safeParse(spec['auditLog']).success;
}

describe('the schemas of the payload', () => {
  test.each(goodEvents)('accept what the API server does: $what', ({ manifest }) => {
    expect(check(manifest)).toBe(true);
  });

  test.each(badPayloads)('refuse what the API server does: $what', ({ manifest }) => {
    expect(check(manifest)).toBe(false);
  });

  test("give the seed's fields", () => {
    expect(flagUpdated.parse(seedFlagUpdated)).toEqual(seedFlagUpdated);
    expect(auditLog.parse(seedAuditLog)).toEqual(seedAuditLog);
  });

  test('tell null and absent apart', () => {
    const state = { enabled: true, environment: { id: 1, name: 'a' }, feature: { id: 1, name: 'a' } };
    const parsed = flagUpdated.parse({
      changed_by: 'x',
      new_state: { ...state, identity: null },
      timestamp: '2021-06-18T07:50:26Z',
    });
    expect(parsed).not.toHaveProperty('previous_state');
    expect(parsed.new_state).not.toHaveProperty('feature_segment');
    expect(parsed.new_state.identity).toBeNull();
  });

  test('give a segment as it is', () => {
    const feature_segment: unknown = JSON.parse('{"__proto__": {"a": 1}, "segment": 4}');
    const parsed = flagUpdated.parse({
      ...seedFlagUpdated,
      new_state: { ...seedFlagUpdated.new_state, feature_segment },
    });
    expect(parsed.new_state.feature_segment).toBe(feature_segment);
  });
});
