/** y = factor x. */
import type { Args } from './args.js';

export function scaleForward({ x, y, n, factor }: Args<'scale_forward'>): void {
  for (let i = 0; i < n; i++) y[i] = factor * x[i]!;
}
