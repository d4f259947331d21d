import { beforeEach, describe, expect, test } from '@jest/globals';
import type { WebhookEndpoint } from '../../src/api/webhookEndpoint.ts';
import type { ObjectKind } from '../../src/delivery/references.ts';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import { EndpointRegistry, type ReferencedObjects } from '../../src/reconcile/endpointRegistry.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { anEndpoint, uid } from '../support/fixtures.ts';

type Observed = ReturnType<ReferencedObjects['read']>;

const UID = uid('uid-flag-cache');
const withKey = (secret: string) => ({ signingKeys: [{ secretKeyRef: { name: secret, key: 'key' } }] });
const secretWith = (text: string): Observed => ({
  state: 'found',
  data: new Map([['key', new SecretBytes(Buffer.from(text))]]),
});

let clock: FakeClock;
let watched: string[];
let objects: Map<string, Observed>;
let reads: (() => WebhookEndpoint | undefined)[];
let stored: Set<string>;
let changed: string[];
let refused: boolean;
let stoppedBy: 'circuit' | undefined;
/** Of which something else than before is used. */
let renewed: string[];
let resolved: number;
let registry: EndpointRegistry;

beforeEach(() => {
  clock = new FakeClock();
  watched = [];
  objects = new Map();
  reads = [];
  stored = new Set();
  changed = [];
  refused = false;
  stoppedBy = undefined;
  renewed = [];
  resolved = 0;
  const nameOf = (kind: ObjectKind, namespace: string, name: string) => `${kind} ${namespace}/${name}`;
  registry = new EndpointRegistry({
    read: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      const read = reads.shift();
      if (!read) throw new Error('one read too many');
      return read();
    },
    isStored: ({ metadata }) => stored.has(metadata.uid),
    clock,
    objects: {
      acquire: (...object) => watched.push(nameOf(...object)),
      release: (...object) => {
        watched.splice(watched.indexOf(nameOf(...object)), 1);
      },
      read: (...object) => objects.get(nameOf(...object)) ?? { state: 'unknown' },
    },
    refusesUrl: () => {
      resolved += 1;
      return refused;
    },
    checkTls: () => undefined,
    pace: () => ({ stoppedBy }),
    onNewContent: ({ metadata }, what) => renewed.push(`${what} of ${metadata.name}`),
    onChange: ({ metadata }) => changed.push(metadata.name),
  });
});

describe('an endpoint of the store', () => {
  test('is found by its UID and its namespace', () => {
    const [a, b] = [anEndpoint({ name: 'a' }), anEndpoint({ name: 'b', metadata: { namespace: 'bank' } })];
    registry.set(a);
    registry.set(b);
    expect(registry.get(uid('uid-a'))).toBe(a);
    expect(registry.views('shop').map(({ name }) => name)).toEqual(['a']);
    expect(registry.views('bank').map(({ name }) => name)).toEqual(['b']);
    expect(registry.views('nowhere')).toEqual([]);
    expect(registry.get(uid('nobody'))).toBeUndefined();
    expect(registry.view(uid('nobody'))).toBeUndefined();
    expect(registry.config(uid('nobody'))).toBeUndefined();
  });

  test.each<[what: string, next: Parameters<typeof anEndpoint>[0], told: number]>([
    ['its generation', { metadata: { generation: 2 } }, 1],
    ['its deletion', { metadata: { deletionTimestamp: '2026-11-25T00:00:00Z' } }, 1],
    ['its status', { status: { consecutiveFailures: 1 } }, 0],
    ['its labels', { metadata: { labels: { team: 'shop' } } }, 0],
  ])('that changes in %s is the new one, and the change is told where it matters', (_what, next, told) => {
    registry.set(anEndpoint());
    changed = [];
    const endpoint = anEndpoint(next);
    registry.set(endpoint);
    expect(registry.get(UID)).toBe(endpoint);
    expect(changed).toHaveLength(told);
  });

  test('that is being deleted is seen as such', () => {
    registry.set(anEndpoint());
    expect(registry.view(UID)?.deleting).toBe(false);
    registry.set(anEndpoint({ metadata: { deletionTimestamp: '2026-11-25T00:00:00Z' } }));
    expect(registry.view(UID)?.deleting).toBe(true);
  });

  test('that the store lets go of is unknown, and not gone before a read has said so', async () => {
    registry.set(anEndpoint({ spec: withKey('hook') }));
    changed = [];
    registry.delete(anEndpoint());
    expect(registry.get(UID)).toBeUndefined();
    expect(registry.views('shop')).toEqual([]);
    expect(registry.isGone(UID)).toBe(false);
    expect(changed).toEqual(['flag-cache']);
    expect(watched).toEqual([]);
    reads.push(() => undefined);
    await registry.verify('shop', 'flag-cache', UID);
    expect(registry.isGone(UID)).toBe(true);
  });

  test('that was never known may be let go of', () => {
    registry.delete(anEndpoint());
    expect(changed).toEqual([]);
  });
});

describe('an endpoint that a fence or a read has shown', () => {
  test.each<[what: string, known: number | undefined, shown: number, want: number]>([
    ['is taken over where none is known', undefined, 1, 1],
    ['is taken over where it is newer', 1, 2, 2],
    ['is left where it is older', 2, 1, 2],
  ])('%s', (_what, known, shown, want) => {
    if (known !== undefined) registry.set(anEndpoint({ metadata: { generation: known } }));
    registry.adopt(anEndpoint({ metadata: { generation: shown } }));
    expect(registry.get(UID)?.metadata.generation).toBe(want);
  });

  test('is the same object where it is as new as the known one', () => {
    const known = anEndpoint();
    registry.set(known);
    registry.adopt(anEndpoint());
    expect(registry.get(UID)).toBe(known);
  });

  test.each([
    ['stays where the store has it by then', true],
    ['is dropped where the store still lacks it', false],
  ])('after a minute %s', async (_what, isStored) => {
    registry.adopt(anEndpoint({ spec: withKey('hook') }));
    if (isStored) stored.add(UID);
    await clock.advance(59_999);
    expect(registry.get(UID)).toBeDefined();
    await clock.advance(1);
    expect(registry.get(UID) !== undefined).toBe(isStored);
    expect(watched).toHaveLength(isStored ? 1 : 0);
    expect(registry.isGone(UID)).toBe(false);
  });

  test('does not come back by a fence from before the store let go of it, but by a read', async () => {
    registry.set(anEndpoint());
    registry.delete(anEndpoint());
    registry.adopt(anEndpoint());
    expect(registry.get(UID)).toBeUndefined();
    reads.push(() => anEndpoint());
    await registry.verify('shop', 'flag-cache', UID);
    expect(registry.get(UID)).toBeDefined();
  });

  test('is not taken back by a store that lags', () => {
    registry.adopt(anEndpoint({ metadata: { generation: 2 } }));
    registry.set(anEndpoint({ metadata: { generation: 1 } }));
    expect(registry.get(UID)?.metadata.generation).toBe(2);
    registry.set(anEndpoint({ metadata: { generation: 3 } }));
    expect(registry.get(UID)?.metadata.generation).toBe(3);
  });

  test('does not come back once it is gone', async () => {
    reads.push(() => undefined);
    await registry.verify('shop', 'flag-cache', UID);
    registry.adopt(anEndpoint());
    expect(registry.get(UID)).toBeUndefined();
  });
});

describe('a read of an endpoint', () => {
  test.each<[what: string, found: WebhookEndpoint | undefined, gone: boolean]>([
    ['that finds it takes it over', anEndpoint(), false],
    ['that finds none says that it is gone', undefined, true],
    ['that finds another UID says that it is gone', anEndpoint({ metadata: { uid: uid('again') } }), true],
  ])('%s', async (_what, found, gone) => {
    reads.push(() => found);
    await registry.verify('shop', 'flag-cache', UID);
    expect(registry.isGone(UID)).toBe(gone);
    expect(registry.get(UID)).toBe(gone ? undefined : found);
    expect(registry.get(uid('again'))).toBeUndefined();
  });

  test('that fails says nothing, and the next one asks again', async () => {
    reads.push(
      () => {
        throw new Error('unavailable');
      },
      () => undefined,
    );
    await expect(registry.verify('shop', 'flag-cache', UID)).rejects.toThrow('unavailable');
    expect(registry.isGone(UID)).toBe(false);
    await registry.verify('shop', 'flag-cache', UID);
    expect(registry.isGone(UID)).toBe(true);
  });

  test('is shared by all who ask while it is under way', async () => {
    reads.push(() => undefined);
    await Promise.all([1, 2, 3].map(() => registry.verify('shop', 'flag-cache', UID)));
    expect(reads).toEqual([]);
  });

  test('that shows a known endpoint gone makes it deleting', async () => {
    registry.set(anEndpoint());
    reads.push(() => undefined);
    await registry.verify('shop', 'flag-cache', UID);
    expect(registry.view(UID)?.deleting).toBe(true);
  });

  test('is remembered for the last 10,000 that are gone', async () => {
    for (let index = 0; index <= 10_000; index += 1) {
      reads.push(() => undefined);
      void registry.verify('shop', 'x', uid(`${index}`));
    }
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(registry.isGone(uid('0'))).toBe(false);
    expect(registry.isGone(uid('1'))).toBe(true);
    expect(registry.isGone(uid('10000'))).toBe(true);
  });
});

describe('what an endpoint references', () => {
  test('is watched once each, as long as it is referenced', () => {
    const both = { headers: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'hook', key: 'x' } } }] };
    registry.set(anEndpoint({ spec: { ...withKey('hook'), ...both } }));
    expect(watched).toEqual(['Secret shop/hook']);
    const tls = { caFrom: { configMapKeyRef: { name: 'hook', key: 'ca.crt' } } };
    registry.set(anEndpoint({ spec: { ...withKey('other'), tls }, metadata: { generation: 2 } }));
    expect(watched.toSorted()).toEqual(['ConfigMap shop/hook', 'Secret shop/other']);
    registry.set(anEndpoint({ metadata: { generation: 3 } }));
    expect(watched).toEqual([]);
  });

  test('is unknown until it was read, then used, and used anew after each change', () => {
    registry.set(anEndpoint({ spec: withKey('hook') }));
    expect(registry.view(UID)?.usability).toBe('unknown');
    expect(registry.config(UID)).toBeUndefined();
    objects.set('Secret shop/hook', secretWith('first'));
    expect(registry.view(UID)?.usability).toBe('usable');
    expect(registry.config(UID)?.signingKeys.map((key) => key.reveal().toString())).toEqual(['first']);
    objects.set('Secret shop/hook', secretWith('second'));
    registry.objectChanged('Secret', 'shop', 'hook');
    expect(registry.config(UID)?.signingKeys.map((key) => key.reveal().toString())).toEqual(['second']);
    objects.set('Secret shop/hook', { state: 'missing' });
    registry.objectChanged('Secret', 'shop', 'hook');
    expect(registry.view(UID)?.usability).toMatchObject({ reason: 'SecretNotFound' });
    expect(registry.resolution(UID)?.state).toBe('refused');
  });

  test('is told to have changed to the endpoints that use it, in its namespace, of its kind', () => {
    for (const name of ['a', 'b']) registry.set(anEndpoint({ name, spec: withKey('hook') }));
    registry.set(anEndpoint({ name: 'c', spec: withKey('other') }));
    registry.set(anEndpoint({ name: 'd', spec: withKey('hook'), metadata: { namespace: 'bank' } }));
    changed = [];
    registry.objectChanged('Secret', 'shop', 'hook');
    registry.objectChanged('ConfigMap', 'shop', 'hook');
    expect(changed).toEqual(['a', 'b']);
  });

  test('is worked out once, however often it is asked for', () => {
    registry.set(anEndpoint());
    for (let index = 0; index < 5; index += 1) registry.view(UID);
    expect(resolved).toBe(1);
    registry.set(anEndpoint({ status: { consecutiveFailures: 1 } }));
    registry.view(UID);
    expect(resolved).toBe(1);
  });

  test('is worked out again for all once the rules have changed', () => {
    for (const name of ['a', 'b']) registry.set(anEndpoint({ name }));
    expect(registry.view(uid('uid-a'))?.usability).toBe('usable');
    changed = [];
    refused = true;
    registry.resolveAll();
    expect(changed).toEqual(['a', 'b']);
    expect(registry.view(uid('uid-a'))?.usability).toMatchObject({ reason: 'URLForbidden' });
  });
});

describe('what an endpoint is used with', () => {
  const signed = anEndpoint({ spec: withKey('hook') });
  const name = 'Secret shop/hook';
  const holds = (observed: Observed) => {
    objects.set(name, observed);
    registry.objectChanged('Secret', 'shop', 'hook');
  };

  beforeEach(() => {
    registry.set(signed);
    holds(secretWith('one'));
  });

  test('is no news when it is seen first, nor when it is seen again', () => {
    holds(secretWith('one'));
    registry.resolveAll();
    registry.set(anEndpoint({ spec: withKey('hook'), status: { pendingDeliveries: 1 } }));
    expect(renewed).toEqual([]);
  });

  test.each<[what: string, change: () => void, want: string]>([
    ['the content of a Secret', () => holds(secretWith('two')), 'content of flag-cache'],
    [
      'the spec',
      () => registry.set(anEndpoint({ metadata: { generation: 2 }, spec: withKey('hook') })),
      'spec of flag-cache',
    ],
  ])('is told once where %s is another one', (_what, change, want) => {
    change();
    expect(registry.config(UID)).toBeDefined();
    holds(objects.get(name) ?? { state: 'missing' });
    expect(renewed).toEqual([want]);
  });

  test('is compared with what was used last, whatever came in between', () => {
    holds({ state: 'missing' });
    holds(secretWith('one'));
    expect(renewed).toEqual([]);
    holds({ state: 'missing' });
    holds(secretWith('two'));
    expect(renewed).toEqual(['content of flag-cache']);
  });

  test('is no news where another key of the Secret has changed', () => {
    const data = new Map([
      ['key', new SecretBytes(Buffer.from('one'))],
      ['other', new SecretBytes(Buffer.from('two'))],
    ]);
    holds({ state: 'found', data });
    expect(renewed).toEqual([]);
  });
});

test('a view tells whether the endpoint holds its deliveries', () => {
  registry.set(anEndpoint());
  expect(registry.view(UID)?.stoppedBy).toBeUndefined();
  stoppedBy = 'circuit';
  expect(registry.view(UID)?.stoppedBy).toBe('circuit');
});
