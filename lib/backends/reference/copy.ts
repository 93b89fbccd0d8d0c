/** y = x. */
import type { Args } from './args.js';

export function copyForward({ x, y, n }: Args<'copy_forward'>): void {
  y.set(x.subarray(0, n));
}
