/** `levels` objects or lists, each but the last in the one before; `inside` is in the innermost. */
export function nested(levels: number, kind: 'object' | 'list' = 'object', inside: unknown = 1): unknown {
  let value = inside;
  for (let level = 0; level < levels; level += 1) value = kind === 'object' ? { a: value } : [value];
  return value;
}
