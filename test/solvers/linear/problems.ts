/** Problems for the linear solvers, and what is minimised, computed once more by plain loops over dense rows. */
import { type SparseRows, sparseRows } from '../../../lib/data/sparse.js';
import { RandomStream } from '../../../lib/random.js';
import type { LinearLossName } from '../../../lib/solvers/linear/losses.js';

export interface Problem {
  readonly x: SparseRows;
  readonly y: Float64Array;
  readonly dense: number[][];
}

/** Rows with `density` of the values not 0, and labels 0 .. classes - 1 of a noisy linear rule. */
export function problem(rows: number, columns: number, { classes = 2, density = 0.5, seed = 1 } = {}): Problem {
  const random = new RandomStream(seed, 0);
  const rule = Array.from({ length: classes }, () => Array.from({ length: columns }, () => random.normal()));
  const dense = Array.from({ length: rows }, () =>
    Array.from({ length: columns }, () => (random.uniform() < density ? random.normal() : 0)),
  );
  const y = Float64Array.from(dense, (row) => {
    const scores = rule.map((w) => w.reduce((sum, v, j) => sum + v * row[j]!, 0.5 * random.normal()));
    return scores.indexOf(Math.max(...scores));
  });
  return { x: sparseRows(dense.flat(), rows, columns), y, dense };
}

/** The loss of one row and its slope, by z = y u. */
export const lossOf: Record<LinearLossName, (z: number) => [number, number]> = {
  hinge: (z) => [Math.max(0, 1 - z), z < 1 ? -1 : 0],
  squaredHinge: (z) => [Math.max(0, 1 - z) ** 2, -2 * Math.max(0, 1 - z)],
  logistic: (z) => [Math.log(1 + Math.exp(-z)), -1 / (1 + Math.exp(z))],
};

/** Sum of the losses times C, and its gradient by the weights; `w` has the bias's weight at its end where bias is not 0. */
export function losses(
  dense: readonly number[][],
  signs: readonly number[],
  w: readonly number[],
  loss: LinearLossName,
  C: number,
  bias = 0,
): { value: number; gradient: number[] } {
  let value = 0;
  const gradient = w.map(() => 0);
  for (const [i, row] of dense.entries()) {
    const full = bias === 0 ? row : [...row, bias];
    const u = full.reduce((sum, v, j) => sum + v * w[j]!, 0);
    const [xi, slope] = lossOf[loss](signs[i]! * u);
    value += C * xi;
    for (const [j, v] of full.entries()) gradient[j]! += C * slope * signs[i]! * v;
  }
  return { value, gradient };
}
