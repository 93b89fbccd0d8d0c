/** The fully-connected layer y = sigma(x W + b) (lecture notes 1.2 and 1.3.8; there y = sigma(W x + b) with W transposed). */
import { checkInteger, wrongShape } from '../errors.js';
import { biasAdd } from '../graph/ops/bias-add.js';
import { matmul } from '../graph/ops/matmul.js';
import { showShape } from '../graph/tensor.js';
import {
  activate,
  checkInputShape,
  requireOptions,
  type WeightedOptions,
  weighted,
  weightedOptionNames,
  weightedParameters,
} from './common.js';
import type { Layer } from './layer.js';

export interface DenseOptions extends WeightedOptions {
  /** Values out. */
  readonly units: number;
}

/**
 * Fully connected: [k] to [units]. Parameters: weights [k, units], bias [units].
 * @throws TypeError, RangeError on options; ERR_SHAPE where the input is not flat (put `flatten()` before it).
 * @example dense({ units: 10 })
 */
export function dense(options: DenseOptions): Layer {
  requireOptions('dense', options, ['units', ...weightedOptionNames]);
  const units = checkInteger('dense', 'units', options.units, 1);
  const form = weighted('dense', options);
  return {
    kind: 'dense',
    options: { units, ...form.config },
    build(inputShape, label) {
      checkInputShape(label, inputShape);
      if (inputShape.length !== 1)
        throw wrongShape(
          label,
          `expected a flat input [k] but received shape ${showShape(inputShape)}; put flatten() before it`,
        );
      const k = inputShape[0]!;
      return { outputShape: [units], parameters: weightedParameters(form, [k, units], k, units) };
    },
    apply(x, [weights, bias], { label }) {
      const s = matmul(x, weights!, {}, label);
      return activate(form.activation, bias ? biasAdd(s, bias, label) : s, label);
    },
  };
}
