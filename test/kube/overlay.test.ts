import { beforeEach, describe, expect, test } from '@jest/globals';
import type { FlagEvent, FlagEventStatus } from '../../src/api/flagEvent.ts';
import type { ObjectMeta, ResourceVersion } from '../../src/api/objectMeta.ts';
import { overlay, writeStatus } from '../../src/kube/overlay.ts';
import { Store } from '../../src/runtime/store.ts';
import { anEvent, uid } from '../support/fixtures.ts';

const UID = uid('uid-butter-bar');
const at = (version: string): FlagEvent =>
  anEvent({ metadata: { resourceVersion: version as ResourceVersion } });
const STATUS: FlagEventStatus = { observedGeneration: 1, delivered: '1/1' };

let store: Store<FlagEvent>;
const shown = () => store.getByUid(UID);

beforeEach(() => {
  store = new Store();
  store.beginReplace().finish([at('1')]);
});

describe('a status write', () => {
  const answer = (version: string) => async (metadata: ObjectMeta) => ({
    ...metadata,
    resourceVersion: version as ResourceVersion,
    labels: { team: 'shop' },
  });

  test('that is acknowledged is shown by the store, with the metadata of the answer', async () => {
    await writeStatus(store, at('1'), STATUS, answer('2'));
    expect(shown()).toEqual({
      ...at('2'),
      metadata: { ...at('2').metadata, labels: { team: 'shop' } },
      status: STATUS,
    });
  });

  test('stands against what the watch shows from before it, and ends with what it shows of it', async () => {
    await writeStatus(store, at('1'), STATUS, answer('3'));
    store.apply({ type: 'MODIFIED', object: at('2') });
    expect(shown()?.status).toEqual(STATUS);
    store.apply({ type: 'MODIFIED', object: at('3') });
    store.apply({ type: 'MODIFIED', object: at('4') });
    expect(shown()).toEqual(at('4'));
  });

  test('that fails is told, and changes nothing', async () => {
    const write = writeStatus(store, at('1'), STATUS, async () => {
      throw new Error('conflict');
    });
    await expect(write).rejects.toThrow('conflict');
    expect(shown()).toEqual(at('1'));
  });

  test('of an object whose namespace is not followed goes through all the same', async () => {
    const written: unknown[] = [];
    await writeStatus(undefined, at('1'), STATUS, async (metadata, status) => {
      written.push(status);
      return metadata;
    });
    expect(written).toEqual([STATUS]);
  });
});

describe('a read', () => {
  test('is shown by the store before the watch shows it', async () => {
    expect(await overlay(store, UID, async () => at('2'))).toEqual(at('2'));
    expect(shown()).toEqual(at('2'));
  });

  test('that finds nothing leaves the store to its watch', async () => {
    expect(await overlay(store, UID, async () => undefined)).toBeUndefined();
    expect(shown()).toEqual(at('1'));
  });

  test('that finds another object under the name gives it, and does not show it as this one', async () => {
    const other = anEvent({ metadata: { uid: uid('again') } });
    expect(await overlay(store, UID, async () => other)).toBe(other);
    expect(shown()).toEqual(at('1'));
  });
});
