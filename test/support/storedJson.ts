import * as fc from 'fast-check';

/** Keys that have lost themselves, or their place in the order, in real serialisers. */
const AWKWARD_KEYS = [
  '__proto__',
  'constructor',
  'toString',
  '',
  '10',
  '9',
  'a',
  'B',
  '\ue000',
  '\uffff',
  '\u{10000}',
];

const text = fc.string({ unit: 'binary', maxLength: 8 });
const key = fc.oneof(text, fc.constantFrom(...AWKWARD_KEYS));
const scalar = fc.oneof(
  text,
  fc.constantFrom('<a href="x">&</a>', '\u2028\u2029', '\b\f\n\r\t\u0000\u001f"\\/'),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
  fc.boolean(),
  fc.constant(null),
);

/** Any JSON that Kubernetes can store: what JSON.parse makes of it, without lone surrogates, which it replaces. */
export const storedJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .uniqueArray(fc.tuple(key, tie('value')), { selector: ([name]) => name, maxLength: 8 })
      // As JSON.parse does, this makes `__proto__` a property of the object itself.
      .map((entries) => Object.fromEntries(entries)),
  ),
})).value;
