/** Dropout (Srivastava et al. 2014): in training each value is 0 with probability `rate`, else divided by 1 - rate; otherwise nothing. */
import { checkNumber } from '../errors.js';
import { dropout as drop } from '../graph/ops/dropout.js';
import { checkInputShape, requireOptions } from './common.js';
import type { Layer } from './layer.js';

export interface DropoutOptions {
  /** Probability that a value is dropped, in [0, 1). */
  readonly rate: number;
}

/**
 * Dropout: any shape, unchanged. No parameters. What is dropped depends on the model's seed, the layer, the update and the place alone.
 * @throws TypeError, RangeError on options.
 * @example dropout({ rate: 0.5 })
 */
export function dropout(options: DropoutOptions): Layer {
  requireOptions('dropout', options, ['rate']);
  const rate = checkNumber('dropout', 'rate', options.rate, { min: 0, max: 1, openMax: true });
  return {
    kind: 'dropout',
    options: { rate },
    build(inputShape, label) {
      checkInputShape(label, inputShape);
      return { outputShape: inputShape, parameters: [] };
    },
    apply: (x, _, { training, seed, stream, label }) =>
      training && rate > 0 ? drop(x, { rate, seed, stream }, label) : x,
  };
}
