/**
 * 1 where the first maximum of a row stands at its label, else 0; for k = 1, 1 where (z >= threshold) is the label
 * (the decision sgn(w'x) of the lecture notes, 1.1). A row with a NaN is wrong.
 */
import type { Args } from './args.js';

export function accuracyForward({ z, labels, correct, rows, k, threshold }: Args<'accuracy_forward'>): void {
  for (let i = 0; i < rows; i++) {
    const row = z.subarray(i * k, (i + 1) * k);
    correct[i] = !row.some(Number.isNaN) && decide(row, threshold) === labels[i]! ? 1 : 0;
  }
}

/** The class a row of values stands for, or undefined for an empty row. */
function decide(row: ArrayLike<number>, threshold: number): number | undefined {
  if (row.length === 1) return row[0]! >= threshold ? 1 : 0;
  let best: number | undefined;
  for (let j = 0; j < row.length; j++) if (best === undefined || row[j]! > row[best]!) best = j;
  return best;
}
