import { canonicalText } from './canonicalJson.ts';

const BYTES_A_DELIVERY = 800;
const MAX_STORED_BYTES = 1_400_000;

/**
 * The bytes of an object as the API server stores it: JSON as Go's encoding/json writes it, where `<`, `>`, `&`, U+2028
 * and U+2029 become escapes of six bytes, with a newline at the end. `object` is what JSON.parse gives, of any depth.
 */
export function storedSize(object: unknown): number {
  const text = textOf(object);
  const escapes = text.match(ESCAPED)?.length ?? 0;
  const separators = text.match(SEPARATORS)?.length ?? 0;
  return Buffer.byteLength(text, 'utf8') + escapes * 5 + separators * 3 + '\n'.length;
}

// Go's escapes have six bytes, where UTF-8 has one and three.
const ESCAPED = /[&<>]/g;
const SEPARATORS = /[\u2028\u2029]/g;

/** In whatever order: JSON.stringify is quicker, and does what isn't nested too deeply for it. */
function textOf(object: unknown): string {
  try {
    return JSON.stringify(object);
  } catch {
    return canonicalText(object);
  }
}

/** About how large an event of this stored size gets with the status of so many deliveries. */
export function sizeWith(storedBytes: number, deliveries: number): number {
  return storedBytes + deliveries * BYTES_A_DELIVERY;
}

/** Whether an event of this stored size is too large once its status lists `deliveries` of them (api.md, FlagEvent). */
export function exceedsStoredSize(storedBytes: number, deliveries: number): boolean {
  return sizeWith(storedBytes, deliveries) > MAX_STORED_BYTES;
}
