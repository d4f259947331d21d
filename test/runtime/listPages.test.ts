import { expect, test } from '@jest/globals';
import type { Identified } from '../../src/runtime/identified.ts';
import { listPages } from '../../src/runtime/listPages.ts';
import type { ListOptions } from '../../src/runtime/listWatch.ts';

const { signal } = new AbortController();

async function limitsOf(pageBytes: number, sizes: readonly number[]) {
  const asked: ListOptions[] = [];
  const list = async (options: ListOptions) => {
    asked.push(options);
    const bytes = sizes[asked.length - 1] ?? 0;
    const continueToken = asked.length < sizes.length ? `page ${asked.length}` : undefined;
    return { items: [] as Identified[], resourceVersion: '1', continueToken, bytes };
  };
  const pages = [];
  for await (const page of listPages({ list }, signal, pageBytes)) pages.push(page);
  expect(pages).toHaveLength(sizes.length);
  expect(asked.map(({ continueToken }) => continueToken)).toEqual([
    undefined,
    ...sizes.slice(1).map((_, index) => `page ${index + 1}`),
  ]);
  return asked.map(({ limit }) => limit);
}

test.each<[what: string, sizes: number[], limits: number[]]>([
  ['one page', [100], [20]],
  ['small objects', [20_000, 100_000, 0], [20, 100, 100]],
  ['tiny objects', [20, 500], [20, 500]],
  ['objects without a byte, which nobody has', [0, 0], [20, 500]],
  ['large objects', [2_000_000, 100_000, 10_000, 0], [20, 1, 1, 10]],
])('pages hold as many objects as fit, at first 20: %s', async (_, sizes, limits) => {
  expect(await limitsOf(100_000, sizes)).toEqual(limits);
});

test('what a page fails with is thrown', async () => {
  const list = () => Promise.reject(new Error('too old'));
  await expect(listPages({ list }, signal, 1).next()).rejects.toThrow('too old');
});
