/** Logarithm of the softmax of each row: y_j = x_j - max - log sum_i e^(x_i - max); backward dx = dy - e^y sum dy. */
import type { Args } from './args.js';
import { maxAndSum } from './softmax.js';

export function logSoftmaxForward({ x, y, rows, k }: Args<'log_softmax_forward'>): void {
  for (let start = 0; start < rows * k; start += k) {
    const { max, sum } = maxAndSum(x, start, k);
    for (let j = 0; j < k; j++) y[start + j] = x[start + j]! - max - Math.log(sum);
  }
}

export function logSoftmaxBackward({ dy, y, dx, rows, k }: Args<'log_softmax_backward'>): void {
  for (let start = 0; start < rows * k; start += k) {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += dy[start + j]!;
    for (let j = 0; j < k; j++) dx[start + j] = dy[start + j]! - Math.exp(y[start + j]!) * sum;
  }
}
