/** The contract of a layer: it checks shapes, names its parameters and composes ops. It holds no arithmetic. */
import type { Tensor } from '../graph/tensor.js';
import type { Initializer } from './initializers.js';

export interface ParameterSpec {
  /** 'weights' or 'bias'. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /** Inputs that one output value sums over, and outputs that one input value reaches (for He and Glorot). */
  readonly fanIn: number;
  readonly fanOut: number;
  /** Default true. false: no gradient, optimizer or regulariser touches it; the layer assigns its values in training. */
  readonly trainable?: boolean;
}

export interface ApplyContext {
  readonly training: boolean;
  /** The model's seed, and a number of this layer's own, for layers that draw random numbers. */
  readonly seed: number;
  readonly stream: number;
  /** The layer's name in the model, for messages and plans: 'conv2d_1'. */
  readonly label: string;
  /** Training: gives a parameter that is not trained the value it has after the step. */
  readonly assign?: (parameter: Tensor, value: Tensor) => void;
}

/** What a layer makes of its inputs' shapes. */
export interface Built {
  readonly outputShape: readonly number[];
  readonly parameters: readonly ParameterSpec[];
}

/** What every kind of layer has. */
interface Described {
  /** 'conv2d', 'dense', ... : the function that makes it. */
  readonly kind: string;
  /** The options it was made with, defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Layer extends Described {
  /** Shapes have no batch: [28, 28, 1]. Throws ERR_SHAPE, naming the layer (`label`) and both shapes, where the input does not fit. */
  build(inputShape: readonly number[], label: string): Built;
  /** `x` is [N, ...inputShape]; `parameters` stand in the order of build(). */
  apply(x: Tensor, parameters: readonly Tensor[], context: ApplyContext): Tensor;
}

/** A layer of two inputs or more: `add`. */
export interface MergeLayer extends Described {
  readonly merges: true;
  build(inputShapes: readonly (readonly number[])[], label: string): Built;
  apply(xs: readonly Tensor[], parameters: readonly Tensor[], context: ApplyContext): Tensor;
}

/** Several layers under one name: `residual`. A network takes it apart and numbers what is inside by itself: 'residual_1.conv2d_1'. */
export interface BlockLayer extends Described {
  /** Connects what is inside behind `x`. */
  expand(x: LayerOutput): LayerOutput;
}

export type AnyLayer = Layer | MergeLayer | BlockLayer;

/** What a layer will give at its place in a network. Made by `input` and `connect`. */
export interface LayerOutput {
  /** Counts up: what a layer reads was made before it. */
  readonly id: number;
  /** Undefined: an input of the network. */
  readonly layer: AnyLayer | undefined;
  readonly inputs: readonly LayerOutput[];
  /** Of an input, without the batch. */
  readonly shape?: readonly number[];
}
