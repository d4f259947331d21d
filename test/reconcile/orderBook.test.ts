import { describe, expect, test } from '@jest/globals';
import type { Delivery, FlagEvent } from '../../src/api/flagEvent.ts';
import type { Ordering } from '../../src/delivery/order.ts';
import { OrderBook } from '../../src/reconcile/orderBook.ts';
import { withoutPayload } from '../../src/reconcile/preparedEvents.ts';
import { aFlagUpdated, aFlagWithState, anAuditLog } from '../support/eventSpec.ts';
import { aDelivery, anEvent, uid } from '../support/fixtures.ts';

const A = uid('uid-a');
const second = (name: string) => new Date(Date.UTC(2026, 10, 25) + 1000 * Number(name)).toISOString();
const specAt = (name: string) => aFlagUpdated({ timestamp: second(name) });

/** A book of events that happened at the second that their name says, all of one feature and for endpoint a. */
class Desk {
  readonly #spec: { ordering: Ordering } = { ordering: 'PerFeature' };
  readonly woken: string[] = [];
  readonly book = new OrderBook({
    registry: { get: () => ({ spec: this.#spec }) },
    wake: (key) => this.woken.push(key.replace('shop/', '')),
  });

  set ordering(ordering: Ordering) {
    this.#spec.ordering = ordering;
  }

  see(name: string, { spec = specAt(name), ...event }: Partial<FlagEvent> = {}): void {
    this.book.see(withoutPayload({ ...anEvent({ name }), ...event, spec }));
  }

  /** Plans an event: where it goes is known. */
  plan(
    name: string,
    {
      takenUp = false,
      listed = true,
      ...delivery
    }: Partial<Delivery> & { takenUp?: boolean; listed?: boolean } = {},
  ): void {
    const deliveries = [aDelivery({ endpointName: 'a', ...delivery })];
    this.book.update(uid(`uid-${name}`), { listed, takenUp, deliveries });
  }

  turn(name: string): string {
    return this.book.turn(uid(`uid-${name}`), A);
  }

  begin(name: string): boolean {
    return this.book.begin(uid(`uid-${name}`), A);
  }

  end(name: string, isDelivered = true): void {
    this.book.end(uid(`uid-${name}`), A, isDelivered);
  }

  remove(name: string): void {
    this.book.remove(uid(`uid-${name}`));
  }

  takeWoken(): string[] {
    return this.woken.splice(0);
  }
}

function aDesk(names: readonly string[], ordering: Ordering = 'PerFeature'): Desk {
  const desk = new Desk();
  desk.ordering = ordering;
  for (const name of names) desk.see(name);
  for (const name of names) desk.plan(name);
  desk.takeWoken();
  return desk;
}

describe('who waits for whom', () => {
  test('later events wait from the moment on when an earlier one is seen', () => {
    const desk = new Desk();
    desk.see('2');
    desk.plan('2');
    expect(desk.turn('2')).toBe('free');
    desk.see('1');
    expect([desk.turn('1'), desk.turn('2')]).toEqual(['free', 'waits']);
  });

  test.each<[what: string, event: Partial<FlagEvent>]>([
    ['of another feature', { spec: aFlagWithState({ feature: { id: 99, name: 'x' } }) }],
    ['of another namespace', { metadata: { ...anEvent({ name: '1' }).metadata, namespace: 'other' } }],
    ['that is no FLAG_UPDATED', { spec: anAuditLog() }],
    [
      'that is being deleted',
      { metadata: anEvent({ name: '1', metadata: { deletionTimestamp: second('1') } }).metadata },
    ],
    [
      'that has finished',
      {
        status: {
          startTime: second('1'),
          completionTime: second('1'),
          deliveries: [aDelivery({ endpointName: 'a' })],
        },
      },
    ],
    [
      'that goes elsewhere',
      { status: { startTime: second('1'), deliveries: [aDelivery({ endpointName: 'b' })] } },
    ],
  ])('an earlier event %s does not hold later ones', (_what, event) => {
    const desk = new Desk();
    desk.see('2');
    desk.see('1', event);
    expect(desk.turn('2')).toBe('free');
    desk.see('0');
    expect(desk.turn('2')).toBe('waits');
  });

  test('events that the process does not know are free', () => {
    const desk = new Desk();
    expect([desk.turn('1'), desk.begin('1')]).toEqual(['free', true]);
    desk.end('1');
    expect(desk.woken).toEqual([]);
  });

  test('what was taken up before the start holds as its status says', () => {
    const desk = new Desk();
    const status = (delivery: Partial<Delivery>) => ({
      startTime: second('0'),
      deliveries: [aDelivery({ endpointName: 'a', ...delivery })],
    });
    desk.see('1', { status: status({ state: 'Succeeded' }) });
    desk.see('2', { status: status({}) });
    desk.see('3', { status: status({ redeliveries: 1 }) });
    expect(['1', '2', '3'].map((name) => desk.turn(name))).toEqual(['free', 'free', 'free']);
    desk.see('4');
    expect(desk.turn('4')).toBe('waits');
    desk.plan('2', { state: 'Failed', takenUp: true });
    expect(desk.turn('4')).toBe('free');
  });

  test('that somebody else has taken an event up is seen, what is known of it by then stays', () => {
    const desk = aDesk(['1', '2'], 'LatestPerFeature');
    const status = { startTime: second('0'), deliveries: [aDelivery({ endpointName: 'a' })] };
    desk.see('2', { status });
    expect(desk.takeWoken()).toEqual(['1']);
    desk.plan('2', { state: 'Failed', takenUp: true });
    desk.see('2', { status });
    desk.see('3');
    expect(desk.turn('3')).toBe('hurries');
    desk.plan('1', { state: 'Canceled' });
    expect(desk.turn('3')).toBe('free');
  });

  test('one created again under the same name stands beside the former one until that is gone', () => {
    const desk = aDesk(['1', '2']);
    const again = anEvent({ name: '1', metadata: { uid: uid('uid-again') } });
    desk.see('1', { metadata: again.metadata });
    desk.remove('1');
    expect(desk.turn('2')).toBe('waits');
    desk.book.remove(uid('uid-again'));
    expect(desk.turn('2')).toBe('free');
  });
});

describe('who is woken', () => {
  test('an end wakes the next alone, delivered or not', () => {
    const desk = aDesk(['1', '2', '3', '4']);
    expect(desk.begin('1')).toBe(true);
    desk.end('1');
    expect(desk.takeWoken()).toEqual(['2']);
    expect(desk.turn('2')).toBe('free');
    desk.plan('1', { state: 'Succeeded' });
    desk.remove('1');
    desk.plan('2');
    expect(desk.takeWoken()).toEqual([]);
    desk.plan('2', { state: 'Failed' });
    expect(desk.takeWoken()).toEqual(['3']);
  });

  test('that an attempt has failed lets nobody go', () => {
    const desk = aDesk(['1', '2']);
    desk.begin('1');
    desk.end('1', false);
    expect(desk.turn('2')).toBe('waits');
  });

  test('an event that is gone wakes who waited for it', () => {
    const desk = aDesk(['1', '2', '3']);
    desk.remove('2');
    expect(desk.takeWoken()).toEqual(['3']);
    expect(desk.turn('3')).toBe('waits');
    desk.plan('3');
    desk.remove('1');
    expect(desk.takeWoken()).toEqual(['3']);
    expect(desk.turn('3')).toBe('free');
  });

  test('that an event goes elsewhere wakes who waited to know', () => {
    const desk = new Desk();
    desk.see('1');
    desk.see('2');
    desk.plan('2');
    expect(desk.turn('2')).toBe('waits');
    desk.plan('1', { endpointName: 'b', listed: false });
    expect(desk.takeWoken()).toEqual([]);
    desk.plan('1', { endpointName: 'b' });
    expect(desk.takeWoken()).toEqual(['2']);
    expect(desk.turn('2')).toBe('free');
  });

  test('nothing waits for what has ended before it looked', () => {
    const desk = aDesk(['1', '2']);
    desk.plan('2', { state: 'Canceled' });
    desk.plan('1', { state: 'Succeeded' });
    desk.remove('1');
    expect(desk.woken).toEqual([]);
  });
});

describe('one that arrives late', () => {
  test('waits for the end of what is in flight, then goes next', () => {
    const desk = aDesk(['2', '3']);
    expect(desk.begin('2')).toBe(true);
    desk.see('1');
    desk.plan('1');
    expect([desk.turn('1'), desk.begin('1')]).toEqual(['waits', false]);
    desk.end('2', false);
    expect(desk.takeWoken().toSorted()).toEqual(['1', '3']);
    expect(['1', '2', '3'].map((name) => desk.turn(name))).toEqual(['free', 'waits', 'waits']);
    expect([desk.begin('2'), desk.begin('1')]).toEqual([false, true]);
  });

  test('does not wait for what is gone', () => {
    const desk = aDesk(['2']);
    desk.begin('2');
    desk.see('1');
    desk.plan('1');
    desk.remove('2');
    expect(desk.takeWoken()).toEqual(['1']);
    expect(desk.begin('1')).toBe(true);
  });

  test('waits for no redelivery in flight', () => {
    const desk = aDesk(['2']);
    desk.plan('2', { redeliveries: 1, takenUp: true });
    desk.begin('2');
    desk.see('1');
    desk.plan('1');
    expect(desk.begin('1')).toBe(true);
  });

  test('is superseded where something newer was delivered, also once that is gone', () => {
    const desk = aDesk(['2'], 'LatestPerFeature');
    desk.begin('2');
    desk.see('1');
    desk.plan('1');
    desk.end('2');
    expect(desk.takeWoken()).toContain('1');
    desk.remove('2');
    expect([desk.turn('1'), desk.begin('1')]).toEqual(['superseded', false]);
    desk.see('3');
    expect(desk.turn('3')).toBe('hurries');
  });

  test('is not superseded by what was not delivered and is gone', () => {
    const desk = aDesk(['2'], 'LatestPerFeature');
    desk.begin('2');
    desk.end('2', false);
    desk.plan('2', { state: 'Failed', takenUp: true });
    desk.remove('2');
    desk.see('1');
    expect(desk.turn('1')).toBe('free');
  });
});

describe('LatestPerFeature', () => {
  test('a take-up wakes the earlier ones back to the last that was taken up', () => {
    const desk = aDesk(['1', '2', '3', '4', '5'], 'LatestPerFeature');
    desk.plan('2', { takenUp: true });
    expect(desk.takeWoken()).toEqual(['1']);
    desk.plan('1', { state: 'Canceled' });
    desk.takeWoken();
    desk.plan('5', { takenUp: true });
    expect(desk.takeWoken()).toEqual(['4', '3', '2']);
    expect(['2', '3', '4', '5'].map((name) => desk.turn(name))).toEqual([
      'superseded',
      'superseded',
      'superseded',
      'hurries',
    ]);
    desk.plan('5', { takenUp: true });
    expect(desk.takeWoken()).toEqual([]);
  });

  test('a delivery wakes a redelivery of something earlier, which it supersedes', () => {
    const desk = aDesk(['2'], 'LatestPerFeature');
    desk.see('1', {
      status: { startTime: second('0'), deliveries: [aDelivery({ endpointName: 'a', redeliveries: 1 })] },
    });
    expect([desk.turn('1'), desk.turn('2')]).toEqual(['free', 'free']);
    desk.begin('2');
    desk.end('2');
    expect(desk.takeWoken()).toEqual(['1']);
    expect(desk.turn('1')).toBe('superseded');
  });

  test('one that waits hurries as soon as nothing is in flight', () => {
    const desk = aDesk(['1', '2', '3'], 'LatestPerFeature');
    desk.begin('1');
    expect([desk.turn('2'), desk.turn('3')]).toEqual(['waits', 'waits']);
    desk.end('1', false);
    expect(desk.takeWoken()).toEqual(['2']);
    expect(desk.turn('2')).toBe('hurries');
  });

  test('what was delivered under another ordering counts once it is the latest that is wanted, but not under None', () => {
    const desk = aDesk(['1', '2', '3']);
    desk.plan('2', { redeliveries: 1 });
    desk.begin('2');
    desk.end('2');
    desk.ordering = 'LatestPerFeature';
    expect([desk.turn('1'), desk.turn('3')]).toEqual(['superseded', 'hurries']);
    desk.ordering = 'None';
    expect([desk.turn('1'), desk.begin('3')]).toEqual(['free', true]);
    desk.end('3');
    desk.ordering = 'LatestPerFeature';
    expect(desk.turn('3')).toBe('hurries');
  });
});

describe('10,000 events of one feature', () => {
  const EVENTS = Array.from({ length: 10_000 }, (_, index) => `${index}`);

  /** Plans whoever is woken until nobody is, as the queue does, and counts how often; each that may go is delivered. */
  function run(desk: Desk, state: (name: string) => Delivery['state']): { looks: number; order: string[] } {
    const order: string[] = [];
    let looks = 0;
    for (let woken = desk.takeWoken(); woken.length > 0; woken = desk.takeWoken()) {
      for (const name of new Set(woken)) {
        looks += 1;
        const turn = desk.turn(name);
        if (turn === 'superseded') {
          desk.plan(name, { state: 'Canceled' });
          desk.remove(name);
        } else if (turn === 'free' && desk.begin(name)) {
          order.push(name);
          desk.end(name, state(name) === 'Succeeded');
          desk.plan(name, { state: state(name) });
          desk.remove(name);
        } else desk.plan(name);
      }
    }
    return { looks, order };
  }

  test('that arrive in order are looked at twice each at most, and go in order', () => {
    const desk = aDesk(EVENTS);
    desk.woken.push('0');
    const { looks, order } = run(desk, (name) => (Number(name) % 3 === 0 ? 'Failed' : 'Succeeded'));
    expect(order).toEqual(EVENTS);
    expect(looks).toBeLessThanOrEqual(2 * EVENTS.length);
  });

  test('that arrive the other way round are looked at three times each at most, and go in order', () => {
    const desk = new Desk();
    desk.see('0');
    desk.plan('0');
    for (const name of EVENTS.slice(1).toReversed()) {
      desk.see(name);
      desk.plan(name);
    }
    desk.woken.push('0');
    const { looks, order } = run(desk, () => 'Succeeded');
    expect(order).toEqual(EVENTS);
    expect(looks).toBeLessThanOrEqual(3 * EVENTS.length);
  });

  test('of which the last is taken up are looked at once each, and it alone goes', () => {
    const desk = aDesk(EVENTS, 'LatestPerFeature');
    desk.plan('9999', { takenUp: true });
    const { looks, order } = run(desk, () => 'Succeeded');
    expect(order).toEqual(['9999']);
    expect(looks).toBeLessThanOrEqual(2 * EVENTS.length);
  });

  test('that come and go behind one that stays leave nothing behind', () => {
    const desk = aDesk(['0']);
    for (const name of EVENTS.slice(1)) {
      desk.see(name);
      desk.plan(name);
      desk.remove(name);
    }
    desk.plan('0', { state: 'Succeeded' });
    expect(desk.woken).toEqual([]);
  });
});
