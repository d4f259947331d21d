import { judge, type Figure, type Target } from './figure.ts';
import { median } from './statistics.ts';

const HEADINGS = ['figure', 'reference', 'Flagpost', 'compared', 'target', ''];

/** The figures as text, one a line: medians with the lowest and the highest of several rounds, and what the targets say. */
export function table(figures: readonly Figure[]): string {
  const rows = [HEADINGS, ...figures.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => line.trimEnd()).join('\n');
}

function cellsOf(figure: Figure): string[] {
  const { name, reference, flagpost, target } = figure;
  const verdict = judge(figure);
  return [
    name,
    reference ? summary(reference) : '-',
    summary(flagpost),
    verdict && target && target.of !== 'value' ? comparison(verdict.value, target) : '-',
    target ? `${target.is === 'at least' ? '>=' : '<='} ${comparison(target.bound, target)}` : '-',
    verdict ? (verdict.ok ? 'ok' : 'short') : '',
  ];
}

function summary(rounds: readonly number[]): string {
  if (rounds.length === 1) return short(median(rounds));
  const [lowest, highest] = [Math.min(...rounds), Math.max(...rounds)];
  return `${short(median(rounds))} (${short(lowest)}..${short(highest)})`;
}

function comparison(value: number, { of }: Target): string {
  if (of === 'ratio') return value.toFixed(2);
  return of === 'difference' ? `${value < 0 ? '' : '+'}${short(value)}` : short(value);
}

/** Three digits that say something, or all before the point. */
function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
