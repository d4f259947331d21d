import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { exceedsStoredSize, storedSize } from '../../src/delivery/storedSize.ts';
import { nested } from '../support/nested.ts';
import { storedJson } from '../support/storedJson.ts';

/** The definition, letter by letter. */
function naive(value: unknown): number {
  const escaped = new Set(['<', '>', '&', '\u2028', '\u2029']);
  const letters = Array.from(JSON.stringify(value));
  return letters.reduce((sum, letter) => sum + (escaped.has(letter) ? 6 : Buffer.byteLength(letter)), 1);
}

describe('storedSize', () => {
  // The sizes are those of Go's json.NewEncoder(w).Encode, with which the API server writes custom resources.
  test.each([
    ['{"a":"<>& \\u2028\\u2029"}', 40],
    ['{"a":"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\"\\\\/"}', 37],
    ['{"é":"😀 ü"}', 17],
    ['[1e21,1e-7,0.1,100,1.5e300,-2.5,1e20,123456789012345680000]', 79],
    ['{"<":1}', 13],
    ['{}', 3],
    ['[]', 3],
    ['null', 5],
  ])('is the size of %s as Go writes it', (text, want) => {
    expect(storedSize(JSON.parse(text))).toBe(want);
  });

  test('counts any JSON as the definition says', () => {
    fc.assert(fc.property(storedJson, (value) => expect(storedSize(value)).toBe(naive(value))));
  });

  test('counts 5,000 levels', () => {
    expect(storedSize(nested(5000))).toBe('{"a":}'.length * 5000 + '1\n'.length);
  });

  test('leaves members out that are undefined', () => {
    expect(storedSize({ a: 1, b: undefined })).toBe(storedSize({ a: 1 }));
  });
});

describe('exceedsStoredSize', () => {
  test.each([
    [1_400_000, 0, false],
    [1_400_001, 0, true],
    [600_000, 1000, false],
    [600_001, 1000, true],
    [1_399_200, 1, false],
    [1_399_201, 1, true],
    [1600, 1, false],
  ])('of %d bytes with %d deliveries is %s', (bytes, deliveries, want) => {
    expect(exceedsStoredSize(bytes, deliveries)).toBe(want);
  });
});
