/** The convolutional layer S = W phi(pad(Z)) + b 1', then sigma (lecture notes 1.3.2 to 1.3.5). */
import { checkInteger, wrongRange, wrongType } from '../errors.js';
import { biasAdd } from '../graph/ops/bias-add.js';
import { conv2d as convolve } from '../graph/ops/conv2d.js';
import {
  activate,
  checkImage,
  checkWindow,
  requireOptions,
  type WeightedOptions,
  weighted,
  weightedOptionNames,
  weightedParameters,
} from './common.js';
import type { Layer } from './layer.js';

export interface Conv2dOptions extends WeightedOptions {
  /** Channels out. */
  readonly filters: number;
  /** Height and width of the filters. */
  readonly kernelSize: number;
  /** Step of the window, both ways. Default 1. */
  readonly strides?: number;
  /**
   * Zeros on each side, at most 128 or the shorter side of larger images; 'valid' (default): none; 'same': as many as keep height and width
   * (odd kernelSize, strides 1).
   */
  readonly padding?: number | 'same' | 'valid';
}

/**
 * Convolution: [h, w, c] to [p, q, filters], p = floor((h + 2 padding - kernelSize) / strides) + 1.
 * Parameters: weights [kernelSize, kernelSize, c, filters], bias [filters].
 * @throws TypeError, RangeError on options; ERR_SHAPE where the input is no image or is smaller than the filter, or the padding too wide.
 * @example conv2d({ filters: 32, kernelSize: 5, padding: 2, activation: 'relu' })
 */
export function conv2d(options: Conv2dOptions): Layer {
  requireOptions('conv2d', options, ['filters', 'kernelSize', 'strides', 'padding', ...weightedOptionNames]);
  const filters = checkInteger('conv2d', 'filters', options.filters, 1);
  const kernelSize = checkInteger('conv2d', 'kernelSize', options.kernelSize, 1);
  const strides = checkInteger('conv2d', 'strides', options.strides ?? 1, 1);
  const padding = options.padding ?? 'valid';
  const zeros = zerosOf(padding, kernelSize, strides);
  const form = weighted('conv2d', options);
  return {
    kind: 'conv2d',
    options: { filters, kernelSize, strides, padding, ...form.config },
    build(inputShape, label) {
      const image = checkImage(label, inputShape);
      const [p, q] = checkWindow(label, 'filter', image, kernelSize, strides, zeros);
      const area = kernelSize * kernelSize;
      const shape = [kernelSize, kernelSize, image[2], filters];
      return {
        outputShape: [p, q, filters],
        parameters: weightedParameters(form, shape, area * image[2], area * filters),
      };
    },
    apply(x, [weights, bias], { label }) {
      const s = convolve(x, weights!, { stride: strides, padding: zeros }, label);
      return activate(form.activation, bias ? biasAdd(s, bias, label) : s, label);
    },
  };
}

/** The zeros on each side that the option `padding` means. */
function zerosOf(padding: unknown, kernelSize: number, strides: number): number {
  if (padding === 'valid') return 0;
  if (padding === 'same') {
    if (kernelSize % 2 === 0) throw wrongRange('conv2d', "kernelSize with padding 'same'", 'an odd number', kernelSize);
    if (strides !== 1) throw wrongRange('conv2d', "strides with padding 'same'", '1', strides);
    return (kernelSize - 1) / 2;
  }
  if (typeof padding !== 'number') throw wrongType('conv2d', 'padding', "an integer >= 0, 'same' or 'valid'", padding);
  return checkInteger('conv2d', 'padding', padding);
}
