/** Residual learning: layers beside a shortcut that carries their input past them (He et al. 2016, equations 1 and 2). */
import { checkOneOf, checkOptions, wrongType } from '../errors.js';
import { activationLayer } from './activation.js';
import { add } from './add.js';
import { type Activation, activations } from './common.js';
import { chain, input } from './graph.js';
import type { AnyLayer, BlockLayer, LayerOutput } from './layer.js';

export interface ResidualOptions {
  /** What the shortcut passes through. Default: none, the input itself. */
  readonly shortcut?: readonly AnyLayer[];
  /** What follows the sum. Default 'linear'. */
  readonly activation?: Activation;
}

/**
 * y = activation(F(x) + shortcut(x)), F being `layers` in a row. Both must give one shape: a shortcut of none needs layers that keep
 * theirs. The layers inside are named within the block, those of the shortcut after the others: 'residual_1.conv2d_1'.
 * @throws TypeError, RangeError on layers and options; ERR_SHAPE, when a model is made of it, where the two shapes differ.
 * @example
 * residual([conv2d({ filters: 64, kernelSize: 3, strides: 2, padding: 1, activation: 'relu' }), conv2d({ filters: 64, kernelSize: 3, padding: 1 })], {
 *   shortcut: [conv2d({ filters: 64, kernelSize: 1, strides: 2 })], activation: 'relu',
 * })
 */
export function residual(layers: readonly AnyLayer[], options?: ResidualOptions): BlockLayer {
  checkOptions('residual', options, ['shortcut', 'activation']);
  const activation = checkOneOf('residual', 'activation', options?.activation ?? 'linear', activations);
  const shortcut = options?.shortcut ?? [];
  if (!Array.isArray(shortcut)) throw wrongType('residual', 'shortcut', 'an array of layers', shortcut);
  const after = activation === 'linear' ? [] : [activationLayer(activation, undefined)];
  const expand = (x: LayerOutput) =>
    chain('residual', [chain('residual', x, layers), chain('residual: shortcut', x, shortcut)], [add(), ...after]);
  expand(input([1])); // names what is no layer
  if (layers.length === 0) throw new RangeError('residual: expected at least one layer but received none');
  return {
    kind: 'residual',
    options: { layers: layers.map(config), shortcut: shortcut.map(config), activation },
    expand,
  };
}

function config({ kind, options }: AnyLayer) {
  return { kind, options };
}
