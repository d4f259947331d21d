// ts-node's module hooks; they run on a thread of their own.
import { load as loadChecked } from 'ts-node/esm';

export { resolve } from 'ts-node/esm';

/** What ts-node throws loses its text on the way to the main thread; an Error arrives. */
export async function load(url, context, nextLoad) {
  try {
    return await loadChecked(url, context, nextLoad);
  } catch (error) {
    if (error?.diagnosticText === undefined) throw error;
    const typeError = new Error(`types do not fit:\n${error.diagnosticText}`);
    typeError.stack = typeError.message;
    throw typeError;
  }
}
