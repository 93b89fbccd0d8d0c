/** Softmax cross-entropy: xi = -log softmax(z)_label = log sum_j exp(z_j) - z_label, from the scores z. */
import { checkOptions, wrongShape } from '../errors.js';
import { softmaxOp } from '../graph/ops/softmax.js';
import { softmaxCrossEntropy as crossEntropyOf } from '../graph/ops/softmax-cross-entropy.js';
import { showShape } from '../graph/tensor.js';
import { asRows, beneath, checkLabels, type Loss } from './loss.js';

/**
 * Cross-entropy of the classes under softmax(z). z are scores (logits), at least two; where the network ends with a softmax,
 * the scores before it are used, so both forms train alike. Targets: classes 0 .. k-1 (another class gives NaN).
 * @throws TypeError on an unknown option.
 */
export function softmaxCrossEntropy(options?: Record<string, never>): Loss {
  checkOptions('softmaxCrossEntropy', options, []);
  return {
    name: 'softmaxCrossEntropy',
    options: {},
    targets: 'labels',
    apply(z, target, { label = 'softmaxCrossEntropy' } = {}) {
      if (z.shape.length !== 2 || z.shape[1]! === 1)
        throw wrongShape(
          label,
          `expected scores [N, classes] of at least 2 classes but received shape ${showShape(z.shape)} (one output: use 'logistic')`,
        );
      checkLabels(z, target, label);
      const before = beneath(z, softmaxOp);
      const scores = before?.shape[before.shape.length - 1] === z.shape[1] ? before! : z; // a softmax over all classes, not over a part
      return crossEntropyOf(asRows(scores, label), target, label);
    },
    threshold: () => 0.5,
  };
}
