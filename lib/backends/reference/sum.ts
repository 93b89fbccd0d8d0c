/** y = sum of x; backward dx_i = dy. */
import type { Args } from './args.js';

export function sumForward({ x, y, n }: Args<'sum_forward'>): void {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[i]!;
  y[0] = sum;
}

export function sumBackward({ dy, dx, n }: Args<'sum_backward'>): void {
  dx.fill(dy[0]!, 0, n);
}
