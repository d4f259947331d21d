import { expect, test } from '@jest/globals';
import { resumeAt } from '../../src/delivery/resume.ts';
import { aDelivery } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const due = (milliseconds: number) =>
  aDelivery({ attempts: 1, nextAttemptTime: new Date(NOW + milliseconds).toISOString() });

test.each([
  ['an attempt that is late by an hour is spread over 5 s', [due(-3_600_000)], 2500],
  ['one that is late by a second, over that second', [due(-1000)], 500],
  ['one that is not due yet is not held up', [due(1000)], 0],
  ['the latest of an event counts', [due(-1000), due(-4000)], 2000],
  ['one without an attempt is late since its startTime', [aDelivery()], 2500],
  ['one without any time is late', [aDelivery({ startTime: undefined })], 2500],
  ['nothing pending, nothing late', [], 0],
])('after a stop %s', (_what, pending, later) => {
  expect(resumeAt(pending, NOW, 0.5)).toBe(NOW + later);
});

test('chance decides who comes first', () => {
  expect(resumeAt([due(-60_000)], NOW, 0)).toBe(NOW);
  expect(resumeAt([due(-60_000)], NOW, 0.9)).toBe(NOW + 4500);
});
