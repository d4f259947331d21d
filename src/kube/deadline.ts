import type { Clock } from '../runtime/clock.ts';

/**
 * Runs `work` with a signal that is aborted when `signal` is, or with `reason()` after `milliseconds`. Unlike
 * AbortSignal.any it leaves nothing behind on a signal that lives as long as the process.
 */
export const withDeadline = async <R>(
  options: { clock: Clock; signal: AbortSignal; milliseconds: number; reason: () => Error },
  work: (signal: AbortSignal) => Promise<R>,
): Promise<R> => {
  const { clock, signal, milliseconds, reason } = options;
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const cancel = clock.schedule(milliseconds, () => controller.abort(reason()));
  try {
    return await work(controller.signal);
  } finally {
    cancel();
    signal.removeEventListener('abort', abort);
  }
};
