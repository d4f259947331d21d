import type { Identified } from './identified.ts';
import type { ListWatch, Page } from './listWatch.ts';

// Of the largest objects a page of so many is 25 MiB; from the second page on, the bytes decide.
const FIRST_PAGE = 20;
const LARGEST_PAGE = 500;
// What is parsed at a stretch holds everything else up: some 10 ms.
const PAGE_BYTES = 1024 * 1024;

/** Lists everything in pages of about so many bytes. A continue token that has become too old is an ApiError, 410. */
export async function* listPages<T extends Identified>(
  listWatch: Pick<ListWatch<T>, 'list'>,
  signal: AbortSignal,
  pageBytes: number = PAGE_BYTES,
): AsyncGenerator<Page<T>, void, undefined> {
  let limit = FIRST_PAGE;
  let continueToken: string | undefined;
  do {
    const page = await listWatch.list({ limit, continueToken }, signal);
    yield page;
    const fitting = Math.floor((limit * pageBytes) / Math.max(1, page.bytes));
    limit = Math.min(LARGEST_PAGE, Math.max(1, fitting));
    continueToken = page.continueToken;
  } while (continueToken !== undefined);
}
