/** Layers by kind, and their JSON form, for saving a model. */
import { checkInteger, checkOneOf, wrongType } from '../errors.js';
import { add } from './add.js';
import { averagePool2d } from './average-pool2d.js';
import { batchNorm } from './batch-norm.js';
import { conv2d } from './conv2d.js';
import { dense } from './dense.js';
import { dropout } from './dropout.js';
import { flatten } from './flatten.js';
import { globalAveragePool2d } from './global-average-pool2d.js';
import { chain, input, type LayerGraph, upTo } from './graph.js';
import type { AnyLayer } from './layer.js';
import { maxPool2d } from './max-pool2d.js';
import { relu } from './relu.js';
import { residual } from './residual.js';
import { sigmoid } from './sigmoid.js';
import { softmax } from './softmax.js';
import { stochasticPool2d } from './stochastic-pool2d.js';
import { tanh } from './tanh.js';
import { zeroPadding2d } from './zero-padding2d.js';

/** Every layer: its kind is the name of the function that makes it. */
export const layers = {
  conv2d,
  dense,
  batchNorm,
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
  add,
  residual,
} as const;
export type LayerKind = keyof typeof layers;
export const layerKinds = Object.keys(layers) as LayerKind[];

/** A layer as JSON. */
export interface LayerConfig {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The JSON form of a layer: `layerFromConfig` makes the same layer of it. Its parameters are the model's, not the layer's. */
export function toConfig({ kind, options }: AnyLayer): LayerConfig {
  return { kind, options: { ...options } };
}

/** The layer that a configuration describes. Throws as the layer's function does, and a RangeError on an unknown kind. */
export function layerFromConfig(config: LayerConfig): AnyLayer {
  if (config === null || typeof config !== 'object')
    throw wrongType('layer', 'config', 'an object { kind, options }', config);
  const kind = checkOneOf('layer', 'kind', config.kind, layerKinds);
  if (kind === 'residual') {
    const { layers, shortcut, ...options } = config.options;
    return residual(layersFrom('layers', layers), { ...options, shortcut: layersFrom('shortcut', shortcut) });
  }
  return (layers[kind] as (options: unknown) => AnyLayer)(config.options);
}

function layersFrom(name: string, configs: unknown): AnyLayer[] {
  if (!Array.isArray(configs)) throw wrongType('residual', name, 'an array of layers', configs);
  return configs.map(layerFromConfig);
}

/** A network as JSON: layers in order, with the places of those they read (-1: the input); the last one's output is the network's. */
export interface GraphConfig {
  readonly inputShape: readonly number[];
  readonly layers: readonly (LayerConfig & { readonly inputs: readonly number[] })[];
}

/** The JSON form of a network's layers: `graphFromConfig` makes the same network of it. */
export function graphToConfig({ inputs, outputs }: LayerGraph): GraphConfig {
  const places = upTo(outputs).filter((place) => place !== inputs);
  const layers = places.map((place) => ({
    ...toConfig(place.layer!),
    inputs: place.inputs.map((from) => places.indexOf(from)),
  }));
  return { inputShape: inputs.shape!, layers };
}

/** The network that a configuration describes. Throws as `input`, `connect` and `layerFromConfig` do, RangeError on a place that is none. */
export function graphFromConfig(config: GraphConfig): LayerGraph {
  if (config === null || typeof config !== 'object' || !Array.isArray(config.layers) || config.layers.length === 0)
    throw wrongType('network', 'config', 'an object { inputShape, layers } with a layer at least', config);
  const places = [input(config.inputShape)];
  for (const [i, layer] of config.layers.entries()) {
    const where = `layers[${i}].inputs`;
    if (!Array.isArray(layer?.inputs)) throw wrongType('network', where, 'an array of places', layer?.inputs);
    const from = layer.inputs.map((at: unknown) => places[checkInteger('network', where, at, -1, i - 1) + 1]!);
    places.push(chain('network', from, [layerFromConfig(layer)]));
  }
  return { inputs: places[0]!, outputs: places[places.length - 1]! };
}
