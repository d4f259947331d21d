import { expect, test } from '@jest/globals';
import { ageOf, compareAges, compareOccurrences, ownTimeOf, type Age } from '../../src/delivery/age.ts';
import { instantOf } from '../../src/delivery/instant.ts';
import { anEvent } from '../support/fixtures.ts';

const [EARLY, LATE] = ['2026-11-25T00:00:00Z', '2026-11-25T00:00:01Z'];

function aged(name: string, creationTimestamp: string, timestamp?: unknown): Age {
  const event = anEvent({ name, metadata: { creationTimestamp } });
  return ageOf({ ...event, spec: { type: 'FLAG_UPDATED', flagUpdated: { timestamp } } });
}

test('the oldest is first: by creation, then by the time of the payload, then by name', () => {
  const sorted = [
    aged('z', EARLY, EARLY),
    aged('a', EARLY, '2026-11-25T01:00:00.5+01:00'),
    aged('y', EARLY, '2026-11-25T00:00:00.5000001Z'),
    aged('b', EARLY, LATE),
    aged('c', EARLY, LATE),
    aged('a', LATE, EARLY),
  ];
  expect(sorted.toReversed().toSorted(compareAges)).toEqual(sorted);
  expect(compareAges(aged('a', EARLY, LATE), aged('a', EARLY, LATE))).toBe(0);
});

test('what happened first is first: by the time of the payload, then by creation, then by name', () => {
  const sorted = [
    aged('z', LATE, EARLY),
    aged('y', LATE, '2026-11-25T01:00:00.0000001+01:00'),
    aged('x', EARLY, '2026-11-25T00:00:00.5Z'),
    aged('b', EARLY, LATE),
    aged('c', EARLY, LATE),
    aged('a', LATE, LATE),
  ];
  expect(sorted.toReversed().toSorted(compareOccurrences)).toEqual(sorted);
  expect(compareOccurrences(aged('a', EARLY, LATE), aged('a', EARLY, LATE))).toBe(0);
});

test.each<[what: string, timestamp: unknown]>([
  ['none', undefined],
  ['null', null],
  ['a number', 7],
  ['no time', 'soon'],
])('a payload whose time is %s comes before those of its second that have one', (_what, timestamp) => {
  expect(aged('z', EARLY, timestamp).occurredAt).toBe('');
});

test("an audit event's own time is when its record was created", () => {
  const spec = { type: 'AUDIT_LOG' as const, auditLog: { created_date: LATE, log: 'x' } };
  expect(ageOf({ ...anEvent(), spec }).occurredAt).toBe(instantOf(LATE));
});

test('of a payload nothing is kept for its age but its own time', () => {
  expect(ownTimeOf({ type: 'FLAG_UPDATED', flagUpdated: { timestamp: LATE, changed_by: 'x' } })).toEqual({
    flagUpdated: { timestamp: LATE },
  });
  expect(ownTimeOf({ type: 'AUDIT_LOG', auditLog: { created_date: LATE, log: 'x' } })).toEqual({
    auditLog: { created_date: LATE },
  });
  expect(ownTimeOf({ type: 'AUDIT_LOG' })).toEqual({});
});
