import type { Clock } from './clock.ts';

/** Resolves after `milliseconds`; at once where that is 0, or when the signal is aborted. */
export const sleep = (clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted || milliseconds <= 0) return resolve();
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.schedule(milliseconds, finish);
    signal.addEventListener('abort', finish, { once: true });
  });
