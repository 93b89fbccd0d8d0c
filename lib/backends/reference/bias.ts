/** Bias: y[rows,k] = x + bias in each row; backward db = sum of the rows of dy, dS 1 in the lecture notes (3.2.1, equation 4). */
import type { Args } from './args.js';

export function biasForward({ x, bias, y, rows, k }: Args<'bias_forward'>): void {
  for (let i = 0; i < rows; i++) for (let j = 0; j < k; j++) y[i * k + j] = x[i * k + j]! + bias[j]!;
}

export function biasBackward({ dy, db, rows, k }: Args<'bias_backward'>): void {
  const sums = new Float64Array(k);
  for (let i = 0; i < rows; i++) for (let j = 0; j < k; j++) sums[j]! += dy[i * k + j]!;
  for (let j = 0; j < k; j++) db[j] = sums[j]!;
}
