/** Average pooling: the mean of each window (lecture notes 1.3.6). */
import { averagePool2d as averageOf } from '../graph/ops/average-pool2d.js';
import type { Layer } from './layer.js';
import { type Pool2dOptions, pool2d } from './pool2d.js';

/**
 * Average pooling: [h, w, c] to [floor((h - poolSize) / strides) + 1, ..., c]. No parameters. Defaults: poolSize 2, strides = poolSize.
 * @throws TypeError, RangeError on options; ERR_SHAPE where the input is no image or is smaller than the window.
 * @example averagePool2d()
 */
export function averagePool2d(options?: Pool2dOptions): Layer {
  return pool2d('averagePool2d', options, (x, window, { label }) => averageOf(x, window, label));
}
