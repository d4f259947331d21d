import { waitUntil } from './waitUntil.ts';

/** Throws where the number changes within so many milliseconds. */
export async function nothingFor(milliseconds: number, count: () => number): Promise<void> {
  const before = count();
  const end = performance.now() + milliseconds;
  await waitUntil('the time to pass', () => {
    if (count() !== before) throw new Error(`${count()} instead of ${before}`);
    return performance.now() > end;
  });
}
