import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ResourceVersion } from '../../src/api/objectMeta.ts';
import { Expiries, type Expiring } from '../../src/reconcile/expiries.ts';
import { uid } from '../support/fixtures.ts';

const event = (name: string, version = '1'): Expiring => ({
  namespace: 'shop',
  name,
  uid: uid(`uid-${name}`),
  resourceVersion: version as ResourceVersion,
});

let expiries: Expiries;
beforeEach(() => {
  expiries = new Expiries(3);
});

const due = (now: number): string[] => {
  const names = [];
  for (let one = expiries.takeDue(now); one; one = expiries.takeDue(now))
    names.push(`${one.name}@${one.resourceVersion}`);
  return names;
};

describe('expiries', () => {
  test('come once, the earliest first, from their moment on', () => {
    expiries.set(event('b'), 20);
    expiries.set(event('c'), 30);
    expiries.set(event('a'), 10);
    expect(due(9)).toEqual([]);
    expect(due(20)).toEqual(['a@1', 'b@1']);
    expect(due(29)).toEqual([]);
    expect(due(30)).toEqual(['c@1']);
    expect(due(1000)).toEqual([]);
  });

  test.each([
    ['earlier', 5],
    ['later', 20],
  ])('count as they were set last, %s too', (_, at) => {
    expiries.set(event('a', '1'), 10);
    expiries.set(event('a', '2'), at);
    expect(due(at - 1)).toEqual([]);
    expect(due(100)).toEqual(['a@2']);
  });

  test('that are set again as they are take no room', () => {
    for (let times = 0; times < 5; times += 1) expiries.set(event('a'), 10);
    expiries.set(event('b'), 10);
    expect(due(10)).toEqual(['a@1', 'b@1']);
  });

  test('that do not fit in are left out, until there is room again', () => {
    for (const name of ['a', 'b', 'c', 'd']) expiries.set(event(name), 10);
    expect(due(10).toSorted()).toEqual(['a@1', 'b@1', 'c@1']);
    expiries.set(event('d'), 10);
    expect(due(10)).toEqual(['d@1']);
  });

  test('keep nothing of the event but what a delete names', () => {
    expiries.set({ ...event('a'), labels: { team: 'shop' } } as Expiring, 10);
    expect(expiries.takeDue(10)).toEqual(event('a'));
  });
});
