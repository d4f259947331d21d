import { expect, test } from '@jest/globals';
import type { Age } from '../../src/delivery/age.ts';
import { NewestDelivered } from '../../src/reconcile/newestDelivered.ts';
import { uid } from '../support/fixtures.ts';

const [A, B] = [uid('a'), uid('b')];
const age = (occurredAt: string): Age => ({ createdAt: 0, occurredAt, name: 'x' });

test('the newest that an endpoint got is remembered, in whatever order they came', () => {
  const delivered = new NewestDelivered();
  for (const second of ['2', '3', '1']) delivered.add('line', A, age(second));
  delivered.add('line', B, age('1'));
  delivered.add('other', A, age('0'));
  expect([delivered.get('line', A), delivered.get('line', B), delivered.get('other', A)]).toEqual([
    age('3'),
    age('1'),
    age('0'),
  ]);
  expect(delivered.get('other', B)).toBeUndefined();
  expect(delivered.get('nothing', A)).toBeUndefined();
});

test('of 10,000 order keys, those that were used last; an older event uses its key too', () => {
  const delivered = new NewestDelivered();
  for (let line = 0; line < 10_000; line += 1)
    for (const uids of [A, B]) delivered.add(`${line}`, uids, age('1'));
  delivered.add('0', A, age('0'));
  expect([delivered.get('0', A), delivered.get('1', B), delivered.get('9999', B)]).toEqual([
    age('1'),
    age('1'),
    age('1'),
  ]);
  delivered.add('another', A, age('1'));
  expect([delivered.get('0', A), delivered.get('1', B), delivered.get('2', B)]).toEqual([
    age('1'),
    undefined,
    age('1'),
  ]);
});

test('with very many endpoints fewer order keys', () => {
  const delivered = new NewestDelivered();
  for (let line = 0; line < 21; line += 1) {
    for (let endpoint = 0; endpoint < 10_000; endpoint += 1)
      delivered.add(`${line}`, uid(`${endpoint}`), age('1'));
  }
  const kept = Array.from({ length: 21 }, (_, line) => delivered.get(`${line}`, uid('0')) !== undefined);
  expect(kept).toEqual([false, ...Array.from({ length: 20 }, () => true)]);
});
