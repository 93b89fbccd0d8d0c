/** AdaGrad: r <- r + G G; theta <- theta - lr G / (sqrt(r) + delta) (lecture notes 2.2.3, definition 2.2.2; Duchi et al. 2011). */
import { type CommonOptions, makeOptimizer, type Optimizer } from './optimizer.js';

export interface AdagradOptions extends CommonOptions {
  /** Keeps the division from 0; > 0. Default 1e-7. */
  readonly delta?: number;
}

/**
 * AdaGrad. Defaults: learningRate 0.01, delta 1e-7, weightDecay 0.
 * PyTorch's form is this one, with delta 1e-10; its `lr_decay` is the schedule `inverseTime`. Keras starts r at 0.1 and has sqrt(r + delta).
 * @throws TypeError on an unknown option or a value of the wrong kind, RangeError on one out of range.
 */
export function adagrad(options?: AdagradOptions): Optimizer {
  return makeOptimizer(
    {
      name: 'adagrad',
      kernel: 'adagrad_step',
      stateBuffers: ['r'],
      defaults: { learningRate: 0.01, weightDecay: 0, delta: 1e-7 },
    },
    options,
  );
}
