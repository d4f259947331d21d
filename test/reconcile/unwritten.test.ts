import { beforeEach, expect, test } from '@jest/globals';
import { Unwritten, type AttemptKind } from '../../src/reconcile/unwritten.ts';

let unwritten: Unwritten;

beforeEach(() => {
  unwritten = new Unwritten();
});

test.each<[outcomes: number, key: string, kind: AttemptKind, held: boolean]>([
  [749, 'shop/event', 'first', false],
  [750, 'shop/event', 'first', true],
  [999, 'other/event', 'first', false],
  [1000, 'other/event', 'first', true],
  [1001, 'other/event', 'first', true],
  [374, 'shop/event', 'retry', false],
  [375, 'shop/event', 'retry', true],
  [499, 'other/event', 'retry', false],
  [500, 'other/event', 'retry', true],
])('with %d outcomes of shop unwritten %s is held for a %s attempt: %p', (outcomes, key, kind, held) => {
  unwritten.add('shop/full', outcomes);
  expect(unwritten.hold(key, kind)).toBe(held);
  expect(unwritten.total).toBe(outcomes);
});

test('what was held is released once, and no more than there is room for', () => {
  unwritten.add('shop/full', 750);
  for (const key of ['shop/a', 'shop/b', 'shop/c', 'shop/a']) unwritten.hold(key, 'first');
  expect(unwritten.release()).toEqual([]);
  unwritten.add('shop/full', -2);
  expect(unwritten.release()).toEqual(['shop/a', 'shop/b']);
  // They may have had nothing to send.
  expect(unwritten.release()).toEqual(['shop/c']);
  expect(unwritten.release()).toEqual([]);
});

test('what was held for a retry is released only once there is room for one', () => {
  unwritten.add('shop/full', 750);
  unwritten.hold('shop/retry', 'retry');
  unwritten.hold('shop/fresh', 'first');
  unwritten.add('shop/full', -375);
  expect(unwritten.release()).toEqual(['shop/fresh']);
  unwritten.add('shop/full', -1);
  expect(unwritten.release()).toEqual(['shop/retry']);
});

test('what another namespace has held is released before what the one that fills it has', () => {
  unwritten.add('shop/full', 1000);
  for (const key of ['shop/a', 'other/a']) unwritten.hold(key, 'first');
  unwritten.add('shop/full', -1);
  expect(unwritten.release()).toEqual(['other/a']);
  unwritten.add('shop/full', -999);
  expect(unwritten.release()).toEqual(['shop/a']);
});

test('what was forgotten is not released', () => {
  unwritten.add('shop/full', 1000);
  for (const kind of ['first', 'retry'] as const) unwritten.hold('shop/a', kind);
  unwritten.forget('shop/a');
  unwritten.add('shop/full', -1000);
  expect(unwritten.release()).toEqual([]);
});
