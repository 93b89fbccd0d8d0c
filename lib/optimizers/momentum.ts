/** Momentum: v <- a v - lr G; theta <- theta + v (lecture notes 2.2.2, definition 2.2.1; Polyak 1964). */
import { type CommonOptions, makeOptimizer, type Optimizer } from './optimizer.js';

export interface MomentumOptions extends CommonOptions {
  /** a, in [0, 1): how much of the last step goes on. Default 0.9. */
  readonly momentum?: number;
}

/**
 * Stochastic gradient with momentum. Defaults: learningRate 0.01, momentum 0.9, weightDecay 0.
 * PyTorch keeps v without the learning rate (v <- a v + g; theta <- theta - lr v): the same until the learning rate changes. Keras's form is this one.
 * @throws TypeError on an unknown option or a value of the wrong kind, RangeError on one out of range.
 */
export function momentum(options?: MomentumOptions): Optimizer {
  return makeOptimizer(
    {
      name: 'momentum',
      kernel: 'momentum_step',
      stateBuffers: ['v'],
      defaults: { learningRate: 0.01, weightDecay: 0, momentum: 0.9 },
    },
    options,
  );
}
