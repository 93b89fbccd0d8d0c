/**
 * Adam: s <- b1 s + (1 - b1) G; r <- b2 r + (1 - b2) G G; theta <- theta - lr (s / (1 - b1^t)) / (sqrt(r / (1 - b2^t)) + delta)
 * (lecture notes 2.2.5, definition 2.2.4 with the bias correction of theorems 2.2.1 and 2.2.2; Kingma and Ba 2015).
 */
import { type CommonOptions, makeOptimizer, type Optimizer } from './optimizer.js';

export interface AdamOptions extends CommonOptions {
  /** b1, in [0, 1): how much of the mean gradient stays. Default 0.9. */
  readonly beta1?: number;
  /** b2, in [0, 1): how much of the mean square stays. Default 0.999. */
  readonly beta2?: number;
  /** Keeps the division from 0, outside the root; > 0. Default 1e-8. */
  readonly delta?: number;
}

/**
 * Adam. Defaults: learningRate 0.001, beta1 0.9, beta2 0.999, delta 1e-8, weightDecay 0.
 * PyTorch's form is this one; Keras adds delta (1e-7) to the root before its bias is corrected: (sqrt(r) + delta) / sqrt(1 - b2^t).
 * @throws TypeError on an unknown option or a value of the wrong kind, RangeError on one out of range.
 */
export function adam(options?: AdamOptions): Optimizer {
  return makeOptimizer(
    {
      name: 'adam',
      kernel: 'adam_step',
      stateBuffers: ['s', 'r'],
      usesStep: true,
      defaults: { learningRate: 0.001, weightDecay: 0, beta1: 0.9, beta2: 0.999, delta: 1e-8 },
    },
    options,
  );
}
