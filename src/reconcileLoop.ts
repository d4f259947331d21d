import { Complaints } from './complaints.ts';
import { WriteBudget, type WriteRate } from './reconcile/writeBudget.ts';
import { Backoff } from './runtime/backoff.ts';
import type { Clock } from './runtime/clock.ts';
import { Controller, type Reconcile } from './runtime/controller.ts';
import { WorkQueue } from './runtime/workQueue.ts';
import type { Logger } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';

export interface ReconcileLoopOptions {
  /** The controller's and the queue's name in logs and metrics. */
  readonly name: string;
  /** What its writes may cost. */
  readonly writes: WriteRate;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A queue of keys, the budget of what is written for them, and the controller that works it off, logged and measured. */
export interface ReconcileLoop {
  readonly queue: WorkQueue;
  readonly budget: WriteBudget;
  /** Works until the signal is aborted; never rejects. */
  readonly run: (reconcile: Reconcile, signal: AbortSignal) => Promise<void>;
}

const BACKOFF = { initialMilliseconds: 100, maxMilliseconds: 30_000 };

export function createReconcileLoop(options: ReconcileLoopOptions): ReconcileLoop {
  const { name, writes, clock, random, logger, metrics } = options;
  const queue = new WorkQueue({ clock, onDepth: (depth) => metrics.queueDepth.set({ name }, depth) });
  const budget = new WriteBudget({ ...writes, clock, queue });
  const complaints = new Complaints(clock, (fields) => logger.warn(fields, 'failed'));
  const run = async (reconcile: Reconcile, signal: AbortSignal) => {
    await new Controller({
      queue,
      reconcile,
      clock,
      backoff: new Backoff(BACKOFF, random),
      onError: (key, error, retryAfterMilliseconds) =>
        complaints.about('reconcile', error, { controller: name, key, retryAfterMilliseconds }),
      onReconciled: (result, seconds) => {
        metrics.reconciles.inc({ controller: name, result });
        metrics.reconcileSeconds.observe({ controller: name }, seconds);
      },
    }).run(signal);
    budget.stop();
  };
  return { queue, budget, run };
}
