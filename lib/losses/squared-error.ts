/** Squared error: xi = ||z - t||^2, the sum over the outputs, no half (lecture notes 1.2). */
import { checkOptions } from '../errors.js';
import { squaredError as squaredErrorOf } from '../graph/ops/squared-error.js';
import { asRows, denseTarget, type Loss } from './loss.js';

/**
 * Sum of (z_j - t_j)^2 over the outputs. Targets: real values of the output's shape, or classes as one-hot rows of 0 and 1
 * (one output: class 0 is 0, class 1 is 1). PyTorch's MSELoss and Keras's mean_squared_error divide by the number of outputs.
 * @throws TypeError on an unknown option.
 */
export function squaredError(options?: Record<string, never>): Loss {
  checkOptions('squaredError', options, []);
  return {
    name: 'squaredError',
    options: {},
    targets: 'dense',
    apply(z, target, { label = 'squaredError' } = {}) {
      const rows = asRows(z, label);
      return squaredErrorOf(rows, denseTarget(rows, target, [0, 1], label), label);
    },
    threshold: () => 0.5,
  };
}
