import { expect, test } from '@jest/globals';
import { prepareBody } from '../../src/delivery/body.ts';
import { sampleSpec } from '../../src/delivery/sample.ts';
import { seedAuditLog, seedFlagUpdated } from '../support/seedPayloads.ts';

const NOW = Date.parse('2026-11-25T00:00:00Z');

/** Every field with its path, whatever its value is. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, item]) => fieldsOf(item, `${path}.${key}`));
}

test.each([
  ['FLAG_UPDATED', 'flagUpdated', seedFlagUpdated],
  ['AUDIT_LOG', 'auditLog', seedAuditLog],
] as const)(
  "the sample of %s has the fields of Flagsmith's own example, and can be sent",
  (type, field, seed) => {
    const sample = sampleSpec(type, NOW);
    expect(fieldsOf(sample[field]).toSorted()).toEqual(fieldsOf(seed).toSorted());
    expect(prepareBody({ spec: sample })).toMatchObject({ facts: { type } });
  },
);

test('a sample says that it is a test, and when it was made', () => {
  expect(sampleSpec('FLAG_UPDATED', NOW)).toMatchObject({
    flagUpdated: {
      timestamp: '2026-11-25T00:00:00.000Z',
      new_state: { feature: { name: 'flagpost_test', description: expect.stringContaining('test') } },
    },
  });
  expect(sampleSpec('AUDIT_LOG', NOW)).toMatchObject({
    auditLog: { created_date: '2026-11-25T00:00:00.000Z', log: expect.stringContaining('test') },
  });
});
