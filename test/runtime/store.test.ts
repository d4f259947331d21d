import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Change, Store } from '../../src/runtime/store.ts';
import { aStoredObject as object, type StoredObject } from '../support/storedObject.ts';

let store: Store<StoredObject>;
let changes: string[];
let doubts: number;

const describeChange = (change: Change<StoredObject>): string =>
  change.type === 'updated'
    ? `updated ${change.previous.value} to ${change.object.value}`
    : `${change.type} ${change.object.value}`;

const list = (...objects: StoredObject[]): void => store.beginReplace().finish(objects);
const modified = (uid: string, version: string): void =>
  store.apply({ type: 'MODIFIED', object: object(uid, version) });
const deleted = (uid: string, version: string): void =>
  store.apply({ type: 'DELETED', object: object(uid, version) });
const shown = (uid = 'a'): string | undefined => store.getByUid(uid)?.value;

beforeEach(() => {
  store = new Store();
  doubts = 0;
  changes = [];
  store.onDoubt(() => (doubts += 1));
  store.subscribe((change) => changes.push(describeChange(change)));
});

describe('what the watch shows', () => {
  test('is found by name, UID and namespace', () => {
    list(object('a', '1'), object('b', '2', 'b', 'bank'));
    store.apply({ type: 'ADDED', object: object('c', '3') });
    expect(store.get('shop', 'a')?.value).toBe('a@1');
    expect(store.get('bank', 'a')).toBeUndefined();
    expect(store.getByUid('b')?.value).toBe('b@2');
    expect(store.list('shop').map(({ value }) => value)).toEqual(['a@1', 'c@3']);
    expect(store.list('nowhere')).toEqual([]);
    expect(store.all().map(({ value }) => value)).toEqual(['a@1', 'b@2', 'c@3']);
    expect(store.size).toBe(3);
  });

  test('is told to listeners, once for each change', () => {
    list(object('a', '1'), object('b', '2'));
    modified('a', '3');
    modified('a', '3');
    deleted('b', '4');
    deleted('b', '4');
    list(object('a', '3'), object('c', '5'));
    list(object('a', '6'));
    expect(changes).toEqual([
      'added a@1',
      'added b@2',
      'updated a@1 to a@3',
      'deleted b@2',
      'added c@5',
      'deleted c@5',
      'updated a@3 to a@6',
    ]);
  });

  test('is complete when listeners hear of a list', () => {
    list(object('a', '1'), object('b', '2'));
    const sizes: number[] = [];
    store.subscribe(() => sizes.push(store.size));
    list(object('c', '3'), object('d', '4'), object('e', '5'));
    expect(sizes).toEqual([3, 3, 3, 3, 3]);
  });

  test('is another object once it is deleted and created again under its name', () => {
    list(object('a', '1', 'name'));
    store.apply({ type: 'DELETED', object: object('a', '2', 'name') });
    store.apply({ type: 'ADDED', object: object('b', '3', 'name') });
    expect(store.get('shop', 'name')?.value).toBe('b@3');
    expect(store.getByUid('a')).toBeUndefined();
  });

  test('replaces an object of the same name whose deletion was missed', () => {
    list(object('a', '1', 'name'));
    list(object('b', '3', 'name'));
    store.apply({ type: 'ADDED', object: object('c', '4', 'name') });
    store.apply({ type: 'DELETED', object: object('b', '5', 'name') });
    expect(store.get('shop', 'name')?.value).toBe('c@4');
    expect(changes).toEqual(['added a@1', 'deleted a@1', 'added b@3', 'deleted b@3', 'added c@4']);
  });

  test('is no longer told to a listener that has left', () => {
    const heard: string[] = [];
    const leave = store.subscribe((change) => heard.push(change.type));
    list(object('a', '1'));
    leave();
    list();
    expect(heard).toEqual(['added']);
  });
});

describe('the answer of a write', () => {
  beforeEach(() => {
    list(object('a', '1'));
    changes = [];
  });

  test('is shown until the watch shows its version', () => {
    const write = store.beginWrite('a');
    expect(shown()).toBe('a@1');
    write.acknowledge(object('a', '5'));
    expect(shown()).toBe('a@5');
    modified('a', '5');
    modified('a', '6');
    expect(shown()).toBe('a@6');
    expect(changes).toEqual(['updated a@1 to a@5', 'updated a@5 to a@6']);
  });

  test('hides what the watch shows from before it', () => {
    store.beginWrite('a').acknowledge(object('a', '5'));
    modified('a', '3');
    modified('a', '4');
    expect(shown()).toBe('a@5');
    modified('a', '5');
    expect(shown()).toBe('a@5');
    expect(changes).toEqual(['updated a@1 to a@5']);
  });

  test('comes after the watch has shown its version', () => {
    const write = store.beginWrite('a');
    modified('a', '5');
    write.acknowledge(object('a', '5'));
    modified('a', '6');
    expect(shown()).toBe('a@6');
  });

  test('comes after the watch has shown newer versions', () => {
    const write = store.beginWrite('a');
    modified('a', '5');
    modified('a', '6');
    write.acknowledge(object('a', '5'));
    expect(shown()).toBe('a@6');
    modified('a', '7');
    expect(shown()).toBe('a@7');
  });

  test('that changed nothing lays nothing over what is there', () => {
    const write = store.beginWrite('a');
    modified('a', '2');
    write.acknowledge(object('a', '1'));
    expect(shown()).toBe('a@2');
  });

  test('ends with the next write, whatever the watch shows of the first', () => {
    store.beginWrite('a').acknowledge(object('a', '5'));
    const second = store.beginWrite('a');
    modified('a', '4');
    second.acknowledge(object('a', '6'));
    modified('a', '5');
    expect(shown()).toBe('a@6');
    modified('a', '6');
    modified('a', '7');
    expect(shown()).toBe('a@7');
  });

  test('ends when the object is deleted', () => {
    store.beginWrite('a').acknowledge(object('a', '5'));
    deleted('a', '9');
    expect(shown()).toBeUndefined();
    expect(store.get('shop', 'a')).toBeUndefined();
    expect(changes).toEqual(['updated a@1 to a@5', 'deleted a@5']);
  });

  test('ends when it made the object leave the selection, whichever comes first', () => {
    store.beginWrite('a').acknowledge(object('a', '5'));
    deleted('a', '5');
    expect(shown()).toBeUndefined();
    store.apply({ type: 'ADDED', object: object('a', '6') });
    const write = store.beginWrite('a');
    deleted('a', '7');
    write.acknowledge(object('a', '7'));
    expect(shown()).toBeUndefined();
    store.apply({ type: 'ADDED', object: object('a', '8') });
    expect(shown()).toBe('a@8');
    expect(doubts).toBe(0);
  });

  test('does not show what the watch has removed, nor what it never showed', () => {
    const write = store.beginWrite('a');
    deleted('a', '4');
    write.acknowledge(object('a', '3'));
    store.beginWrite('z').acknowledge(object('z', '5'));
    expect(store.all()).toEqual([]);
  });

  test('is not gone back on when the object left the selection before it and comes back', () => {
    store.beginWrite('a').acknowledge(object('a', '5'));
    deleted('a', '3');
    expect(shown()).toBeUndefined();
    store.apply({ type: 'ADDED', object: object('a', '4') });
    expect(shown()).toBe('a@5');
    expect(doubts).toBe(1);
    list(object('a', '6'));
    expect(shown()).toBe('a@6');
  });

  test('of another object under the same name does not touch the new one', () => {
    const write = store.beginWrite('a');
    deleted('a', '6');
    store.apply({ type: 'ADDED', object: object('b', '7', 'a') });
    write.acknowledge(object('a', '5'));
    expect(store.get('shop', 'a')?.value).toBe('b@7');
  });

  test('changes nothing where the write failed', () => {
    const write = store.beginWrite('a');
    modified('a', '2');
    write.abandon();
    modified('a', '3');
    expect(shown()).toBe('a@3');
  });
});

describe('a list', () => {
  beforeEach(() => list(object('a', '1')));

  test('that began after the answer ends the overlay', () => {
    store.beginWrite('a').acknowledge(object('a', '5'));
    list(object('a', '7'));
    expect(shown()).toBe('a@7');
    modified('a', '8');
    expect(shown()).toBe('a@8');
  });

  test('that began after the answer and lacks the object removes it', () => {
    store.beginWrite('a').acknowledge(object('a', '5'));
    list();
    expect(shown()).toBeUndefined();
  });

  test('that began before the write and ends after it does not bring back the old version', () => {
    const replacement = store.beginReplace();
    store.beginWrite('a').acknowledge(object('a', '5'));
    replacement.finish([object('a', '1')]);
    expect(shown()).toBe('a@5');
    expect(doubts).toBe(0);
    modified('a', '5');
    modified('a', '6');
    expect(shown()).toBe('a@6');
  });

  test('that began before the answer and has its version ends the overlay', () => {
    const replacement = store.beginReplace();
    store.beginWrite('a').acknowledge(object('a', '5'));
    replacement.finish([object('a', '5')]);
    modified('a', '6');
    expect(shown()).toBe('a@6');
  });

  test('that began before the answer and lacks the object removes it', () => {
    const replacement = store.beginReplace();
    store.beginWrite('a').acknowledge(object('a', '5'));
    replacement.finish([]);
    expect(shown()).toBeUndefined();
  });

  test('that began before the answer and has an unknown version keeps the overlay and asks for another', () => {
    const replacement = store.beginReplace();
    store.beginWrite('a').acknowledge(object('a', '5'));
    replacement.finish([object('a', '8')]);
    expect(shown()).toBe('a@5');
    expect(doubts).toBe(1);
    list(object('a', '8'));
    expect(shown()).toBe('a@8');
  });

  test('that ends within a write with an unknown version asks for another once the answer is there', () => {
    const write = store.beginWrite('a');
    list(object('a', '8'));
    expect(doubts).toBe(0);
    write.acknowledge(object('a', '5'));
    expect(shown()).toBe('a@5');
    expect(doubts).toBe(1);
    list(object('a', '8'));
    expect(shown()).toBe('a@8');
  });

  test('that ends within a write and shows its version leaves nothing to overlay', () => {
    const write = store.beginWrite('a');
    list(object('a', '5'));
    modified('a', '6');
    write.acknowledge(object('a', '5'));
    expect(shown()).toBe('a@6');
    expect(doubts).toBe(0);
  });

  test('that ends within a write and lacks an object that comes back asks for another', () => {
    const write = store.beginWrite('a');
    list();
    store.apply({ type: 'ADDED', object: object('a', '6') });
    write.acknowledge(object('a', '5'));
    expect(doubts).toBe(1);
    list(object('a', '6'));
    expect(shown()).toBe('a@6');
  });

  test('that ends within a write and no longer has the object leaves nothing to overlay', () => {
    const write = store.beginWrite('a');
    list();
    write.acknowledge(object('a', '5'));
    expect(shown()).toBeUndefined();
  });
});
