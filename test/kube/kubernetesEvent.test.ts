import { describe, expect, test } from '@jest/globals';
import type { Notice } from '../../src/api/notice.ts';
import { kubernetesEvent, microTime, seriesKey, type Regarding } from '../../src/kube/kubernetesEvent.ts';
import { FLAG_EVENTS } from '../../src/kube/resources.ts';
import { uid } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T12:00:00.5Z');
const NOTICE: Notice = { type: 'Warning', reason: 'DeliveryFailed', action: 'Deliver', note: 'why' };
const about = (metadata: Partial<Regarding['metadata']> = {}): Regarding => ({
  resource: FLAG_EVENTS,
  metadata: { namespace: 'shop', name: 'butter-bar', uid: uid('uid-1'), ...metadata },
});
const seen = (changes: { now?: number; random?: number } = {}) => ({
  instance: 'flagpost-host',
  now: NOW,
  random: 0.5,
  ...changes,
});

test('an Event has what the API server and kubectl want of it', () => {
  expect(kubernetesEvent(about(), NOTICE, seen())).toEqual({
    metadata: { namespace: 'shop', name: `butter-bar.${NOW.toString(16)}80000000` },
    eventTime: '2026-11-25T12:00:00.500000Z',
    reportingController: 'flagpost.dev/flagpost',
    reportingInstance: 'flagpost-host',
    regarding: {
      apiVersion: 'flagpost.dev/v1alpha1',
      kind: 'FlagEvent',
      namespace: 'shop',
      name: 'butter-bar',
      uid: 'uid-1',
    },
    ...NOTICE,
  });
});

describe('its name', () => {
  const nameOf = (name: string, changes = {}) =>
    kubernetesEvent(about({ name }), NOTICE, seen(changes)).metadata.name;

  test('differs by time and by chance', () => {
    const names = [nameOf('a'), nameOf('a', { now: NOW + 1 }), nameOf('a', { random: 0.6 }), nameOf('b')];
    expect(new Set(names).size).toBe(4);
  });

  test.each([
    ['of 253 letters', 'a'.repeat(253)],
    ['cut at a dot', `${'a'.repeat(199)}.${'b'.repeat(53)}`],
    ['cut at hyphens', `${'a'.repeat(198)}--${'b'.repeat(53)}`],
  ])('is a DNS subdomain for an object with a name %s', (_what, name) => {
    const eventName = nameOf(name, { random: 1 - Number.EPSILON });
    expect(eventName).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
    expect(eventName.length).toBeLessThanOrEqual(253);
  });
});

describe('the key of a series', () => {
  test('begins with the namespace', () => {
    expect(seriesKey(about(), NOTICE)).toMatch(/^shop\//);
  });

  test.each<[what: string, metadata: Partial<Regarding['metadata']>, notice: Partial<Notice>]>([
    ['UID', { uid: uid('uid-2') }, {}],
    ['namespace', { namespace: 'other' }, {}],
    ['type', {}, { type: 'Normal' }],
    ['reason', {}, { reason: 'CircuitOpen' }],
    ['action', {}, { action: 'TakeUp' }],
    ['note', {}, { note: 'why else' }],
  ])('differs by %s', (_what, metadata, notice) => {
    expect(seriesKey(about(metadata), { ...NOTICE, ...notice })).not.toBe(seriesKey(about(), NOTICE));
  });

  test('is the same for the same', () => {
    expect(seriesKey(about(), { ...NOTICE })).toBe(seriesKey(about(), NOTICE));
  });
});

test('a MicroTime has six digits', () => {
  expect(microTime(0)).toBe('1970-01-01T00:00:00.000000Z');
});
