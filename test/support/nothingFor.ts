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

/** Waits until the number has not changed for so many milliseconds. */
export async function restFor(milliseconds: number, count: () => number, timeoutMs = 30_000): Promise<void> {
  let last = count();
  let since = performance.now();
  await waitUntil(
    'the number to stay',
    () => {
      if (count() !== last) since = performance.now();
      last = count();
      return performance.now() - since > milliseconds;
    },
    { timeoutMs },
  );
}
