/** Hinge loss, one class against the rest: xi = sum_j max(0, 1 - t_j z_j), t = +-1 (lecture notes 1.1, the L1 loss), or its square. */
import { checkOptions, wrongType } from '../errors.js';
import { hinge as hingeOf } from '../graph/ops/hinge.js';
import { asRows, denseTarget, type Loss } from './loss.js';

export interface HingeOptions {
  /** Squares each term: the L2 loss. Default false. */
  readonly squared?: boolean;
}

/**
 * Sum of max(0, 1 - t_j z_j) over the outputs. Targets: classes, as +1 at the class and -1 elsewhere (one output: class 0 is -1,
 * class 1 is +1), or real values of the output's shape. PyTorch's MultiMarginLoss compares with the right class's score instead; Keras takes the mean.
 * @throws TypeError on an unknown option or a value of the wrong kind.
 * @example hinge({ squared: true })
 */
export function hinge(options?: HingeOptions): Loss {
  checkOptions('hinge', options, ['squared']);
  const squared = options?.squared ?? false;
  if (typeof squared !== 'boolean') throw wrongType('hinge', 'squared', 'true or false', squared);
  return {
    name: 'hinge',
    options: { squared },
    targets: 'dense',
    apply(z, target, { label = 'hinge' } = {}) {
      const rows = asRows(z, label);
      return hingeOf(rows, denseTarget(rows, target, [-1, 1], label), { squared }, label);
    },
    threshold: () => 0,
  };
}
