import { median } from './statistics.ts';

/** What a figure is held to: its ratio to the reference, its difference from it, or its own value. */
export interface Target {
  readonly of: 'ratio' | 'difference' | 'value';
  readonly is: 'at least' | 'at most';
  readonly bound: number;
}

/** One thing that was measured, a value a round. */
export interface Figure {
  readonly name: string;
  /** Of the same rounds, in the same order; absent where there is nothing to compare with. */
  readonly reference?: readonly number[];
  readonly flagpost: readonly number[];
  /** Absent where the figure is only shown. */
  readonly target?: Target;
}

export interface Verdict {
  /** What the target speaks of. */
  readonly value: number;
  readonly ok: boolean;
}

/** Holds a figure to its target: the median of what the rounds give, each compared within itself. */
export function judge({ reference = [], flagpost, target }: Figure): Verdict | undefined {
  if (!target) return undefined;
  const value = median(
    flagpost.map((measured, round) => {
      const compared = reference[round] ?? NaN;
      if (target.of === 'value') return measured;
      return target.of === 'ratio' ? measured / compared : measured - compared;
    }),
  );
  return { value, ok: target.is === 'at least' ? value >= target.bound : value <= target.bound };
}
