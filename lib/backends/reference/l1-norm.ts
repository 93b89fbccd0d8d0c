/** y = sum |x_i|, the L1 regulariser (lecture notes 1.1); backward dx = sign(x) dy, with sign(0) = 0. */
import type { Args } from './args.js';

export function l1NormForward({ x, y, n }: Args<'l1_norm_forward'>): void {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += Math.abs(x[i]!);
  y[0] = sum;
}

export function l1NormBackward({ dy, x, dx, n }: Args<'l1_norm_backward'>): void {
  for (let i = 0; i < n; i++) dx[i] = Math.sign(x[i]!) * dy[0]!;
}
