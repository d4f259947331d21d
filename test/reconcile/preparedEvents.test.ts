import { describe, expect, test } from '@jest/globals';
import type { FlagEvent } from '../../src/api/flagEvent.ts';
import { PreparedEvents, withoutPayload } from '../../src/reconcile/preparedEvents.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { anEvent } from '../support/fixtures.ts';

/** An event whose body has about so many bytes. */
function anEventOf(bytes: number, name = 'butter-bar'): FlagEvent {
  return { ...anEvent({ name }), spec: aFlagUpdated({ filler: 'x'.repeat(bytes) }) };
}

describe('preparing an event', () => {
  test('gives the bytes to send, the facts to match by, and its size as stored', () => {
    const prepared = new PreparedEvents().prepare(anEventOf(10));
    expect(prepared).toMatchObject({
      ok: true,
      facts: { type: 'FLAG_UPDATED', environment: { name: 'Development' } },
    });
    expect(Buffer.from(prepared.body).toString()).toMatch(
      /^{"data":{"changed_by":.*"event_type":"FLAG_UPDATED"}$/,
    );
    expect(prepared.ok && prepared.storedBytes).toBeGreaterThan(prepared.body.length);
  });

  test.each<[event: FlagEvent, want: object]>([
    [anEventOf(600_000), { ok: false, reason: 'PayloadTooLarge', body: new Uint8Array() }],
    [
      { ...anEvent(), spec: aFlagUpdated({ timestamp: undefined }) },
      { ok: false, reason: 'InvalidPayload', body: new Uint8Array() },
    ],
  ])('of one that can not be sent gives the reason, and keeps no bytes (%#)', (event, want) => {
    expect(new PreparedEvents().prepare(event)).toMatchObject(want);
  });

  test('is done once', () => {
    const events = new PreparedEvents();
    const prepared = events.prepare(anEventOf(10));
    expect(events.prepare(anEventOf(20))).toBe(prepared);
    expect(events.get(anEvent().metadata.uid)).toBe(prepared);
  });

  test('of one that was forgotten is done again', () => {
    const events = new PreparedEvents();
    const { uid } = anEvent().metadata;
    const prepared = events.prepare(anEventOf(10));
    events.forget(uid);
    events.forget(uid);
    expect(events.get(uid)).toBeUndefined();
    expect(events.prepare(anEventOf(10))).not.toBe(prepared);
  });
});

describe('the memory', () => {
  const HALF_MEBIBYTE = 523_000;
  const fits = 127;
  const names = (count: number) => Array.from({ length: count }, (_, index) => `event-${index}`);
  const isKept = (events: PreparedEvents, name: string) =>
    events.get(anEvent({ name }).metadata.uid) !== undefined;

  test('is bounded: the least recently used go first', () => {
    const events = new PreparedEvents();
    const [oldest = '', second = '', ...rest] = names(fits);
    for (const name of [oldest, second, ...rest]) events.prepare(anEventOf(HALF_MEBIBYTE, name));
    expect(isKept(events, oldest)).toBe(true);
    for (const name of ['one', 'two', 'three']) events.prepare(anEventOf(HALF_MEBIBYTE, name));
    expect(isKept(events, second)).toBe(false);
    expect(isKept(events, oldest)).toBe(true);
    expect(isKept(events, 'three')).toBe(true);
  });

  test('that is given back can be used again', () => {
    const events = new PreparedEvents();
    for (const name of names(fits)) events.prepare(anEventOf(HALF_MEBIBYTE, name));
    for (const name of names(fits)) events.forget(anEvent({ name }).metadata.uid);
    for (const name of names(fits)) events.prepare(anEventOf(HALF_MEBIBYTE, name));
    expect(names(fits).filter((name) => isKept(events, name))).toHaveLength(fits);
  });

  test('is taken by events without a body too', () => {
    const events = new PreparedEvents();
    for (const name of names(65_537)) events.prepare({ ...anEvent({ name }), spec: { type: 'AUDIT_LOG' } });
    expect(isKept(events, 'event-0')).toBe(false);
    expect(isKept(events, 'event-1')).toBe(true);
  });
});

test('an event without its payload is the same event otherwise', () => {
  const event = { ...anEventOf(10), status: { observedGeneration: 1 } };
  const kept = withoutPayload(event);
  expect(JSON.parse(JSON.stringify(kept))).toEqual({ ...event, spec: { type: 'FLAG_UPDATED' } });
});
