/** What layers share: checks of options and input shapes, activations, weights and bias. */
import { checkOneOf, checkOptions, wrongShape, wrongType } from '../errors.js';
import { out } from '../geometry.js';
import { checkPadding } from '../graph/ops/checks.js';
import { relu } from '../graph/ops/relu.js';
import { sigmoid } from '../graph/ops/sigmoid.js';
import { softmax } from '../graph/ops/softmax.js';
import { tanh } from '../graph/ops/tanh.js';
import { showShape, type Tensor } from '../graph/tensor.js';
import {
  type Initializer,
  type InitializerConfig,
  type InitializerOption,
  initializerConfig,
  initializerFrom,
} from './initializers.js';
import type { ParameterSpec } from './layer.js';

/** What follows a layer's linear map. */
export type Activation = 'linear' | 'relu' | 'sigmoid' | 'tanh' | 'softmax';
export const activations: readonly Activation[] = ['linear', 'relu', 'sigmoid', 'tanh', 'softmax'];

/** Applies an activation, element by element (softmax: over the last axis). */
export function activate(activation: Activation, x: Tensor, label: string): Tensor {
  switch (activation) {
    case 'linear':
      return x;
    case 'relu':
      return relu(x, label);
    case 'sigmoid':
      return sigmoid(x, label);
    case 'tanh':
      return tanh(x, label);
    case 'softmax':
      return softmax(x, label);
  }
}

/** The options of a layer with weights, apart from its sizes. */
export interface WeightedOptions {
  /** Default 'linear'. */
  readonly activation?: Activation;
  /** Whether a bias is added. Default true. */
  readonly useBias?: boolean;
  /** Default 'heNormal' before relu, 'glorotUniform' otherwise. */
  readonly weightsInitializer?: InitializerOption;
  /** Default 'zeros'. */
  readonly biasInitializer?: InitializerOption;
}
export const weightedOptionNames = ['activation', 'useBias', 'weightsInitializer', 'biasInitializer'] as const;

export interface Weighted {
  readonly activation: Activation;
  readonly useBias: boolean;
  readonly weights: Initializer;
  readonly bias: Initializer;
  /** The four options in JSON form. */
  readonly config: {
    readonly activation: Activation;
    readonly useBias: boolean;
    readonly weightsInitializer: InitializerConfig;
    readonly biasInitializer: InitializerConfig;
  };
}

/** Checks these options and fills their defaults in. */
export function weighted(kind: string, options: WeightedOptions): Weighted {
  const activation = checkOneOf(kind, 'activation', options.activation ?? 'linear', activations);
  const useBias = options.useBias ?? true;
  if (typeof useBias !== 'boolean') throw wrongType(kind, 'useBias', 'true or false', useBias);
  const usual = activation === 'relu' ? 'heNormal' : 'glorotUniform';
  const weights = initializerFrom(kind, 'weightsInitializer', options.weightsInitializer ?? usual);
  const bias = initializerFrom(kind, 'biasInitializer', options.biasInitializer ?? 'zeros');
  const weightsInitializer = initializerConfig(weights);
  const biasInitializer = initializerConfig(bias);
  return { activation, useBias, weights, bias, config: { activation, useBias, weightsInitializer, biasInitializer } };
}

/** The parameters of a layer with weights: 'weights' and, where it has one, 'bias', one value an output channel. */
export function weightedParameters(
  { useBias, weights, bias }: Weighted,
  shape: readonly number[],
  fanIn: number,
  fanOut: number,
): readonly ParameterSpec[] {
  const specs: ParameterSpec[] = [{ name: 'weights', shape, initializer: weights, fanIn, fanOut }];
  if (useBias) specs.push({ name: 'bias', shape: [shape[shape.length - 1]!], initializer: bias, fanIn, fanOut });
  return specs;
}

/** Throws where a layer with options was called without, or with an unknown one. */
export function requireOptions(kind: string, options: unknown, known: readonly string[]): void {
  checkOptions(kind, options ?? null, known);
}

/** Throws unless `shape` (without the batch) is a list of sizes >= 1, at least one. */
export function checkInputShape(label: string, shape: readonly number[]): void {
  if (!Array.isArray(shape)) throw wrongType(label, 'inputShape', 'an array of sizes', shape);
  if (shape.length === 0 || !shape.every((d) => Number.isInteger(d) && d >= 1))
    throw wrongShape(
      label,
      `expected sizes >= 1 without the batch, as in [28, 28, 1], but received ${showShape(shape)}`,
    );
}

/** Height, width and channels of an image shape; throws ERR_SHAPE on any other shape. */
export function checkImage(label: string, shape: readonly number[]): readonly [h: number, w: number, c: number] {
  checkInputShape(label, shape);
  if (shape.length !== 3)
    throw wrongShape(label, `expected images [height, width, channels] but received shape ${showShape(shape)}`);
  return shape as unknown as readonly [number, number, number];
}

/** Output height and width of a window over an image; throws ERR_SHAPE where it does not fit, or its padding is too wide. */
export function checkWindow(
  label: string,
  what: 'filter' | 'pool',
  [h, w, c]: readonly [number, number, number],
  window: number,
  stride: number,
  padding: number,
): readonly [number, number] {
  const [p, q] = [out(h, window, stride, padding), out(w, window, stride, padding)];
  if (Number.isNaN(p) || Number.isNaN(q)) {
    const padded = padding > 0 ? ` with padding ${padding}` : '';
    throw wrongShape(
      label,
      `expected images of at least ${window} x ${window}${padded} for a ${what} of ${window} x ${window} but received shape ${showShape([h, w, c])}`,
    );
  }
  checkPadding(label, padding, h, w);
  return [p, q];
}
