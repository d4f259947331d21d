import { describe, expect, test } from '@jest/globals';
import type { FlagEvent } from '../../src/api/flagEvent.ts';
import { PreparedEvents, withoutPayload } from '../../src/reconcile/preparedEvents.ts';
import { aFlagUpdated, aFlagWithState } from '../support/eventSpec.ts';
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
  // Room for ten events of 9 KiB, each with 1 KiB for what it costs beside its body.
  const ROOM = 10 * 10 * 1024;
  const anEventOf9KiB = (name: string) => {
    const rest = new PreparedEvents().prepare(anEventOf(0)).body.length;
    return anEventOf(9 * 1024 - rest, name);
  };
  const names = Array.from({ length: 10 }, (_, index) => `event-${index}`);
  const keptOf = (events: PreparedEvents, ...all: string[]) =>
    all.filter((name) => events.get(anEvent({ name }).metadata.uid) !== undefined);
  const filled = () => {
    const events = new PreparedEvents(ROOM);
    for (const name of names) events.prepare(anEventOf9KiB(name));
    return events;
  };

  test('is used to the last byte', () => {
    expect(keptOf(filled(), ...names)).toEqual(names);
  });

  test('is bounded: the least recently used go first', () => {
    const events = filled();
    keptOf(events, 'event-0');
    events.prepare(anEventOf(0, 'another'));
    expect(keptOf(events, 'event-0', 'event-1', 'event-2', 'another')).toEqual([
      'event-0',
      'event-2',
      'another',
    ]);
  });

  test('that is given back can be used again', () => {
    const events = filled();
    events.forget(anEvent({ name: 'event-3' }).metadata.uid);
    events.prepare(anEventOf9KiB('another'));
    expect(keptOf(events, 'event-0', 'another')).toEqual(['event-0', 'another']);
  });

  test('is taken to a half by events that are yet to have their turn; those after them are read then', () => {
    const events = new PreparedEvents(ROOM);
    const keep = (...all: string[]) => all.map((name) => events.keep(anEventOf9KiB(name)));
    keep(...names);
    // Shown again, they don't count twice.
    keep('event-0', 'event-1');
    expect(keptOf(events, 'event-5', 'event-9')).toEqual([]);
    expect(keptOf(events, 'event-0', 'event-1')).toEqual(['event-0', 'event-1']);
    // Two have had their turn, and one is gone.
    events.forget(anEvent({ name: 'event-2' }).metadata.uid);
    keep('event-5', 'event-6', 'event-7', 'event-8');
    expect(keptOf(events, ...names)).toEqual([
      'event-0',
      'event-1',
      'event-3',
      'event-4',
      'event-5',
      'event-6',
      'event-7',
    ]);
  });

  test('is taken by events without a body too', () => {
    const events = new PreparedEvents(10 * 1024);
    for (const name of [...names, 'another'])
      events.prepare({ ...anEvent({ name }), spec: { type: 'AUDIT_LOG' } });
    expect(keptOf(events, 'event-0', 'event-1', 'another')).toEqual(['event-1', 'another']);
  });
});

test.each<
  [type: string, spec: FlagEvent['spec'], kept: { readonly spec: object; readonly orderKey?: string }]
>([
  [
    'FLAG_UPDATED',
    {
      type: 'FLAG_UPDATED',
      flagUpdated: { timestamp: '2026-11-25T00:00:00Z', new_state: { enabled: true } },
    },
    { spec: { flagUpdated: { timestamp: '2026-11-25T00:00:00Z' } }, orderKey: '[null,null,null,null,null]' },
  ],
  [
    'AUDIT_LOG',
    { type: 'AUDIT_LOG', auditLog: { created_date: '2026-11-25T00:00:00Z', log: 'long' } },
    { spec: { auditLog: { created_date: '2026-11-25T00:00:00Z' } } },
  ],
])(
  'an event without its payload is the same event otherwise, with its own time and order key: %s',
  (type, spec, kept) => {
    const event = { ...anEvent({ status: { observedGeneration: 1 } }), spec };
    expect(JSON.parse(JSON.stringify(withoutPayload(event)))).toEqual({
      ...JSON.parse(JSON.stringify(event)),
      ...kept,
      spec: { type, ...kept.spec },
    });
  },
);

test('an event that has lost its payload keeps its order key', () => {
  const known = withoutPayload({ ...anEvent(), spec: aFlagWithState({ identity: 7 }) });
  expect(known.orderKey).toContain('7');
  expect(withoutPayload(known)).toEqual(known);
});

test('annotations are left out too: kubectl apply keeps the payload in one', () => {
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(1000) };
  const kept = withoutPayload(anEvent({ metadata: { annotations, labels: { team: 'shop' } } }));
  expect(kept.metadata).toMatchObject({ annotations: undefined, labels: { team: 'shop' } });
});

test('the time to live is kept', () => {
  const event = anEvent();
  const kept = withoutPayload({ ...event, spec: { ...event.spec, ttlSecondsAfterFinished: 0 } });
  expect(kept.spec.ttlSecondsAfterFinished).toBe(0);
});
