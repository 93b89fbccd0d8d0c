/**
 * Nesterov's accelerated gradient: v <- a v - lr G; theta <- theta + a v - lr G. The parameters held are those after the look-ahead,
 * so the gradient is taken where the parameters stand (Nesterov 1983; Sutskever et al. 2013, section 2; lecture notes 2.2.2).
 */
import type { MomentumOptions } from './momentum.js';
import { makeOptimizer, type Optimizer } from './optimizer.js';

/**
 * Nesterov momentum. Defaults: learningRate 0.01, momentum 0.9, weightDecay 0.
 * PyTorch keeps v without the learning rate: the same until the learning rate changes. Keras's form is this one.
 * @throws TypeError on an unknown option or a value of the wrong kind, RangeError on one out of range.
 */
export function nesterov(options?: MomentumOptions): Optimizer {
  return makeOptimizer(
    {
      name: 'nesterov',
      kernel: 'nesterov_step',
      stateBuffers: ['v'],
      defaults: { learningRate: 0.01, weightDecay: 0, momentum: 0.9 },
    },
    options,
  );
}
