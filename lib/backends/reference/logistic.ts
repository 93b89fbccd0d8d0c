/** Logistic loss of each row (lecture notes 1.1): sum_j log(1 + e^(-t_j z_j)); backward dz = -t dloss / (1 + e^(t z)). */
import type { Args } from './args.js';

export function logisticForward({ z, t, loss, rows, k }: Args<'logistic_forward'>): void {
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = i * k; j < (i + 1) * k; j++) {
      const margin = t[j]! * z[j]!;
      sum += Math.max(-margin, 0) + Math.log1p(Math.exp(-Math.abs(margin)));
    }
    loss[i] = sum;
  }
}

export function logisticBackward({ z, t, dloss, dz, rows, k }: Args<'logistic_backward'>): void {
  for (let i = 0; i < rows; i++)
    for (let j = i * k; j < (i + 1) * k; j++) dz[j] = (-t[j]! * dloss[i]!) / (1 + Math.exp(t[j]! * z[j]!));
}
