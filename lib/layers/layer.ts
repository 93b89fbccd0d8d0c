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

export interface Layer {
  /** 'conv2d', 'dense', ... : the function that makes it. */
  readonly kind: string;
  /** The options it was made with, defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Shapes have no batch: [28, 28, 1]. Throws ERR_SHAPE, naming the layer (`label`) and both shapes, where the input does not fit. */
  build(
    inputShape: readonly number[],
    label: string,
  ): { outputShape: readonly number[]; parameters: readonly ParameterSpec[] };
  /** `x` is [N, ...inputShape]; `parameters` stand in the order of build(). */
  apply(x: Tensor, parameters: readonly Tensor[], context: ApplyContext): Tensor;
}
