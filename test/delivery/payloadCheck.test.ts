import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { checkPayload } from '../../src/delivery/payloadCheck.ts';
import { nested } from '../support/nested.ts';
import { seedAuditLog, seedFlagUpdatedBody } from '../support/seedPayloads.ts';

const MAX = Number.MAX_SAFE_INTEGER;

describe('checkPayload', () => {
  test.each([
    ['the flag payload of the seed', seedFlagUpdatedBody],
    ['the audit log of the seed', seedAuditLog],
    ['the largest integers', [MAX, -MAX]],
    ['fractions, however large or small', [0.1, 2 ** 52 - 0.5, -4503599627370495.5, 1e-300, -0]],
    ['large numbers in strings', ['1e300', '9007199254740993']],
    ['64 objects', nested(64, 'object')],
    ['64 lists', nested(64, 'list')],
    ['a scalar in the 64th object', nested(64, 'object', 'text')],
    ['a null in the 64th object', nested(64, 'object', null)],
    ['10,000 fields', Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`f${index}`, index]))],
    ['a payload that is missing', undefined],
  ])('has nothing against %s', (_name, value) => {
    expect(checkPayload(value)).toBeUndefined();
  });

  test.each([
    [
      '65 objects',
      nested(65, 'object'),
      'is nested deeper than 64 objects and lists; make the payload flatter.',
    ],
    ['65 lists', nested(65, 'list'), 'is nested deeper than 64 objects and lists; make the payload flatter.'],
    ['an empty list in the 64th object', nested(64, 'object', []), 'is nested deeper than 64 '],
    ['5,000 levels', nested(5000), 'is nested deeper than 64 '],
    [
      '2^53',
      { n: 2 ** 53 },
      'body.n is a number outside -(2^53-1) to 2^53-1, which receivers would round; send it as a string.',
    ],
    ['-2^53', { n: -(2 ** 53) }, 'body.n is a number outside '],
    [
      'an integer that JSON.parse rounds',
      JSON.parse('{"n":9007199254740993}'),
      'body.n is a number outside ',
    ],
    ['1e300', { n: 1e300 }, 'body.n is a number outside '],
    ['a number that is none any more', JSON.parse('{"n":1e999}'), 'body.n is a number outside '],
    ['a number in a list', { a: [1, { b: [0, 1e20] }] }, 'body.a[1].b[1] is '],
    [
      'a number under __proto__',
      JSON.parse('{"__proto__":{"constructor":1e20}}'),
      'body.__proto__.constructor is ',
    ],
    ['a key that is no name', { 'a b': { 'ü\n"': 1e20 } }, 'body["a b"]["??""] is '],
    ['an empty key', { '': 1e20 }, 'body[""] is '],
    ['a lone surrogate in a key', { '\ud800': 1e20 }, 'body["?"] is '],
    ['a long key', { ['k'.repeat(1000)]: 1e20 }, `body.${'k'.repeat(40)}... is `],
    ['the root itself', 1e20, 'body is '],
  ])('names where it is and what to do about %s', (_name, value, want) => {
    expect(checkPayload(value)).toContain(want);
  });

  test('counts from the depth and the name that it is given', () => {
    expect(checkPayload(nested(63), 'spec.flagUpdated', 2)).toBeUndefined();
    expect(checkPayload(nested(64), 'spec.flagUpdated', 2)).toMatch(
      /^spec\.flagUpdated\.a\..*\.\.\..*\.a is nested/,
    );
  });

  test('refuses exactly what is nested deeper than 64', () => {
    const kind = fc.constantFrom('object', 'list');

    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), kind, kind, (levels, outer, inner) => {
        const value = nested(Math.floor(levels / 2), outer, nested(Math.ceil(levels / 2), inner));

        expect(checkPayload(value) === undefined).toBe(levels <= 64);
      }),
    );
  });

  test('says it in at most 256 characters of printable ASCII, whatever the keys', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 60 }), (keys) => {
        const value = keys.reduce((inner: unknown, key) => Object.fromEntries([[key, inner]]), 1e300);

        expect(checkPayload(value)).toMatch(/^[ -~]{1,256}$/);
      }),
    );
  });
});
