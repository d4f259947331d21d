import type { Identified } from '../../src/runtime/identified.ts';

/** An object with as little in it as a store can hold. */
export interface StoredObject extends Identified {
  readonly value: string;
}

/** `uid@version`, in the namespace shop under the name `name` (by default the UID). */
export const aStoredObject = (
  uid: string,
  version: string,
  name = uid,
  namespace = 'shop',
): StoredObject => ({
  metadata: { uid, name, namespace, resourceVersion: version },
  value: `${uid}@${version}`,
});
