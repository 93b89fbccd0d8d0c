/** Layers by kind, and their JSON form, for saving a model. */
import { checkOneOf, wrongType } from '../errors.js';
import { averagePool2d } from './average-pool2d.js';
import { conv2d } from './conv2d.js';
import { dense } from './dense.js';
import { dropout } from './dropout.js';
import { flatten } from './flatten.js';
import { globalAveragePool2d } from './global-average-pool2d.js';
import type { Layer } from './layer.js';
import { maxPool2d } from './max-pool2d.js';
import { relu } from './relu.js';
import { sigmoid } from './sigmoid.js';
import { softmax } from './softmax.js';
import { stochasticPool2d } from './stochastic-pool2d.js';
import { tanh } from './tanh.js';
import { zeroPadding2d } from './zero-padding2d.js';

/** Every layer: its kind is the name of the function that makes it. */
export const layers = {
  conv2d,
  dense,
  zeroPadding2d,
  maxPool2d,
  averagePool2d,
  globalAveragePool2d,
  stochasticPool2d,
  relu,
  sigmoid,
  tanh,
  softmax,
  dropout,
  flatten,
} as const;
export type LayerKind = keyof typeof layers;
export const layerKinds = Object.keys(layers) as LayerKind[];

/** A layer as JSON. */
export interface LayerConfig {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The JSON form of a layer: `layerFromConfig` makes the same layer of it. Its parameters are the model's, not the layer's. */
export function toConfig({ kind, options }: Layer): LayerConfig {
  return { kind, options: { ...options } };
}

/** The layer that a configuration describes. Throws as the layer's function does, and a RangeError on an unknown kind. */
export function layerFromConfig(config: LayerConfig): Layer {
  if (config === null || typeof config !== 'object')
    throw wrongType('layer', 'config', 'an object { kind, options }', config);
  const kind = checkOneOf('layer', 'kind', config.kind, layerKinds);
  return (layers[kind] as (options: unknown) => Layer)(config.options);
}
