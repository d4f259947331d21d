import type { ListWatch } from './listWatch.ts';
import type { Identified } from './identified.ts';

// Of the largest objects a page of so many is 25 MiB; of small ones it grows by bytes.
const FIRST_PAGE = 20;
const LARGEST_PAGE = 500;
const PAGE_BYTES = 4 * 1024 * 1024;

/** Lists everything in pages, and calls `onPage` after each. */
export const listAll = async <T extends Identified>(
  listWatch: ListWatch<T>,
  signal: AbortSignal,
  onPage: () => void,
): Promise<{ items: T[]; resourceVersion: string }> => {
  const items: T[] = [];
  let limit = FIRST_PAGE;
  let continueToken: string | undefined;
  for (;;) {
    const page = await listWatch.list({ limit, continueToken }, signal);
    onPage();
    items.push(...page.items);
    if (page.continueToken === undefined) return { items, resourceVersion: page.resourceVersion };
    continueToken = page.continueToken;
    const fitting = Math.floor((limit * PAGE_BYTES) / Math.max(1, page.bytes));
    limit = Math.min(LARGEST_PAGE, Math.max(FIRST_PAGE, fitting));
  }
};
