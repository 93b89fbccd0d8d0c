/** Stochastic gradient: theta <- theta - lr G (lecture notes 2.2.1, algorithm 2.1). */
import { type CommonOptions, makeOptimizer, type Optimizer } from './optimizer.js';

/**
 * Plain stochastic gradient. Defaults: learningRate 0.01, weightDecay 0.
 * PyTorch's and Keras's form is this one. `weightDecay` 1/C is the regulariser theta'theta/(2C) of `fit`, here alone.
 * @throws TypeError on an unknown option or a value of the wrong kind, RangeError on one out of range.
 * @example sgd({ learningRate: inverseSqrt(0.1) })
 */
export function sgd(options?: CommonOptions): Optimizer {
  return makeOptimizer(
    { name: 'sgd', kernel: 'sgd_step', stateBuffers: [], defaults: { learningRate: 0.01, weightDecay: 0 } },
    options,
  );
}
