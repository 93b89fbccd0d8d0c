/**
 * Hinge loss of each row, the L1 loss of the lecture notes (1.1): sum_j max(0, 1 - t_j z_j), or the sum of their squares where
 * squared is 1. Backward dz = -t dloss inside the margin (1 - t z > 0), squared: -2 t max(0, 1 - t z) dloss; else 0.
 */
import type { Args } from './args.js';
import { relu } from './relu.js';

export function hingeForward({ z, t, loss, rows, k, squared }: Args<'hinge_forward'>): void {
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = i * k; j < (i + 1) * k; j++) {
      const slack = relu(1 - t[j]! * z[j]!);
      sum += squared !== 0 ? slack * slack : slack;
    }
    loss[i] = sum;
  }
}

export function hingeBackward({ z, t, dloss, dz, rows, k, squared }: Args<'hinge_backward'>): void {
  for (let i = 0; i < rows; i++)
    for (let j = i * k; j < (i + 1) * k; j++) {
      const slack = 1 - t[j]! * z[j]!;
      dz[j] = slack > 0 ? -t[j]! * (squared !== 0 ? 2 * slack : 1) * dloss[i]! : 0;
    }
}
