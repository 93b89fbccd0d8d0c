/** Logistic loss, one class against the rest: xi = sum_j log(1 + exp(-t_j z_j)), t = +-1 (lecture notes 1.1). */
import { checkOptions } from '../errors.js';
import { logistic as logisticOf } from '../graph/ops/logistic.js';
import { sigmoidOp } from '../graph/ops/sigmoid.js';
import { asRows, beneath, denseTarget, type Loss } from './loss.js';

/**
 * Sum of log(1 + exp(-t_j z_j)) over the outputs: binary cross-entropy of sigmoid(z). z are scores; where the network ends with a
 * sigmoid, the scores before it are used. Targets: classes, as +1 at the class and -1 elsewhere (one output: class 0 is -1,
 * class 1 is +1), or real values of the output's shape. PyTorch's BCEWithLogitsLoss and Keras take targets 0 and 1, and the mean.
 * @throws TypeError on an unknown option.
 */
export function logistic(options?: Record<string, never>): Loss {
  checkOptions('logistic', options, []);
  return {
    name: 'logistic',
    options: {},
    targets: 'dense',
    apply(z, target, { label = 'logistic' } = {}) {
      const rows = asRows(beneath(z, sigmoidOp) ?? z, label);
      return logisticOf(rows, denseTarget(rows, target, [-1, 1], label), label);
    },
    threshold: (z) => (beneath(z, sigmoidOp) ? 0.5 : 0),
  };
}
