import { beforeEach, expect, test } from '@jest/globals';
import { Complaints } from '../src/complaints.ts';
import { ApiError } from '../src/runtime/apiError.ts';
import { FakeClock } from './support/fakeClock.ts';

let clock: FakeClock;
let said: Readonly<Record<string, unknown>>[];
let complaints: Complaints;

beforeEach(() => {
  clock = new FakeClock();
  said = [];
  complaints = new Complaints(clock, (fields) => said.push(fields));
});

const forbidden = (name: string) => new ApiError(403, 'Forbidden', `flagevents "${name}" is forbidden`);

test('of what fails alike for many objects one is told, in full', () => {
  for (const name of ['a', 'b', 'c']) complaints.about('write', forbidden(name), { key: `shop/${name}` });
  expect(said).toEqual([
    { key: 'shop/a', doing: 'write', error: 'ApiError', message: 'flagevents "a" is forbidden' },
  ]);
});

test('after a minute it is told again, with how many were left out since', async () => {
  for (const name of ['a', 'b', 'c']) complaints.about('write', forbidden(name), { key: name });
  await clock.advance(59_999);
  complaints.about('write', forbidden('d'), { key: 'd' });
  await clock.advance(1);
  complaints.about('write', forbidden('e'), { key: 'e' });
  expect(said.map(({ key, alikeLeftOut }) => [key, alikeLeftOut])).toEqual([
    ['a', undefined],
    ['e', 3],
  ]);
});

test.each<[what: string, doing: string, error: unknown]>([
  ['another thing', 'read', forbidden('a')],
  ['by another status', 'write', new ApiError(500, 'InternalError', 'no')],
  ['by another error', 'write', new Error('no')],
  ['with another reason', 'write', new ApiError(403, 'Invalid', 'no')],
])('a failure to do %s is told beside it', (_what, doing, error) => {
  complaints.about('write', forbidden('a'), { key: 'a' });
  complaints.about(doing, error, { key: 'a' });
  expect(said).toHaveLength(2);
});

test('what differs each time is not remembered without an end', () => {
  for (let index = 0; index < 200; index += 1) complaints.about('write', new Error(String(index)), {});
  complaints.about('write', new Error('0'), {});
  complaints.about('write', new Error('199'), {});
  expect(said).toHaveLength(201);
});
