import { describe, expect, test } from '@jest/globals';
import type { Delivery, FlagEventStatus } from '../../src/api/flagEvent.ts';
import type { AttemptRecord } from '../../src/delivery/attemptRecord.ts';
import { classify } from '../../src/delivery/classify.ts';
import { eventStatus } from '../../src/delivery/eventStatus.ts';
import type { Turn } from '../../src/delivery/order.ts';
import { planEvent, type EventWork, type PlanInput } from '../../src/delivery/plan.ts';
import type { EndpointView, TakeUp } from '../../src/delivery/takeUp.ts';
import { aDelivery, anEndpoint, anEvent, uid, aView } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
// aDelivery's start, and 14 days.
const LONGEST_WAIT = Date.parse('2026-12-09T00:00:00Z');
const at = (milliseconds: number) => new Date(NOW + milliseconds).toISOString();

function someWork(changes: Partial<EventWork> = {}): EventWork {
  return {
    seenAt: NOW,
    begun: new Map(),
    busy: new Set(),
    inFlight: new Set(),
    records: new Map(),
    nextWriteAt: 0,
    ...changes,
  };
}

function aRecord(name: string, statusCode: number, changes: Partial<AttemptRecord> = {}): AttemptRecord {
  const outcome = classify({ kind: 'answered', statusCode, durationMilliseconds: 12 });
  const next = outcome.success ? {} : { nextAttemptAt: NOW + 5000 };
  return {
    endpointUID: uid(`uid-${name}`),
    generation: 1,
    redeliveries: 0,
    attempt: 1,
    firstAttemptAt: NOW - 20,
    startedAt: NOW - 20,
    endedAt: NOW,
    outcome,
    ...next,
    ...changes,
  };
}

const recordsOf = (...records: AttemptRecord[]) =>
  new Map(records.map((record) => [record.endpointUID, record]));

interface Scenario extends Partial<Omit<PlanInput, 'endpoint' | 'gone' | 'work' | 'turn'>> {
  readonly turn?: Turn;
  readonly views?: readonly EndpointView[];
  readonly gone?: readonly string[];
  readonly work?: Partial<EventWork>;
}

function plan({ views = [], gone = [], turn = 'free', work, ...input }: Scenario) {
  const byUid = new Map(views.map((view) => [view.uid, view]));
  return planEvent({
    event: anEvent(),
    endpoint: (id) => byUid.get(id),
    gone: (id) => gone.includes(id),
    turn: () => turn,
    work: someWork(work),
    mayBegin: true,
    mayExpire: true,
    now: NOW,
    ...input,
  });
}

function open(endpoints: readonly EndpointView[], changes: Partial<TakeUp & { kind: 'open' }> = {}): TakeUp {
  return { kind: 'open', endpoints, listed: true, mayBegin: true, ...changes };
}

/** An event that was taken up, with the conditions that its deliveries call for. */
function takenUp(deliveries: readonly Delivery[]) {
  const fresh = anEvent();
  const { completionTime: _, ...status }: FlagEventStatus = eventStatus(fresh, deliveries, NOW - 60_000);
  return anEvent({ status });
}

const names = (deliveries: readonly { delivery: Delivery }[]) =>
  deliveries.map(({ delivery }) => delivery.endpointName);

describe('an event that has not been taken up', () => {
  test('is sent to what matches, while the fence is under way, and nothing is written', () => {
    const views = [aView('a'), aView('b')];
    const result = plan({ views, takeUp: open(views, { listed: false }) });
    expect(names(result.begin)).toEqual(['a', 'b']);
    expect(result.begin.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(result).toMatchObject({
      write: undefined,
      deliveries: [{ endpointName: 'a' }, { endpointName: 'b' }],
    });
  });

  test('is not sent twice to an endpoint that has an attempt', () => {
    const views = [aView('a'), aView('b')];
    const work = { busy: new Set([uid('uid-a')]), begun: new Map([[uid('uid-a'), 'a']]) };
    expect(names(plan({ views, work, takeUp: open(views, { listed: false }) }).begin)).toEqual(['b']);
  });

  test('lists its deliveries by name', () => {
    const views = [aView('b'), aView('a'), aView('c')];
    const listed = plan({ views, takeUp: open(views) }).write?.status.deliveries;
    expect(listed?.map(({ endpointName }) => endpointName)).toEqual(['a', 'b', 'c']);
  });

  test('that has ended well is written once, with all that came of it', () => {
    const views = [aView('a')];
    const work = { records: recordsOf(aRecord('a', 200)), firstSentAt: NOW - 20 };
    const { write } = plan({ views, work, takeUp: open(views) });
    expect(write?.at).toBe(NOW);
    expect(write?.status).toMatchObject({ delivered: '1/1', completionTime: at(0), startTime: at(0) });
  });

  test.each<[when: string, work: Partial<EventWork>, usability: EndpointView['usability'], at: number]>([
    [
      'a second after its first request',
      { firstSentAt: NOW - 300, busy: new Set([uid('uid-a')]) },
      'usable',
      700,
    ],
    [
      'at once when an attempt failed',
      { firstSentAt: NOW, records: recordsOf(aRecord('a', 500)) },
      'usable',
      0,
    ],
    ['at once when all wait', {}, { reason: 'SecretNotFound', message: 'no Secret' }, 0],
    ['four seconds after it was seen when nothing could be sent', { seenAt: NOW - 1000 }, 'unknown', 3000],
    [
      'not before its next write may come',
      { nextWriteAt: NOW + 50, records: recordsOf(aRecord('a', 500)) },
      'usable',
      50,
    ],
  ])('is written %s', (_when, work, usability, delay) => {
    const views = [aView('a', { usability }), aView('b', { usability })];
    expect(plan({ views, work, takeUp: open(views) }).write?.at).toBe(NOW + delay);
  });

  test('is written at once, and not sent, while nothing can be recorded', () => {
    const views = [aView('a')];
    const result = plan({ views, takeUp: open(views, { mayBegin: false }) });
    expect(result.begin).toEqual([]);
    expect(result.write).toMatchObject({
      at: NOW,
      status: { deliveries: [{ state: 'Pending', attempts: 0 }] },
    });
  });

  test('records as Canceled what went to an endpoint that the fence no longer finds, whatever came of it', () => {
    const views = [aView('a')];
    const work = { begun: new Map([[uid('uid-old'), 'old']]), records: recordsOf(aRecord('old', 200)) };
    const { write } = plan({ views, work, gone: ['uid-old'], takeUp: open(views) });
    expect(write?.status.deliveries?.[1]).toMatchObject({
      endpointName: 'old',
      state: 'Canceled',
      reason: 'EndpointDeleted',
    });
  });

  test('keeps what went to an endpoint that no longer matches', () => {
    const old = aView('old');
    const work = { begun: new Map([[old.uid, 'old']]), records: recordsOf(aRecord('old', 200)) };
    const { write } = plan({ views: [old], work, takeUp: open([]) });
    expect(write?.status.deliveries).toMatchObject([{ endpointName: 'old', state: 'Succeeded' }]);
  });

  test('that ends before anything is sent lists no deliveries', () => {
    const ended: TakeUp = { kind: 'ended', reason: 'TooManyEndpoints', message: 'too many' };
    const { begin, write } = plan({ takeUp: ended });
    expect(begin).toEqual([]);
    expect(write?.status).toMatchObject({ deliveries: [], delivered: '0/0', completionTime: at(0) });
  });
});

describe('an event that was taken up', () => {
  test('is sent on where an attempt is due', () => {
    const event = takenUp([
      aDelivery({ endpointName: 'due', attempts: 2, nextAttemptTime: at(0) }),
      aDelivery({ endpointName: 'early', attempts: 1, nextAttemptTime: at(1000) }),
      aDelivery({ endpointName: 'fresh' }),
      aDelivery({ endpointName: 'over', state: 'Succeeded' }),
    ]);
    const views = ['due', 'early', 'fresh', 'over'].map((name) => aView(name));
    const result = plan({ event, views });
    expect(result.begin.map(({ delivery, attempt }) => [delivery.endpointName, attempt])).toEqual([
      ['due', 3],
      ['fresh', 1],
    ]);
    expect(result.wakeAt).toBe(NOW + 1000);
    expect(result.write).toBeUndefined();
  });

  test('waits for a time that was written under a wrong clock no longer than the longest legal delay', () => {
    const tomorrow = aDelivery({ endpointName: 'flags', attempts: 1, nextAttemptTime: at(86_400_000) });
    const { retry } = aView('flags').spec;
    const longest = retry.maxDelaySeconds * 1200;
    const seen = (seenAt: number) =>
      plan({ event: takenUp([tomorrow]), views: [aView('flags')], work: { seenAt } });
    expect(seen(NOW)).toMatchObject({ begin: [], wakeAt: NOW + longest });
    expect(seen(NOW - longest).begin).toHaveLength(1);
  });

  test('says since when its attempts are due, of a delivery that was started over since then', () => {
    const event = takenUp([
      aDelivery({ endpointName: 'again', redeliveries: 1, startTime: at(-500) }),
      aDelivery({ endpointName: 'first', startTime: at(-500) }),
      aDelivery({ endpointName: 'retry', redeliveries: 1, attempts: 1, nextAttemptTime: at(-20) }),
    ]);
    const views = ['again', 'first', 'retry'].map((name) => aView(name));
    expect(plan({ event, views }).begin.map(({ dueAt }) => dueAt)).toEqual([NOW - 500, 0, NOW - 20]);
  });

  test.each([
    [1, 1],
    [5, 5],
    [1000, 200],
  ])('with %d deliveries is looked at again for several that are due soon, after %d ms', (count, delay) => {
    const names = Array.from({ length: count }, (_, index) => `a-${index}`);
    const event = takenUp(
      names.map((endpointName) => aDelivery({ endpointName, attempts: 1, nextAttemptTime: at(1) })),
    );
    expect(plan({ event, views: names.map((name) => aView(name)) }).wakeAt).toBe(NOW + delay);
  });

  test('is not sent on before its turn after a stop, however late it is', () => {
    const event = takenUp([aDelivery({ endpointName: 'late', attempts: 1, nextAttemptTime: at(-60_000) })]);
    const views = [aView('late')];
    const held = plan({ event, views, work: { resumeAt: NOW + 10 } });
    expect([held.begin, held.wakeAt]).toEqual([[], NOW + 10]);
    expect(names(plan({ event, views, work: { resumeAt: NOW } }).begin)).toEqual(['late']);
  });

  test('makes no retry before its failure is written, even where that is due', () => {
    const event = takenUp([aDelivery({ endpointName: 'a' })]);
    const work = { records: recordsOf(aRecord('a', 500, { nextAttemptAt: NOW - 1 })) };
    const result = plan({ event, views: [aView('a')], work });
    expect(result.begin).toEqual([]);
    expect(result.write).toMatchObject({
      at: NOW,
      status: { deliveries: [{ attempts: 1, reason: 'BadStatus', state: 'Pending' }] },
    });
  });

  test('ends Failed with the reason of its last attempt', () => {
    const event = takenUp([aDelivery({ endpointName: 'a', attempts: 3, firstAttemptTime: at(-9000) })]);
    const record = aRecord('a', 500, { attempt: 4, nextAttemptAt: undefined });
    const { write } = plan({ event, views: [aView('a')], work: { records: recordsOf(record) } });
    expect(write?.status).toMatchObject({
      completionTime: at(0),
      deliveries: [{ state: 'Failed', reason: 'BadStatus', attempts: 4, completionTime: at(0) }],
    });
  });

  test('gathers outcomes that arrive together', () => {
    const event = takenUp([aDelivery({ endpointName: 'a' }), aDelivery({ endpointName: 'b' })]);
    const work = {
      records: recordsOf(aRecord('a', 200, { endedAt: NOW - 150 })),
      busy: new Set([uid('uid-b')]),
    };
    expect(plan({ event, views: [aView('a'), aView('b')], work }).write?.at).toBe(NOW + 50);
  });

  test('does not count an outcome twice that is recorded already', () => {
    const event = takenUp([
      aDelivery({ endpointName: 'a', attempts: 1, reason: 'BadStatus', nextAttemptTime: at(9) }),
    ]);
    const result = plan({ event, views: [aView('a')], work: { records: recordsOf(aRecord('a', 500)) } });
    expect(result.write).toBeUndefined();
  });

  test.each<[reason: string, refusal: EndpointView['usability'], want: string]>([
    ['SecretNotFound', { reason: 'SecretNotFound', message: 'no Secret' }, 'SecretNotReady'],
    ['InvalidURL', { reason: 'InvalidURL', message: 'bad' }, 'SecretNotReady'],
    ['URLForbidden', { reason: 'URLForbidden', message: 'forbidden' }, 'URLForbidden'],
  ])('waits where its endpoint is %s, and keeps the last status code', (_reason, usability, want) => {
    const event = takenUp([
      aDelivery({ endpointName: 'a', attempts: 1, reason: 'BadStatus', lastStatusCode: 500 }),
    ]);
    const result = plan({ event, views: [aView('a', { usability })] });
    // Into its lane, which opens once the endpoint can be used.
    expect(names(result.begin)).toEqual(['a']);
    expect(result.write?.status.deliveries).toMatchObject([
      { state: 'Pending', reason: want, lastStatusCode: 500 },
    ]);
  });

  test('writes nothing while it goes on waiting, nor when it ceases to wait', () => {
    const event = takenUp([aDelivery({ endpointName: 'a', reason: 'SecretNotReady', message: 'no Secret' })]);
    const waiting = aView('a', { usability: { reason: 'SecretKeyNotFound', message: 'no key' } });
    const work = { busy: new Set([uid('uid-a')]) };
    expect(plan({ event, views: [waiting], work })).toMatchObject({ write: undefined, begin: [] });
    expect(plan({ event, views: [aView('a')], work })).toMatchObject({ write: undefined, begin: [] });
  });

  const suspended = anEndpoint({ spec: { suspend: true } }).spec;
  const refused = { reason: 'SecretNotFound', message: 'no Secret' } as const;
  const forbidden = { reason: 'URLForbidden', message: 'forbidden' } as const;

  test.each<
    [what: string, view: Partial<EndpointView>, delivery: Partial<Delivery>, want: string | undefined]
  >([
    ['suspended', { spec: suspended }, {}, 'Suspended'],
    ['suspended, in its backoff', { spec: suspended }, { nextAttemptTime: at(1) }, 'Suspended'],
    ['suspended and forbidden', { spec: suspended, usability: forbidden }, {}, 'Suspended'],
    ['suspended and not read yet', { spec: suspended, usability: 'unknown' }, {}, 'Suspended'],
    ['forbidden, and its circuit open', { usability: forbidden, stoppedBy: 'circuit' }, {}, 'URLForbidden'],
    [
      'without its Secret, and its circuit open',
      { usability: refused, stoppedBy: 'circuit' },
      {},
      'SecretNotReady',
    ],
    ['one whose circuit is open', { stoppedBy: 'circuit' }, {}, 'CircuitOpen'],
    ['one whose circuit is open, due', { stoppedBy: 'circuit' }, { nextAttemptTime: at(0) }, 'CircuitOpen'],
    [
      'one whose circuit is open, in its backoff',
      { stoppedBy: 'circuit' },
      { nextAttemptTime: at(1) },
      undefined,
    ],
    ['one that can be used', {}, {}, undefined],
  ])('shows what it waits for where its endpoint is %s', (_what, view, delivery, want) => {
    const event = takenUp([aDelivery({ endpointName: 'a', ...delivery })]);
    const { write } = plan({ event, views: [aView('a', view)] });
    expect(write?.status.deliveries?.[0]?.reason).toBe(want);
    // Once it has been written, it is not written again.
    const written = write ? takenUp(write.status.deliveries ?? []) : event;
    expect(plan({ event: written, views: [aView('a', view)] }).write).toBeUndefined();
  });

  test('shows what it waits for while it is in its lane, and not while it is in flight', () => {
    const event = takenUp([aDelivery({ endpointName: 'a' })]);
    const busy = new Set([uid('uid-a')]);
    const views = [aView('a', { stoppedBy: 'circuit' })];
    expect(plan({ event, views, work: { busy } }).write?.status.deliveries).toMatchObject([
      { reason: 'CircuitOpen' },
    ]);
    expect(plan({ event, views, work: { busy, inFlight: busy } }).write).toBeUndefined();
  });

  test('replaces a reason of waiting by the one that applies now', () => {
    const event = takenUp([aDelivery({ endpointName: 'a', reason: 'CircuitOpen' })]);
    const { write } = plan({ event, views: [aView('a', { spec: suspended, stoppedBy: 'circuit' })] });
    expect(write?.status.deliveries).toMatchObject([{ reason: 'Suspended' }]);
  });

  test('waits in its lane, and shows nothing, while what its endpoint references was not read yet', () => {
    const event = takenUp([aDelivery({ endpointName: 'a' })]);
    const result = plan({ event, views: [aView('a', { usability: 'unknown' })] });
    expect(names(result.begin)).toEqual(['a']);
    expect(result).toMatchObject({ write: undefined, wakeAt: undefined });
  });

  test('reads an endpoint that it does not know before it concludes that it is gone', () => {
    const event = takenUp([
      aDelivery({ endpointName: 'a' }),
      aDelivery({ endpointName: 'b', state: 'Succeeded' }),
    ]);
    const result = plan({ event, views: [] });
    expect(result.verify.map(({ endpointName }) => endpointName)).toEqual(['a']);
    expect(result.write).toBeUndefined();
  });

  test.each<[how: string, scenario: Scenario]>([
    ['a read has shown that', { gone: ['uid-a'] }],
    ['it has a deletionTimestamp', { views: [aView('a', { deleting: true })] }],
  ])('ends Canceled where the endpoint is gone, as %s, and its attempt is aborted', (_how, scenario) => {
    const event = takenUp([aDelivery({ endpointName: 'a', nextAttemptTime: at(9) })]);
    const result = plan({ event, work: { busy: new Set([uid('uid-a')]) }, ...scenario });
    expect(result.abort).toEqual([uid('uid-a')]);
    const [delivery] = result.write?.status.deliveries ?? [];
    expect(delivery).toMatchObject({ state: 'Canceled', reason: 'EndpointDeleted', completionTime: at(0) });
    expect(delivery?.nextAttemptTime).toBeUndefined();
  });

  test('keeps a success that came before its endpoint was deleted', () => {
    const event = takenUp([aDelivery({ endpointName: 'a' })]);
    const result = plan({ event, gone: ['uid-a'], work: { records: recordsOf(aRecord('a', 204)) } });
    expect(result.write?.status.deliveries).toMatchObject([{ state: 'Succeeded' }]);
  });

  test('sends nothing while too many outcomes are unwritten', () => {
    const event = takenUp([aDelivery({ endpointName: 'a' })]);
    expect(plan({ event, views: [aView('a')], mayBegin: false }).begin).toEqual([]);
  });

  test('is written again when its generation has changed', () => {
    const { status } = takenUp([aDelivery({ endpointName: 'a' })]);
    const event = anEvent({ status, metadata: { generation: 2 } });
    const work = { busy: new Set([uid('uid-a')]) };
    expect(plan({ event, views: [aView('a')], work }).write?.status.observedGeneration).toBe(2);
  });
});

describe('a delivery that waits', () => {
  const DAY = 24 * 3_600_000;
  const views = [aView('a', { spec: anEndpoint({ spec: { suspend: true } }).spec })];
  const waiting = (changes: Partial<Delivery> = {}) =>
    takenUp([aDelivery({ endpointName: 'a', reason: 'Suspended', startTime: at(-14 * DAY), ...changes })]);

  test.each<[what: string, delivery: Partial<Delivery>]>([
    ['14 days after its start', {}],
    ['then also where it began to wait just now', { reason: 'BadStatus' }],
    ['where its window has ended by then', { firstAttemptTime: at(-4 * DAY), attempts: 1 }],
  ])('ends Failed, with what it waits for, %s', (_what, delivery) => {
    const busy = new Set([uid('uid-a')]);
    const { write, abort } = plan({
      event: waiting({ nextAttemptTime: at(9), ...delivery }),
      views,
      work: { busy },
    });
    expect(write?.status.completionTime).toBe(at(0));
    expect(write?.status.deliveries).toMatchObject([
      { state: 'Failed', reason: 'Suspended', completionTime: at(0), nextAttemptTime: undefined },
    ]);
    expect(abort).toEqual([uid('uid-a')]);
  });

  test.each<[what: string, scenario: Scenario, wakeAt: number]>([
    ['before', { event: waiting({ startTime: at(1 - 14 * DAY) }), views }, 1],
    [
      'before its window ends, where that is later',
      { event: waiting({ firstAttemptTime: at(1 - 3 * DAY), attempts: 1 }), views },
      1,
    ],
    ['while our clock is not trusted', { event: waiting(), views, mayExpire: false }, 60_000],
  ])('goes on %s, and is looked at again then', (_what, scenario, wakeAt) => {
    const busy = new Set([uid('uid-a')]);
    expect(plan({ ...scenario, work: { busy } })).toMatchObject({
      write: undefined,
      wakeAt: NOW + wakeAt,
    });
  });

  test.each<[what: string, scenario: Scenario]>([
    ['that need not wait any more gets its attempt', { views: [aView('a')] }],
    [
      'whose attempt is in flight',
      { views, work: { busy: new Set([uid('uid-a')]), inFlight: new Set([uid('uid-a')]) } },
    ],
    ['whose endpoint is not known', {}],
  ])('does not end by its age: one %s', (_what, scenario) => {
    expect(plan({ event: waiting(), ...scenario }).write).toBeUndefined();
  });
});

describe('to a receiver that is gone', () => {
  const views = [aView('a', { stoppedBy: 'gone' })];
  const busy = new Set([uid('uid-a')]);
  const pending = takenUp([aDelivery({ endpointName: 'a' })]);
  const failed = { state: 'Failed', reason: 'Gone', completionTime: at(0), nextAttemptTime: undefined };

  test.each<[what: string, scenario: Scenario, attempts: number]>([
    ['one that has had no attempt', { event: pending }, 0],
    ['one that is in its lane', { event: pending, work: { busy } }, 0],
    [
      'one in its backoff',
      { event: takenUp([aDelivery({ endpointName: 'a', attempts: 2, nextAttemptTime: at(9) })]) },
      2,
    ],
    [
      'one that has just been answered 410',
      { event: pending, work: { records: recordsOf(aRecord('a', 410)) } },
      1,
    ],
    ['one of a new event', { takeUp: open(views) }, 0],
    [
      'one that could not be sent otherwise either',
      { event: pending, views: [aView('a', { usability: 'unknown', stoppedBy: 'gone' })] },
      0,
    ],
  ])('a delivery ends Failed at once, without an attempt: %s', (_what, scenario, attempts) => {
    const { begin, write, abort } = plan({ views, ...scenario });
    expect(begin).toEqual([]);
    expect(write).toMatchObject({ at: NOW, status: { deliveries: [{ ...failed, attempts }] } });
    expect(write?.status.conditions?.[0]).toMatchObject({ status: 'False', reason: 'DeliveryFailed' });
    expect(abort).toEqual(scenario.work?.busy ? [uid('uid-a')] : []);
  });

  test('a delivery whose attempt is in flight waits for what comes of it', () => {
    expect(plan({ event: pending, views, work: { busy, inFlight: busy } })).toMatchObject({
      begin: [],
      abort: [],
      write: undefined,
    });
    const { write } = plan({ event: pending, views, work: { records: recordsOf(aRecord('a', 200)) } });
    expect(write?.status.deliveries).toMatchObject([{ state: 'Succeeded', reason: 'Delivered' }]);
  });

  test('a 410 of an older generation is a failure like any other', () => {
    const records = recordsOf(aRecord('a', 410));
    const { write } = plan({ event: pending, views: [aView('a')], work: { records } });
    expect(write?.status.deliveries).toMatchObject([
      { state: 'Pending', reason: 'Gone', lastStatusCode: 410, nextAttemptTime: at(5000) },
    ]);
  });
});

describe('where another event goes first', () => {
  const views = [aView('a')];
  const busy = new Set([uid('uid-a')]);
  const pending = takenUp([aDelivery({ endpointName: 'a' })]);
  const inBackoff = takenUp([
    aDelivery({ endpointName: 'a', attempts: 2, reason: 'Timeout', nextAttemptTime: at(9000) }),
  ]);

  test.each<Turn>(['waits', 'hurries'])(
    'a delivery is not begun and says that it waits: one that %s',
    (turn) => {
      const { begin, abort, write, wakeAt } = plan({ event: pending, views, turn });
      expect({ begin, abort, wakeAt }).toEqual({ begin: [], abort: [], wakeAt: LONGEST_WAIT });
      expect(write).toMatchObject({
        at: NOW,
        status: { deliveries: [{ state: 'Pending', reason: 'WaitingForEarlier' }] },
      });
      expect(write?.status.conditions?.slice(0, 2)).toMatchObject([
        { status: 'Unknown', reason: 'Waiting' },
        { status: 'True', reason: 'Waiting' },
      ]);
    },
  );

  test('one that is in its lane is taken out of it, one in flight goes on', () => {
    expect(plan({ event: pending, views, turn: 'waits', work: { busy } }).abort).toEqual([uid('uid-a')]);
    const inFlight = plan({ event: pending, views, turn: 'waits', work: { busy, inFlight: busy } });
    expect(inFlight).toMatchObject({ abort: [], write: undefined });
  });

  test('one in its backoff says so once it is due', () => {
    expect(plan({ event: inBackoff, views, turn: 'waits' })).toMatchObject({
      write: undefined,
      wakeAt: NOW + 9000,
    });
    const due = plan({ event: inBackoff, views, turn: 'waits', now: NOW + 9000 });
    expect(due).toMatchObject({
      begin: [],
      write: { status: { deliveries: [{ reason: 'WaitingForEarlier', nextAttemptTime: at(9000) }] } },
    });
  });

  test('a circuit that has closed again is not told by itself, one that opens is', () => {
    const told = (reason: string) => takenUp([aDelivery({ endpointName: 'a', reason })]);
    const stopped = [aView('a', { stoppedBy: 'circuit' })];
    expect(plan({ event: told('CircuitOpen'), views, turn: 'waits' }).write).toBeUndefined();
    expect(plan({ event: told('WaitingForEarlier'), views: stopped, turn: 'waits' }).write).toBeDefined();
  });

  test.each<[what: string, turn: Turn, deliveries: EndpointView[], at: number]>([
    ['as usual where it waits', 'waits', views, 3990],
    ['as usual where it waits for other things too', 'waits', [...views, suspendedView('b')], 3990],
    ['at once where it would supersede', 'hurries', views, 0],
  ])('an event is taken up %s', (_what, turn, deliveries, wantedAt) => {
    const work = { seenAt: NOW - 10 };
    const { write } = plan({ views: deliveries, takeUp: open(deliveries), turn, work });
    expect(write?.at).toBe(NOW + wantedAt);
  });

  test('it is not taken up before its list is known, whatever it would supersede', () => {
    expect(plan({ views, takeUp: open(views, { listed: false }), turn: 'hurries' }).write).toBeUndefined();
  });
});

describe('once a later event has superseded it', () => {
  const views = [aView('a')];
  const busy = new Set([uid('uid-a')]);
  const pending = takenUp([aDelivery({ endpointName: 'a' })]);
  const superseded = {
    state: 'Canceled',
    reason: 'Superseded',
    completionTime: at(0),
    nextAttemptTime: undefined,
  };
  const last = { nextAttemptAt: undefined };

  test.each<[what: string, scenario: Scenario]>([
    ['one that was not sent', { event: pending }],
    ['one in its lane', { event: pending, work: { busy } }],
    [
      'one in its backoff',
      { event: takenUp([aDelivery({ endpointName: 'a', attempts: 2, nextAttemptTime: at(9000) })]) },
    ],
    ['one that is suspended', { event: pending, views: [suspendedView()] }],
    ['one whose endpoint can not be used', { event: pending, views: [aView('a', { usability: 'unknown' })] }],
    ['one that waits for the circuit', { event: pending, views: [aView('a', { stoppedBy: 'circuit' })] }],
    ['one of a new event', { takeUp: open(views) }],
    ['one whose attempt has failed', { event: pending, work: { records: recordsOf(aRecord('a', 500)) } }],
    [
      'one whose last attempt has failed',
      { event: pending, work: { records: recordsOf(aRecord('a', 500, last)) } },
    ],
  ])('a delivery ends Canceled: %s', (_what, scenario) => {
    const { begin, abort, write } = plan({ views, turn: 'superseded', ...scenario });
    expect(begin).toEqual([]);
    expect(abort).toEqual(scenario.work?.busy ? [uid('uid-a')] : []);
    expect(write).toMatchObject({ at: NOW, status: { deliveries: [superseded] } });
    expect(write?.status.conditions?.[0]).toMatchObject({ status: 'True', reason: 'Canceled' });
  });

  test('what its last attempt came to is kept', () => {
    const work = { records: recordsOf(aRecord('a', 503)) };
    const { write } = plan({ event: pending, views, turn: 'superseded', work });
    expect(write?.status.deliveries).toMatchObject([{ ...superseded, attempts: 1, lastStatusCode: 503 }]);
  });

  test.each<[what: string, scenario: Scenario, wanted: Partial<Delivery>]>([
    ['one that was delivered', { work: { records: recordsOf(aRecord('a', 200)) } }, { state: 'Succeeded' }],
    [
      'one whose receiver is gone',
      { views: [aView('a', { stoppedBy: 'gone' })] },
      { state: 'Failed', reason: 'Gone' },
    ],
    [
      'one whose receiver has just answered 410',
      { views: [aView('a', { stoppedBy: 'gone' })], work: { records: recordsOf(aRecord('a', 410, last)) } },
      { state: 'Failed', reason: 'Gone' },
    ],
    ['one whose endpoint was deleted', { gone: ['uid-a'] }, { state: 'Canceled', reason: 'EndpointDeleted' }],
  ])('%s ends as it would otherwise', (_what, scenario, wanted) => {
    const { write } = plan({ event: pending, views, turn: 'superseded', ...scenario });
    expect(write?.status.deliveries).toMatchObject([wanted]);
  });

  test('one in flight goes on, and what has ended stays as it is', () => {
    const inFlight = plan({ event: pending, views, turn: 'superseded', work: { busy, inFlight: busy } });
    expect(inFlight).toMatchObject({ abort: [], write: undefined });
    const failed = takenUp([
      aDelivery({ endpointName: 'a', state: 'Failed' }),
      aDelivery({ endpointName: 'b' }),
    ]);
    const both = [...views, aView('b')];
    expect(plan({ event: failed, views: both, turn: 'superseded' }).write?.status.deliveries).toMatchObject([
      { state: 'Failed' },
      superseded,
    ]);
  });
});

function suspendedView(name = 'a'): EndpointView {
  return aView(name, { spec: anEndpoint({ name, spec: { suspend: true } }).spec });
}

test.each([
  ['is being deleted', anEvent({ metadata: { deletionTimestamp: at(0) } })],
  ['has finished', anEvent({ status: { startTime: at(-9), completionTime: at(-1) } })],
])('an event that %s is left alone, and its attempts are aborted', (_what, event) => {
  const work = { busy: new Set([uid('uid-a')]) };
  const result = plan({ event, views: [aView('a')], work });
  expect(result).toMatchObject({ begin: [], deliveries: [], abort: [uid('uid-a')] });
  expect(result.write).toBeUndefined();
});
