/** y = (sum of x) / n, NaN for n = 0; backward dx_i = dy / count, count being the n of the forward pass. */
import type { Args } from './args.js';

export function meanForward({ x, y, n }: Args<'mean_forward'>): void {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[i]!;
  y[0] = sum / n;
}

export function meanBackward({ dy, dx, n, count }: Args<'mean_backward'>): void {
  dx.fill(dy[0]! / count, 0, n);
}
