import { beforeEach, expect, test } from '@jest/globals';
import { FairBacklog, type Waiting } from '../../src/runtime/fairBacklog.ts';

let backlog: FairBacklog<Waiting>;

beforeEach(() => {
  backlog = new FairBacklog();
});

/** Adds items `namespace/0`, … of so many bytes. */
const add = (namespace: string, count: number, bytes: number) => {
  for (let index = 0; index < count; index += 1) backlog.add({ key: `${namespace}/${index}`, bytes });
};

/** Serves so many, and gives their keys. */
const serve = (count: number) => {
  const served: string[] = [];
  for (let next = backlog.next(); next && served.length < count; next = backlog.next()) {
    backlog.serve(next);
    served.push(next.key);
  }
  return served;
};

test('of one namespace, who came first goes first', () => {
  add('a', 3, 10);
  expect(serve(9)).toEqual(['a/0', 'a/1', 'a/2']);
  expect(backlog.next()).toBeUndefined();
});

test('namespaces share the bytes evenly: many small ones go beside a large one', () => {
  add('large', 3, 100);
  add('small', 30, 10);
  const served = serve(13);
  expect(served.filter((key) => key.startsWith('large'))).toEqual(['large/0', 'large/1']);
  expect(served.filter((key) => key.startsWith('small'))).toHaveLength(11);
});

test('one that comes later goes before what others of a large backlog wait for, and owes nothing', () => {
  add('large', 100, 100);
  serve(50);
  add('late', 2, 10);
  expect(serve(3)).toEqual(['late/0', 'late/1', 'large/50']);
});

test('one that waits for nothing in between gains nothing by it', () => {
  add('large', 100, 100);
  const served: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    backlog.add({ key: `other/${round}`, bytes: 100 });
    served.push(...serve(2));
  }
  expect(served.filter((key) => key.startsWith('large'))).toHaveLength(20);
});

test('an item keeps its place when it is added again, and goes when it is deleted', () => {
  add('a', 3, 10);
  backlog.add({ key: 'a/0', bytes: 70 });
  backlog.delete('a/1');
  backlog.delete('nobody');
  expect(backlog.next()?.bytes).toBe(70);
  expect(serve(9)).toEqual(['a/0', 'a/2']);
});

test('nothing is remembered once nothing waits', () => {
  add('a', 1, 1000);
  serve(1);
  add('a', 2, 10);
  add('b', 2, 10);
  expect(serve(2)).toEqual(['a/0', 'b/0']);
});
