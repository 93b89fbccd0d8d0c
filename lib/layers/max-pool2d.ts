/** Max pooling: the largest value of each window, P_pool = M P_phi; a tie goes to the first in row-major order (lecture notes 1.3.6). */
import { maxPool2d as maxOf } from '../graph/ops/max-pool2d.js';
import type { Layer } from './layer.js';
import { type Pool2dOptions, pool2d } from './pool2d.js';

/**
 * Max pooling: [h, w, c] to [floor((h - poolSize) / strides) + 1, ..., c]. No parameters. Defaults: poolSize 2, strides = poolSize.
 * @throws TypeError, RangeError on options; ERR_SHAPE where the input is no image or is smaller than the window.
 * @example maxPool2d({ poolSize: 2 })
 */
export function maxPool2d(options?: Pool2dOptions): Layer {
  return pool2d('maxPool2d', options, (x, window, { label }) => maxOf(x, window, label));
}
