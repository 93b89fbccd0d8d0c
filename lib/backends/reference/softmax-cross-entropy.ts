/**
 * Cross-entropy of the softmax of each row against its label: loss = log sum_j e^(z_j) - z_label; backward
 * dz = (softmax(z) - e_label) dloss (Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 6.2.2.3).
 * A label outside 0 .. k-1 gives NaN.
 */
import type { Args } from './args.js';
import { maxAndSum } from './softmax.js';

export function softmaxCrossEntropyForward(args: Args<'softmax_cross_entropy_forward'>): void {
  const { z, labels, loss, rows, k } = args;
  for (let i = 0; i < rows; i++) {
    const label = labels[i]!;
    const { max, sum } = maxAndSum(z, i * k, k);
    loss[i] = label >= 0 && label < k ? Math.log(sum) - (z[i * k + label]! - max) : Number.NaN;
  }
}

export function softmaxCrossEntropyBackward(args: Args<'softmax_cross_entropy_backward'>): void {
  const { z, labels, dloss, dz, rows, k } = args;
  for (let i = 0; i < rows; i++) {
    const label = labels[i]!;
    const known = label >= 0 && label < k;
    const { max, sum } = maxAndSum(z, i * k, k);
    for (let j = 0; j < k; j++) {
      const probability = Math.exp(z[i * k + j]! - max) / sum;
      dz[i * k + j] = known ? (probability - (j === label ? 1 : 0)) * dloss[i]! : Number.NaN;
    }
  }
}
