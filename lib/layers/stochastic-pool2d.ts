/**
 * Stochastic pooling (Zeiler and Fergus 2013; named in lecture notes 1.3.6): in training one value of each window, drawn with
 * probability a_j / sum a, a = max(x, 0); otherwise the mean under these probabilities, sum a_j^2 / sum a_j.
 */
import {
  stochasticPool2d as drawFrom,
  stochasticPool2dExpected as expectedOf,
} from '../graph/ops/stochastic-pool2d.js';
import type { Layer } from './layer.js';
import { type Pool2dOptions, pool2d } from './pool2d.js';

/**
 * Stochastic pooling: [h, w, c] to [floor((h - poolSize) / strides) + 1, ..., c]. Meant after relu: negative values are never drawn.
 * No parameters. Defaults: poolSize 2, strides = poolSize.
 * @throws TypeError, RangeError on options; ERR_SHAPE where the input is no image or is smaller than the window.
 * @example stochasticPool2d({ poolSize: 3, strides: 2 })
 */
export function stochasticPool2d(options?: Pool2dOptions): Layer {
  return pool2d('stochasticPool2d', options, (x, window, { training, seed, stream, label }) =>
    training ? drawFrom(x, { ...window, seed, stream }, label) : expectedOf(x, window, label),
  );
}
