import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lines, LineTooLongError } from '../../src/kube/lines.ts';

const split = async (chunks: Uint8Array[], longest?: number): Promise<string[]> =>
  Array.fromAsync(lines(Readable.from(chunks), longest));

test('gives the same lines wherever the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary' }).map((line) => line.replaceAll('\n', ''))),
      fc.array(fc.nat(200)),
      async (wanted, cuts) => {
        const bytes = Buffer.from(wanted.map((line) => `${line}\n`).join(''));
        const ends = [...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
        const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        expect(await split(chunks)).toEqual(wanted);
      },
    ),
  );
});

test.each([
  ['', []],
  ['a', ['a']],
  ['a\nb', ['a', 'b']],
  ['\n\n', ['', '']],
])('splits %j into %j', async (text, wanted) => {
  expect(await split([Buffer.from(text)])).toEqual(wanted);
});

test('gives a line as soon as it is complete', async () => {
  const given = lines(
    (async function* () {
      yield Buffer.from('one\ntw');
      await new Promise(() => {});
    })(),
  );
  expect(await given.next()).toEqual({ value: 'one', done: false });
});

test('takes no line that is longer than allowed, even where its end never comes', async () => {
  const ten = Buffer.from('0123456789');
  expect(await split([ten, Buffer.from('\n')], 10)).toEqual(['0123456789']);
  await expect(split([ten, Buffer.from('x')], 10)).rejects.toThrow(LineTooLongError);
});
