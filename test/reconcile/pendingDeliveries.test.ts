import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PendingDeliveries } from '../../src/reconcile/pendingDeliveries.ts';
import { uid } from '../support/fixtures.ts';

const [A, B, C] = [uid('a'), uid('b'), uid('c')];

test('tells whose number has changed', () => {
  const pending = new PendingDeliveries();
  expect(pending.set(uid('1'), 'shop/1', [A, B])).toEqual([A, B]);
  expect(pending.set(uid('1'), 'shop/1', [A, B])).toEqual([]);
  expect(pending.set(uid('1'), 'shop/1', [B, C])).toEqual([A, C]);
  expect(pending.set(uid('1'), 'shop/1', [])).toEqual([B, C]);
  expect(pending.set(uid('1'), 'shop/1', [])).toEqual([]);
});

test('gives the keys of the events that wait for an endpoint', () => {
  const pending = new PendingDeliveries();
  pending.set(uid('1'), 'shop/one', [A, B]);
  pending.set(uid('2'), 'shop/two', [B]);
  expect([...pending.keys(A)]).toEqual(['shop/one']);
  expect([...pending.keys(B)]).toEqual(['shop/one', 'shop/two']);
  expect([...pending.keys(C)]).toEqual([]);
});

test('an event created again under its name is another event', () => {
  const pending = new PendingDeliveries();
  pending.set(uid('1'), 'shop/one', [A]);
  pending.set(uid('2'), 'shop/one', [A]);
  pending.set(uid('1'), 'shop/one', []);
  expect(pending.count(A)).toBe(1);
});

test('whatever is set, counts and size are those of what was set last', () => {
  const events = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.uniqueArray(fc.nat({ max: 4 }))), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(events, (sets) => {
      const pending = new PendingDeliveries();
      const model = new Map<number, number[]>();
      for (const [event, endpoints] of sets) {
        pending.set(
          uid(`${event}`),
          `shop/${event}`,
          endpoints.map((endpoint) => uid(`${endpoint}`)),
        );
        model.set(event, endpoints);
      }
      const counts = [0, 1, 2, 3, 4].map(
        (endpoint) => [...model.values()].filter((endpoints) => endpoints.includes(endpoint)).length,
      );
      expect([0, 1, 2, 3, 4].map((endpoint) => pending.count(uid(`${endpoint}`)))).toEqual(counts);
      expect(pending.size).toBe(counts.reduce((sum, count) => sum + count, 0));
    }),
  );
});
