/** Squared loss of each row, |t - z|^2 (lecture notes 1.2 and 1.3.4); backward dz = 2 (z - t) dloss. */
import type { Args } from './args.js';

export function squaredErrorForward({ z, t, loss, rows, k }: Args<'squared_error_forward'>): void {
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = i * k; j < (i + 1) * k; j++) sum += (z[j]! - t[j]!) ** 2;
    loss[i] = sum;
  }
}

export function squaredErrorBackward({ z, t, dloss, dz, rows, k }: Args<'squared_error_backward'>): void {
  for (let i = 0; i < rows; i++) for (let j = i * k; j < (i + 1) * k; j++) dz[j] = 2 * (z[j]! - t[j]!) * dloss[i]!;
}
