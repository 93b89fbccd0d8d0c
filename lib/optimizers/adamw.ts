/** AdamW: Adam's step, and theta <- theta - lr weightDecay theta apart from it (lecture notes 2.2.6, definition 2.2.5; Loshchilov and Hutter 2019). */
import type { AdamOptions } from './adam.js';
import { makeOptimizer, type Optimizer } from './optimizer.js';

/**
 * AdamW: `adam` with weightDecay 0.01 by default; the other defaults are Adam's.
 * PyTorch's form is this one, with the same defaults; Keras's has weight decay 0.004, and its delta where its Adam has it.
 * @throws TypeError on an unknown option or a value of the wrong kind, RangeError on one out of range.
 */
export function adamw(options?: AdamOptions): Optimizer {
  return makeOptimizer(
    {
      name: 'adamw',
      kernel: 'adam_step',
      stateBuffers: ['s', 'r'],
      usesStep: true,
      defaults: { learningRate: 0.001, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, delta: 1e-8 },
    },
    options,
  );
}
