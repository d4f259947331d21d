import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { canonicalJson } from '../../src/delivery/canonicalJson.ts';
import { nested } from '../support/nested.ts';
import { storedJson } from '../support/storedJson.ts';

const canonical = (value: unknown): string =>
  new TextDecoder('utf-8', { fatal: true }).decode(canonicalJson(value));

/** The definition, for values that recursion survives: UTF-8 orders as code points do. */
function naive(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(naive).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${naive(member)}`).join(',')}}`;
}

describe('canonicalJson', () => {
  test('its bytes keep nothing else in memory', () => {
    const bytes = canonicalJson({ changed_by: 'ü' });
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  test.each([
    ['null', null, 'null'],
    ['an empty object', {}, '{}'],
    ['an empty list', [], '[]'],
    ['empty ones inside', { b: {}, a: [[], {}] }, '{"a":[[],{}],"b":{}}'],
    [
      'keys at every depth',
      { b: [{ d: 1, c: { f: 1, e: 2 } }], a: null },
      '{"a":null,"b":[{"c":{"e":2,"f":1},"d":1}]}',
    ],
    ['keys that look like numbers', { 10: 1, 9: 2, a: 3 }, '{"10":1,"9":2,"a":3}'],
    ['upper before lower case', { a: 1, B: 2 }, '{"B":2,"a":1}'],
    ['a key before its continuation', { ab: 1, a: 2, '': 3 }, '{"":3,"a":2,"ab":1}'],
    ['keys by code point, not by UTF-16 unit', { '\u{10000}': 1, '\uffff': 2 }, '{"\uffff":2,"\u{10000}":1}'],
    [
      'keys that differ in the second half of a pair',
      { '\u{10001}': 1, '\u{10000}': 2 },
      '{"\u{10000}":2,"\u{10001}":1}',
    ],
    [
      'numbers as JSON.stringify writes them',
      [1, -0, 0.1, 1e21, 1e-7, 2 ** 53 - 1],
      '[1,0,0.1,1e+21,1e-7,9007199254740991]',
    ],
    ['letters outside ASCII as they are', ['ü', '😀', '\u2028'], '["ü","😀","\u2028"]'],
    ['escapes', ['"\\\n\u0001'], '["\\"\\\\\\n\\u0001"]'],
    ['members that are undefined', { a: undefined, b: 1 }, '{"b":1}'],
  ])('writes %s', (_name, value, want) => {
    expect(canonical(value)).toBe(want);
  });

  test('keeps __proto__ and constructor as keys like any other', () => {
    const text = '{"__proto__":{"__proto__":1,"a":2},"constructor":{"prototype":null}}';

    expect(canonical(JSON.parse(text))).toBe(text);
  });

  test.each([
    ['a lone surrogate in a string', ['\ud800x'], '["\\ud800x"]'],
    ['a pair the wrong way round', ['\udc00\ud800'], '["\\udc00\\ud800"]'],
    [
      'lone surrogates as keys, by code point',
      { '\ue000': 1, '\ud800': 2, '\u{10000}': 3 },
      '{"\\ud800":2,"\ue000":1,"\u{10000}":3}',
    ],
    [
      'keys that share a lone surrogate',
      { '\ud800b': 1, '\ud800a': 2, '\ud800': 3 },
      '{"\\ud800":3,"\\ud800a":2,"\\ud800b":1}',
    ],
    [
      'a lone surrogate beside a pair that begins so',
      { '\u{10000}': 1, '\ud800\ue000': 2 },
      '{"\\ud800\ue000":2,"\u{10000}":1}',
    ],
  ])('writes %s as its escape, which is valid UTF-8', (_name, value, want) => {
    expect(canonical(value)).toBe(want);
  });

  test.each(['object', 'list'] as const)('writes 5,000 levels of one %s in another', (kind) => {
    const [open, close] = kind === 'object' ? ['{"a":', '}'] : ['[', ']'];

    expect(canonical(nested(5000, kind)) === `${open.repeat(5000)}1${close.repeat(5000)}`).toBe(true);
  });

  test('sorts 10,000 keys', () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `field_${(index * 7919) % 10_000}`);
    const want = keys.toSorted().map((key) => `"${key}":0`);

    expect(canonical(Object.fromEntries(keys.map((key) => [key, 0])))).toBe(`{${want.join(',')}}`);
  });

  test('writes a list of 300,000 items', () => {
    expect(canonicalJson(Array.from({ length: 300_000 }, () => 1))).toHaveLength(600_001);
  });

  test('writes any JSON as the definition says', () => {
    fc.assert(fc.property(storedJson, (value) => expect(canonical(value)).toBe(naive(value))));
  });

  test('gives back the same value when parsed, and the same bytes when written again', () => {
    fc.assert(
      fc.property(storedJson, (value) => {
        const text = canonical(value);
        const parsed: unknown = JSON.parse(text);

        expect(isDeepStrictEqual(parsed, value)).toBe(true);
        expect(canonical(parsed)).toBe(text);
      }),
    );
  });

  test('gives the same bytes whatever the order of the keys', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), storedJson), {
      selector: ([key]) => key,
    });

    fc.assert(
      fc.property(entries, (members) => {
        const reversed = Object.fromEntries(members.toReversed());

        expect(canonical(reversed)).toBe(canonical(Object.fromEntries(members)));
      }),
    );
  });
});
