import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ObjectMeta } from '../../src/api/objectMeta.ts';
import type { WebhookEndpoint } from '../../src/api/webhookEndpoint.ts';
import { Fences } from '../../src/reconcile/fences.ts';
import { anEndpoint, uid } from '../support/fixtures.ts';

interface List {
  readonly namespace: string;
  readonly answer: (...endpoints: WebhookEndpoint[]) => void;
  readonly fail: (error: Error) => void;
}

let lists: List[];
let known: Map<string, WebhookEndpoint>;
let readable: Map<string, WebhookEndpoint>;
let reads: string[];
let fences: Fences;

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const namesOf = async (endpoints: Promise<readonly WebhookEndpoint[]>) =>
  (await endpoints).map(({ metadata }) => metadata.name);

beforeEach(() => {
  lists = [];
  known = new Map();
  readable = new Map();
  reads = [];
  fences = new Fences({
    list: (namespace) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly ObjectMeta[]>();
      const answer = (...endpoints: WebhookEndpoint[]) => resolve(endpoints.map(({ metadata }) => metadata));
      lists.push({ namespace, answer, fail: reject });
      return promise;
    },
    known: (metadata) => {
      const endpoint = known.get(metadata.uid);
      return endpoint?.metadata.generation === metadata.generation ? endpoint : undefined;
    },
    read: async (namespace, name) => {
      reads.push(`${namespace}/${name}`);
      return readable.get(name);
    },
  });
});

describe('a fence', () => {
  test('begins at once where none is under way', () => {
    void fences.endpoints('shop');
    expect(lists.map(({ namespace }) => namespace)).toEqual(['shop']);
  });

  test('does not wait for the one of another namespace', () => {
    void fences.endpoints('shop');
    void fences.endpoints('bank');
    expect(lists.map(({ namespace }) => namespace)).toEqual(['shop', 'bank']);
  });

  test('was begun after the question, and all who ask while one is under way share the next', async () => {
    const [first, second] = [anEndpoint({ name: 'first' }), anEndpoint({ name: 'second' })];
    readable = new Map([
      ['first', first],
      ['second', second],
    ]);
    const a = fences.endpoints('shop');
    const b = fences.endpoints('shop');
    const c = fences.endpoints('shop');
    expect(lists).toHaveLength(1);
    lists[0]?.answer(first);
    expect(await namesOf(a)).toEqual(['first']);
    await settle();
    expect(lists).toHaveLength(2);
    const d = fences.endpoints('shop');
    lists[1]?.answer(first, second);
    expect(await namesOf(b)).toEqual(['first', 'second']);
    expect(await c).toBe(await b);
    await settle();
    lists[2]?.answer();
    expect(await namesOf(d)).toEqual([]);
    expect(lists).toHaveLength(3);
  });

  test('begins anew for whoever asks after it has ended', async () => {
    const a = fences.endpoints('shop');
    lists[0]?.answer();
    await a;
    void fences.endpoints('shop');
    expect(lists).toHaveLength(2);
  });

  test('that fails tells those who wait for it, and does not fail the next one', async () => {
    const a = fences.endpoints('shop');
    const b = fences.endpoints('shop');
    lists[0]?.fail(new Error('unavailable'));
    await expect(a).rejects.toThrow('unavailable');
    await settle();
    lists[1]?.answer();
    await expect(b).resolves.toEqual([]);
    const c = fences.endpoints('shop');
    lists[2]?.fail(new Error('again'));
    await expect(c).rejects.toThrow('again');
    void fences.endpoints('shop');
    expect(lists).toHaveLength(4);
  });
});

describe('of what is listed', () => {
  test.each<[what: string, knownGeneration: number | undefined, want: 'known' | 'read']>([
    ['what is known at the same generation is used', 2, 'known'],
    ['what is known at an older generation is read', 1, 'read'],
    ['what is known at a newer generation is read', 3, 'read'],
    ['what is not known is read', undefined, 'read'],
  ])('%s', async (_what, generation, want) => {
    const current = anEndpoint({ metadata: { generation: 2 } });
    const before = anEndpoint({ metadata: { generation } });
    if (generation !== undefined) known.set(before.metadata.uid, before);
    readable.set(current.metadata.name, current);
    const asked = fences.endpoints('shop');
    lists[0]?.answer(current);
    const [endpoint] = await asked;
    expect(endpoint).toBe(want === 'known' ? before : current);
    expect(reads).toEqual(want === 'known' ? [] : ['shop/flag-cache']);
  });

  test('what is known under the same name with another UID is not used', async () => {
    const again = anEndpoint({ metadata: { uid: uid('again') } });
    known.set(uid('uid-flag-cache'), anEndpoint());
    readable.set('flag-cache', again);
    const asked = fences.endpoints('shop');
    lists[0]?.answer(again);
    expect(await asked).toEqual([again]);
  });

  test('what is being deleted is left out, unread', async () => {
    const asked = fences.endpoints('shop');
    lists[0]?.answer(anEndpoint({ metadata: { deletionTimestamp: '2026-11-25T00:00:00Z' } }));
    expect(await asked).toEqual([]);
    expect(reads).toEqual([]);
  });

  test('what is gone by the time that it is read is left out', async () => {
    const asked = fences.endpoints('shop');
    lists[0]?.answer(anEndpoint());
    expect(await asked).toEqual([]);
    expect(reads).toEqual(['shop/flag-cache']);
  });
});
