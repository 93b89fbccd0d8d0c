/** relu(x) = max(0, x), NaN for NaN; backward dx = dy where y > 0, else 0: relu'(0) = 0 (lecture notes 1.3.3 and 3.2.1). */
import type { Args } from './args.js';

/** max(0, x) of one number. */
export function relu(x: number): number {
  return x > 0 || Number.isNaN(x) ? x : 0;
}

export function reluForward({ x, y, n }: Args<'relu_forward'>): void {
  for (let i = 0; i < n; i++) y[i] = relu(x[i]!);
}

export function reluBackward({ dy, y, dx, n }: Args<'relu_backward'>): void {
  for (let i = 0; i < n; i++) dx[i] = y[i]! > 0 ? dy[i]! : 0;
}
