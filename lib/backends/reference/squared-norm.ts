/** y = x'x, the L2 regulariser without its factor (lecture notes 1.1, 1.3.4); backward dx = 2 x dy. */
import type { Args } from './args.js';

export function squaredNormForward({ x, y, n }: Args<'squared_norm_forward'>): void {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[i]! * x[i]!;
  y[0] = sum;
}

export function squaredNormBackward({ dy, x, dx, n }: Args<'squared_norm_backward'>): void {
  for (let i = 0; i < n; i++) dx[i] = 2 * x[i]! * dy[0]!;
}
