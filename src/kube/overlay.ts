import type { ObjectMeta } from '../api/objectMeta.ts';
import type { Identified } from '../runtime/identified.ts';
import type { Store } from '../runtime/store.ts';

type Stored<S> = Identified & { readonly metadata: ObjectMeta; readonly status?: S };

/**
 * Writes an object's status and, once that is acknowledged, shows it to the store before the watch does. Gives the object as
 * the API server has it then.
 */
export async function writeStatus<S, T extends Stored<S>>(
  store: Store<T> | undefined,
  object: T,
  status: S,
  replace: (metadata: ObjectMeta, status: S) => Promise<ObjectMeta>,
): Promise<T> {
  let written = object;
  await overlay(store, object.metadata.uid, async () => {
    written = { ...object, metadata: await replace(object.metadata, status), status };
    return written;
  });
  return written;
}

/** Runs a read or a write of an object and shows its answer to the store; nothing where there is no object any more. */
export async function overlay<T extends Identified>(
  store: Store<T> | undefined,
  uid: string,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const pending = store?.beginWrite(uid);
  try {
    const object = await ask();
    if (object?.metadata.uid === uid) pending?.acknowledge(object);
    else pending?.abandon();
    return object;
  } catch (error) {
    pending?.abandon();
    throw error;
  }
}
