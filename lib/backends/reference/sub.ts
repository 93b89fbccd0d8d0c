/** y = a - b, element by element. */
import type { Args } from './args.js';

export function subForward({ a, b, y, n }: Args<'sub_forward'>): void {
  for (let i = 0; i < n; i++) y[i] = a[i]! - b[i]!;
}
