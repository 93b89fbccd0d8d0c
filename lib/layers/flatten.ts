/** Flattening, the notes' vec (1.3.8): [h, w, c] becomes [h w c]. The values stay where they are in memory. */
import { checkOptions } from '../errors.js';
import { flatten as reshapeFlat } from '../graph/ops/reshape.js';
import { checkInputShape } from './common.js';
import type { Layer } from './layer.js';

/**
 * Any input shape to one axis, row-major. No parameters.
 * @example flatten()
 */
export function flatten(options?: Record<string, never>): Layer {
  checkOptions('flatten', options, []);
  return {
    kind: 'flatten',
    options: {},
    build(inputShape, label) {
      checkInputShape(label, inputShape);
      return { outputShape: [inputShape.reduce((product, d) => product * d, 1)], parameters: [] };
    },
    apply: (x, _, { label }) => reshapeFlat(x, label),
  };
}
