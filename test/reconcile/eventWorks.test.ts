import { beforeEach, describe, expect, test } from '@jest/globals';
import { EventWorks } from '../../src/reconcile/eventWorks.ts';
import { anAttempt } from '../support/anAttempt.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aDelivery, uid } from '../support/fixtures.ts';

const EVENT = uid('event');
let works: EventWorks;

const fill = (outcomes: number) => {
  const work = works.open('shop/full', uid('full'), 0);
  for (let index = 0; index < outcomes; index += 1) {
    works.record(work.uid, anAttempt({ endpointUID: uid(`endpoint-${index}`) }));
  }
  return work;
};

beforeEach(() => {
  works = new EventWorks();
});

describe('the outbox', () => {
  test.each([
    ['the delivery has the attempt', { attempts: 1 }, 0],
    ['the delivery has a later attempt', { attempts: 2 }, 0],
    ['the delivery has ended', { state: 'Canceled' as const, attempts: 0 }, 0],
    ['the delivery lacks the attempt', { attempts: 0 }, 1],
    ['the delivery has no attempts', { attempts: undefined }, 1],
    ['the delivery is to another endpoint', { endpointName: 'other', attempts: 1 }, 1],
  ])('an outcome is kept until it is written: where %s', (_what, changes, unwritten) => {
    const work = works.open('shop/event', EVENT, 0);
    works.record(EVENT, anAttempt());
    works.settle(work, [aDelivery(changes)]);
    expect(works.unwritten).toBe(unwritten);
    expect(work.records.size).toBe(unwritten);
  });

  test('an outcome that came before the last one was written is no reason to lose the first', () => {
    const work = works.open('shop/event', EVENT, 0);
    works.record(EVENT, anAttempt());
    works.record(EVENT, anAttempt({ attempt: 2, statusCode: 500 }));
    expect([...work.records.values()]).toEqual([anAttempt()]);
    expect(works.unwritten).toBe(1);
  });

  test('outcomes of an event that is gone are dropped, also those that come later', () => {
    fill(3);
    works.forget(uid('full'));
    works.record(uid('full'), anAttempt());
    expect(works.unwritten).toBe(0);
    expect(works.forget(uid('full'))).toBeUndefined();
  });

  test('an outcome that is found written after its event was let go of counts once', () => {
    fill(1);
    const work = works.open('shop/event', EVENT, 0);
    works.record(EVENT, anAttempt());
    works.forget(EVENT);
    works.settle(work, [aDelivery({ attempts: 1 })]);
    expect(works.unwritten).toBe(1);
  });

  test('settling twice counts once', () => {
    const work = works.open('shop/event', EVENT, 0);
    fill(1);
    works.record(EVENT, anAttempt());
    works.settle(work, [aDelivery({ attempts: 1 })]);
    works.settle(work, [aDelivery({ attempts: 1 })]);
    expect(works.unwritten).toBe(1);
  });
});

test.each([
  ['of before a delivery was started over is recorded', 1, { attempts: 0 }, 0],
  ['since then is not', 0, { redeliveries: 1, attempts: 0 }, 1],
  ['since then is not, although it had ended before', 0, { state: 'Failed', attempts: 3 }, 1],
] as const)('an outcome %s', (_what, startedOver, delivery, unwritten) => {
  const work = works.open('shop/event', EVENT, 0);
  works.record(EVENT, anAttempt({ redeliveries: unwritten }));
  works.settle(work, [aDelivery({ redeliveries: startedOver, ...delivery })]);
  expect(works.unwritten).toBe(unwritten);
});

describe('works', () => {
  test('an event has one, from the first time that it was seen', () => {
    const work = works.open('shop/event', EVENT, 5);
    expect(works.open('shop/event', EVENT, 9)).toBe(work);
    expect(work.seenAt).toBe(5);
    expect(works.get(EVENT)).toBe(work);
    expect([...works.all()]).toEqual([work]);
  });

  test('an event created again under its name has another', () => {
    const work = works.open('shop/event', EVENT, 5);
    expect(works.open('shop/event', uid('again'), 9)).not.toBe(work);
  });
});

describe('holding', () => {
  test('an event that was held is released once outcomes of another are written, or dropped with it', () => {
    const work = fill(750);
    for (const key of ['shop/a', 'shop/b']) works.hold(key, 'first');
    works.settle(work, [recorded(0)]);
    expect(works.release()).toEqual(['shop/a']);
    works.forget(uid('full'));
    expect(works.release()).toEqual(['shop/b']);
  });

  test('an event that is gone is not released', () => {
    fill(1000);
    works.open('shop/event', EVENT, 0);
    works.hold('shop/event', 'first');
    works.forget(EVENT);
    works.forget(uid('full'));
    expect(works.release()).toEqual([]);
  });
});

describe('settled', () => {
  test('resolves at once where everything is written', async () => {
    const clock = new FakeClock();
    await works.settled(clock, 1000);
    expect(clock.timers).toBe(0);
  });

  test.each<[what: string, write: () => void]>([
    ['written', () => works.settle(works.open('', uid('full'), 0), [0, 1].map(recorded))],
    ['dropped with its event', () => works.forget(uid('full'))],
  ])('resolves once the last outcome is %s, and leaves no timer', async (_what, write) => {
    const clock = new FakeClock();
    const work = fill(2);
    let done = false;
    const settled = works.settled(clock, 1000).then(() => (done = true));
    works.settle(work, [recorded(0)]);
    await clock.advance(999);
    expect(done).toBe(false);
    write();
    await settled;
    expect(clock.timers).toBe(0);
  });

  test('gives up after the time that it is given', async () => {
    const clock = new FakeClock();
    fill(1);
    let done = false;
    const settled = works.settled(clock, 1000).then(() => (done = true));
    await clock.advance(999);
    expect(done).toBe(false);
    await clock.advance(1);
    await settled;
    expect(works.unwritten).toBe(1);
  });
});

function recorded(index: number) {
  return aDelivery({ endpointName: `e${index}`, endpointUID: uid(`endpoint-${index}`), attempts: 1 });
}
