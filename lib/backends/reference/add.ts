/** y = a + b, element by element. */
import type { Args } from './args.js';

export function addForward({ a, b, y, n }: Args<'add_forward'>): void {
  for (let i = 0; i < n; i++) y[i] = a[i]! + b[i]!;
}
