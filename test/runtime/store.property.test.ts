import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type PendingWrite, type Replacement, Store } from '../../src/runtime/store.ts';
import { aStoredObject, type StoredObject } from '../support/storedObject.ts';

interface Entry {
  readonly uid: string;
  readonly name: string;
  /** Whether the object is in the watch's selection; undefined once it is deleted. */
  readonly selected: boolean | undefined;
}

interface Call {
  readonly uid: string;
  readonly pending: PendingWrite<StoredObject>;
  /** The version in the answer, once the API server has worked on it. */
  answer?: number | 'refused';
}

// Versions are shuffled so that nothing can be gained by comparing them.
const versionOf = (index: number): string => `v${(index * 7919) % 10_007}`;

/** An API server whose every write is an entry of a log, with one client that watches and lists. */
class World {
  readonly log: Entry[] = [];
  readonly store = new Store<StoredObject>();
  readonly calls: Call[] = [];
  /** The newest version of each UID that was acknowledged to us. */
  readonly acknowledged = new Map<string, number>();
  /** What a listener believes the store to hold. */
  readonly heard = new Map<string, string>();
  #position = 0;
  #list: { replacement: Replacement<StoredObject>; snapshot?: number } | undefined;
  #wantsList = true;

  /** Begins with two objects that the client has seen. */
  constructor() {
    this.create('a', true);
    this.create('b', true);
    this.store.onDoubt(() => {
      this.#wantsList = true;
      this.#list = undefined;
    });
    this.store.subscribe(({ type, object }) => {
      if (type === 'deleted') this.heard.delete(object.metadata.uid);
      else this.heard.set(object.metadata.uid, object.value);
    });
    this.beginList();
    this.endList();
  }

  current(uid: string, until = this.log.length): number | undefined {
    const index = this.log.slice(0, until).findLastIndex((entry) => entry.uid === uid);
    return index === -1 || this.log[index]?.selected === undefined ? undefined : index;
  }

  uidOf(name: string): string | undefined {
    const entry = this.log.findLast((candidate) => candidate.name === name);
    return entry?.selected === undefined ? undefined : entry.uid;
  }

  object(index: number): StoredObject {
    const { uid = '', name = '' } = this.log[index] ?? {};
    return aStoredObject(uid, versionOf(index), name);
  }

  create(name: string, selected: boolean): void {
    if (this.uidOf(name) === undefined) this.log.push({ uid: `${name}#${this.log.length}`, name, selected });
  }

  change(name: string, selected: boolean | undefined): void {
    const uid = this.uidOf(name);
    if (uid !== undefined) this.log.push({ uid, name, selected });
  }

  /** Of one object at most one write or read is under way: the work queue sees to that. */
  begin(name: string): void {
    const uid = this.uidOf(name);
    if (uid === undefined || this.calls.some((call) => call.uid === uid)) return;
    this.calls.push({ uid, pending: this.store.beginWrite(uid) });
  }

  commit(call: Call | undefined, kind: 'write' | 'leave' | 'read'): void {
    if (call === undefined || call.answer !== undefined) return;
    const current = this.current(call.uid);
    if (current === undefined) call.answer = 'refused';
    else if (kind === 'read') call.answer = current;
    else {
      const { uid, name } = this.log[current] ?? { uid: '', name: '' };
      call.answer = this.log.push({ uid, name, selected: kind === 'write' }) - 1;
    }
  }

  answer(call: Call | undefined, lost: boolean): void {
    if (call?.answer === undefined) return;
    this.calls.splice(this.calls.indexOf(call), 1);
    if (lost || call.answer === 'refused') return call.pending.abandon();
    this.acknowledged.set(call.uid, call.answer);
    call.pending.acknowledge(this.object(call.answer));
  }

  beginList(): void {
    this.#list = { replacement: this.store.beginReplace() };
    this.#wantsList = false;
  }

  takeSnapshot(): void {
    if (this.#list !== undefined) this.#list.snapshot ??= this.log.length;
  }

  endList(): void {
    if (this.#list === undefined) return;
    this.takeSnapshot();
    const { replacement, snapshot = 0 } = this.#list;
    this.#list = undefined;
    this.#position = snapshot;
    replacement.finish(this.selected(snapshot).map((index) => this.object(index)));
  }

  selected(until = this.log.length): number[] {
    const uids = new Set(this.log.slice(0, until).map(({ uid }) => uid));
    return [...uids].flatMap((uid) => {
      const index = this.current(uid, until);
      return index !== undefined && this.log[index]?.selected === true ? [index] : [];
    });
  }

  /** Shows the next entry of the log, as a watch with a selector does. */
  watch(): boolean {
    if (this.#list !== undefined || this.#wantsList) return false;
    const index = this.#position;
    const entry = this.log[index];
    if (entry === undefined) return false;
    this.#position += 1;
    const before = this.current(entry.uid, index);
    const was = before !== undefined && this.log[before]?.selected === true;
    const is = entry.selected === true;
    if (is) this.store.apply({ type: was ? 'MODIFIED' : 'ADDED', object: this.object(index) });
    else if (was) this.store.apply({ type: 'DELETED', object: this.object(index) });
    return true;
  }

  /** Lets everything under way come to its end. */
  settle(): void {
    for (let call = this.calls[0]; call !== undefined; call = this.calls[0]) {
      this.commit(call, 'write');
      this.answer(call, false);
    }
    this.endList();
    for (let lists = 0; this.watch() || this.#wantsList;) {
      if (!this.#wantsList) continue;
      lists += 1;
      // A doubt must not outlive the list that it asks for.
      expect(lists).toBeLessThan(3);
      this.beginList();
      this.endList();
    }
  }

  // Without expect, which would take most of the time.
  check(): void {
    const visible = this.store.all();
    const indexes = new Map(this.log.map((entry, index) => [`${entry.uid}@${versionOf(index)}`, index]));
    for (const object of visible) {
      const { uid, name } = object.metadata;
      if (this.heard.get(uid) !== object.value) throw new Error(`listeners did not hear of ${object.value}`);
      if ((indexes.get(object.value) ?? -1) < (this.acknowledged.get(uid) ?? -1))
        throw new Error(`${object.value} is older than what was acknowledged`);
      if (this.store.get('shop', name) !== object) throw new Error(`${object.value} is not found by name`);
    }
    if (this.heard.size !== visible.length) throw new Error('listeners did not hear of a deletion');
  }
}

type Step =
  | readonly ['create', name: string, selected: boolean]
  | readonly ['change', name: string, selected: boolean | undefined]
  | readonly ['begin', name: string]
  | readonly ['commit', call: number, kind: 'write' | 'leave' | 'read']
  | readonly ['answer', call: number, lost: boolean]
  | readonly ['beginList' | 'takeSnapshot' | 'endList' | 'watch'];

const name = fc.constantFrom('a', 'b');
const call = fc.nat(1);
const of = <const K extends string>(kind: K): fc.Arbitrary<K> => fc.constant(kind);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(of('create'), name, fc.boolean()),
  fc.tuple(of('change'), name, fc.constantFrom(true, true, true, false, undefined)),
  fc.tuple(of('begin'), name),
  fc.tuple(of('commit'), call, fc.constantFrom('write', 'leave', 'read')),
  fc.tuple(
    of('answer'),
    call,
    fc.nat(7).map((chance) => chance === 0),
  ),
  fc.tuple(fc.constantFrom('beginList', 'takeSnapshot', 'endList', 'watch', 'watch')),
);

const run = (world: World, step: Step): unknown => {
  switch (step[0]) {
    case 'create':
      return world.create(step[1], step[2]);
    case 'change':
      return world.change(step[1], step[2]);
    case 'begin':
      return world.begin(step[1]);
    case 'commit':
      return world.commit(world.calls[step[1]], step[2]);
    case 'answer':
      return world.answer(world.calls[step[1]], step[2]);
    default:
      return world[step[0]]();
  }
};

test('shows nothing older than what was acknowledged, and in the end what the API server has', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60, size: 'max' }), (steps) => {
      const world = new World();
      for (const next of steps) {
        run(world, next);
        world.check();
      }
      world.settle();
      world.check();
      expect(
        world.store
          .all()
          .map(({ value }) => value)
          .toSorted(),
      ).toEqual(
        world
          .selected()
          .map((index) => world.object(index).value)
          .toSorted(),
      );
    }),
    { numRuns: 2000 },
  );
});
