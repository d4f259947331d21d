import { describe, expect, test } from '@jest/globals';
import { createLookup, type ResolvedAddress } from '../../src/http/lookups.ts';
import { addresses } from '../support/attempts.ts';

const LOOPBACK = addresses('127.0.0.1');
const patient = () => new AbortController().signal;

/** Lookups that answer when the test says so. */
function held() {
  const pending: PromiseWithResolvers<readonly ResolvedAddress[]>[] = [];
  const lookup = createLookup(() => {
    const answer = Promise.withResolvers<readonly ResolvedAddress[]>();
    pending.push(answer);
    return answer.promise;
  }, 2);
  return { pending, lookup };
}

describe('lookups of one namespace', () => {
  test('wait for a place, in order', async () => {
    const { pending, lookup } = held();
    const all = ['a', 'b', 'c'].map((hostname) => lookup('shop', hostname, patient()));
    await turns();
    expect(pending).toHaveLength(2);
    pending[1]?.resolve(LOOPBACK);
    await all[1];
    await turns();
    expect(pending).toHaveLength(3);
    pending[0]?.resolve(LOOPBACK);
    pending[2]?.resolve(LOOPBACK);
    expect(await Promise.all(all)).toEqual([LOOPBACK, LOOPBACK, LOOPBACK]);
  });

  test('give their place back when they fail', async () => {
    const { pending, lookup } = held();
    const all = ['a', 'b', 'c'].map((hostname) => lookup('shop', hostname, patient()));
    await turns();
    pending[0]?.reject(new Error('no such name'));
    await expect(all[0]).rejects.toThrow('no such name');
    await turns();
    expect(pending).toHaveLength(3);
  });

  test('hold their place after they were abandoned, until they answer', async () => {
    const { pending, lookup } = held();
    const leaving = new AbortController();
    const abandoned = [lookup('shop', 'a', leaving.signal), lookup('shop', 'b', leaving.signal)];
    await turns();
    leaving.abort(new Error('left'));
    for (const answer of abandoned) await expect(answer).rejects.toThrow('left');
    const next = lookup('shop', 'c', patient());
    await turns();
    expect(pending).toHaveLength(2);
    pending[0]?.resolve(LOOPBACK);
    await turns();
    expect(pending).toHaveLength(3);
    pending[2]?.resolve(LOOPBACK);
    expect(await next).toEqual(LOOPBACK);
  });

  test('that are abandoned while they wait are never made', async () => {
    const { pending, lookup } = held();
    void lookup('shop', 'a', patient());
    void lookup('shop', 'b', patient());
    const leaving = new AbortController();
    const waiting = lookup('shop', 'c', leaving.signal);
    await turns();
    leaving.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    const last = lookup('shop', 'd', patient());
    pending[0]?.resolve(LOOPBACK);
    await turns();
    expect(pending).toHaveLength(3);
    pending[2]?.resolve(LOOPBACK);
    expect(await last).toEqual(LOOPBACK);
  });

  test('do not take the places of another', async () => {
    const { pending, lookup } = held();
    for (const hostname of ['a', 'b', 'c']) void lookup('shop', hostname, patient());
    const other = lookup('other', 'd', patient());
    await turns();
    expect(pending).toHaveLength(3);
    pending[2]?.resolve(LOOPBACK);
    expect(await other).toEqual(LOOPBACK);
  });
});

test('without another resolver the system answers, with all addresses', async () => {
  const answer = await createLookup()('shop', 'localhost', patient());
  expect(answer.map(({ address }) => address)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^(127\.|::1$)/)]),
  );
});

const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
