import { retryAfterOf } from './apiError.ts';
import type { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { WorkQueue } from './workQueue.ts';

/** Trying again would change nothing: what is wrong stands in a condition, and a change of the object comes back. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

export interface Result {
  /** When to come back although nothing changed; at most an hour ahead counts. */
  readonly requeueAfterMilliseconds?: number | undefined;
}

export type Reconcile = (key: string, signal: AbortSignal) => Promise<Result | void>;

/** The names that controller-runtime gives its metric controller_runtime_reconcile_total. */
export type ReconcileResult = 'success' | 'requeue_after' | 'error';

export interface ControllerOptions {
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly workers?: number;
  /** A reconcile failed; it comes again after `retryAfterMilliseconds`, not at all where that is undefined. */
  readonly onError: (key: string, error: unknown, retryAfterMilliseconds: number | undefined) => void;
  readonly onReconciled?: (result: ReconcileResult, durationSeconds: number) => void;
}

/** Takes keys out of a queue and reconciles each, one at a time per key, several keys at once. */
export class Controller {
  readonly #options: ControllerOptions;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** Works until `signal` is aborted; resolves once every reconcile under way has ended. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, workers = 8 } = this.#options;
    const stop = (): void => queue.shutDown();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    await Promise.all(Array.from({ length: workers }, () => this.#work(signal)));
    signal.removeEventListener('abort', stop);
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { queue, clock } = this.#options;
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
      const begun = clock.monotonic();
      const result = await this.#reconcile(key, signal);
      if (result !== undefined) this.#options.onReconciled?.(result, (clock.monotonic() - begun) / 1000);
      queue.done(key);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const { queue, backoff, reconcile, onError } = this.#options;
    try {
      const result = await reconcile(key, signal);
      backoff.reset(key);
      if (result?.requeueAfterMilliseconds === undefined) return 'success';
      queue.addAfter(key, result.requeueAfterMilliseconds);
      return 'requeue_after';
    } catch (error) {
      // What failed because everything is to stop is no failure.
      if (signal.aborted) return undefined;
      if (error instanceof TerminalError) {
        backoff.reset(key);
        onError(key, error, undefined);
      } else {
        const delay = Math.max(backoff.next(key), retryAfterOf(error));
        queue.addAfter(key, delay);
        onError(key, error, delay);
      }
      return 'error';
    }
  }
}
