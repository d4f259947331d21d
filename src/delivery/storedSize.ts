import { canonicalText } from './canonicalJson.ts';

const BYTES_A_DELIVERY = 800;
const MAX_STORED_BYTES = 1_400_000;

/**
 * The bytes of an object as the API server stores it: JSON as Go's encoding/json writes it, where `<`, `>`, `&`, U+2028
 * and U+2029 become escapes of six bytes, with a newline at the end. `object` is what JSON.parse gives, of any depth.
 */
export function storedSize(object: unknown): number {
  const text = canonicalText(object);
  let bytes = Buffer.byteLength(text, 'utf8') + '\n'.length;
  for (let at = 0; at < text.length; at += 1) bytes += extraBytes(text.charCodeAt(at));
  return bytes;
}

/** What Go's escape of a character takes beyond its UTF-8. */
function extraBytes(unit: number): number {
  switch (unit) {
    case 0x26: // &
    case 0x3c: // <
    case 0x3e: // >
      return 5;
    case 0x2028:
    case 0x2029:
      return 3;
    default:
      return 0;
  }
}

/** Whether an event of this stored size is too large once its status lists `deliveries` of them (api.md, FlagEvent). */
export function exceedsStoredSize(storedBytes: number, deliveries: number): boolean {
  return storedBytes + deliveries * BYTES_A_DELIVERY > MAX_STORED_BYTES;
}
