import type { Identified } from './identified.ts';
import { listPages } from './listPages.ts';
import type { ListWatch } from './listWatch.ts';

const PAGE_BYTES = 4 * 1024 * 1024;

/** Lists everything in pages, and calls `onPage` after each. */
export const listAll = async <T extends Identified>(
  listWatch: ListWatch<T>,
  signal: AbortSignal,
  onPage: () => void,
): Promise<{ items: T[]; resourceVersion: string }> => {
  const items: T[] = [];
  let resourceVersion = '';
  for await (const page of listPages(listWatch, signal, PAGE_BYTES)) {
    onPage();
    items.push(...page.items);
    ({ resourceVersion } = page);
  }
  return { items, resourceVersion };
};
