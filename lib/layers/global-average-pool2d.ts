/** Global average pooling: one number a channel, its mean (Lin et al. 2014, section 3.2). */
import { checkOptions } from '../errors.js';
import { globalAveragePool2d as averageOf } from '../graph/ops/global-average-pool2d.js';
import { checkImage } from './common.js';
import type { Layer } from './layer.js';

/**
 * Global average pooling: [h, w, c] to [c]. No options, no parameters.
 * @throws TypeError on options; ERR_SHAPE where the input is no image.
 * @example globalAveragePool2d()
 */
export function globalAveragePool2d(options?: Record<string, never>): Layer {
  checkOptions('globalAveragePool2d', options, []);
  return {
    kind: 'globalAveragePool2d',
    options: {},
    build(inputShape, label) {
      const [, , c] = checkImage(label, inputShape);
      return { outputShape: [c], parameters: [] };
    },
    apply: (x, _, { label }) => averageOf(x, label),
  };
}
