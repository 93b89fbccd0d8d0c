/** Hyperbolic tangent y = tanh x (lecture notes 1.2); backward dx = dy (1 - y^2). */
import type { Args } from './args.js';

export function tanhForward({ x, y, n }: Args<'tanh_forward'>): void {
  for (let i = 0; i < n; i++) y[i] = Math.tanh(x[i]!);
}

export function tanhBackward({ dy, y, dx, n }: Args<'tanh_backward'>): void {
  for (let i = 0; i < n; i++) dx[i] = dy[i]! * (1 - y[i]! * y[i]!);
}
