/** RMSProp: r <- rho r + (1 - rho) G G; theta <- theta - lr G / (sqrt(r) + delta) (lecture notes 2.2.4, definition 2.2.3; Hinton 2012). */
import { type CommonOptions, makeOptimizer, type Optimizer } from './optimizer.js';

export interface RmspropOptions extends CommonOptions {
  /** rho, in [0, 1): how much of the mean square stays. Default 0.9. */
  readonly decay?: number;
  /** Keeps the division from 0; > 0. Default 1e-7. */
  readonly delta?: number;
}

/**
 * RMSProp. Defaults: learningRate 0.001, decay 0.9, delta 1e-7, weightDecay 0.
 * PyTorch's form is this one, with learning rate 0.01, decay 0.99 and delta 1e-8; Keras has sqrt(r + delta). Both can add momentum and centre r.
 * @throws TypeError on an unknown option or a value of the wrong kind, RangeError on one out of range.
 */
export function rmsprop(options?: RmspropOptions): Optimizer {
  return makeOptimizer(
    {
      name: 'rmsprop',
      kernel: 'rmsprop_step',
      stateBuffers: ['r'],
      defaults: { learningRate: 0.001, weightDecay: 0, decay: 0.9, delta: 1e-7 },
    },
    options,
  );
}
