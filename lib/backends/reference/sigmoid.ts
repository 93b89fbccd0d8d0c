/** Sigmoid y = 1 / (1 + e^-x) (lecture notes 1.2); backward dx = dy y (1 - y). */
import type { Args } from './args.js';

export function sigmoidForward({ x, y, n }: Args<'sigmoid_forward'>): void {
  for (let i = 0; i < n; i++) y[i] = 1 / (1 + Math.exp(-x[i]!));
}

export function sigmoidBackward({ dy, y, dx, n }: Args<'sigmoid_backward'>): void {
  for (let i = 0; i < n; i++) dx[i] = dy[i]! * y[i]! * (1 - y[i]!);
}
