import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks every `everyMs` until `read` gives something else than undefined or false, and returns that.
 * Throws after `timeoutMs`, with what was waited for.
 */
export async function waitUntil<T>(
  what: string,
  read: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 10_000, everyMs = 20 } = {},
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await read();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await delay(everyMs);
  }
}
