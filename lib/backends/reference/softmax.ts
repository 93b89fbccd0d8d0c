/**
 * Softmax of each row: y_j = e^(x_j - max) / sum_i e^(x_i - max); backward dx = y (dy - sum dy y). Subtracting the row's maximum
 * changes nothing but the range (Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 4.1).
 */
import type { Args, Real } from './args.js';

/** Maximum of x[start .. start + k) and the sum of e^(x - max) over it. */
export function maxAndSum(x: Real, start: number, k: number): { max: number; sum: number } {
  let max = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < k; j++) max = Math.max(max, x[start + j]!);
  let sum = 0;
  for (let j = 0; j < k; j++) sum += Math.exp(x[start + j]! - max);
  return { max, sum };
}

export function softmaxForward({ x, y, rows, k }: Args<'softmax_forward'>): void {
  for (let start = 0; start < rows * k; start += k) {
    const { max, sum } = maxAndSum(x, start, k);
    for (let j = 0; j < k; j++) y[start + j] = Math.exp(x[start + j]! - max) / sum;
  }
}

export function softmaxBackward({ dy, y, dx, rows, k }: Args<'softmax_backward'>): void {
  for (let start = 0; start < rows * k; start += k) {
    let dot = 0;
    for (let j = 0; j < k; j++) dot += dy[start + j]! * y[start + j]!;
    for (let j = 0; j < k; j++) dx[start + j] = y[start + j]! * (dy[start + j]! - dot);
  }
}
