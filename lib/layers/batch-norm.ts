/**
 * Batch normalization (Ioffe and Szegedy 2015): each channel to mean 0 and variance 1, then to a mean and deviation that are learned. In
 * training by the statistics of the batch, otherwise by running averages of them.
 */
import { checkNumber, checkOneOf, checkOptions, wrongType } from '../errors.js';
import { batchNormAverage, batchNormInference, batchNorm as normalize } from '../graph/ops/batch-norm.js';
import { constant, type Tensor } from '../graph/tensor.js';
import { type Activation, activate, activations, checkInputShape } from './common.js';
import { constant as constantly, zeros } from './initializers.js';
import type { Layer } from './layer.js';

export interface BatchNormOptions {
  /** Added to the variance; > 0. Default 1e-5, as in PyTorch (Keras: 1e-3). */
  readonly epsilon?: number;
  /** Part of the running statistics that stays at each step, in [0, 1]. Default 0.9 (PyTorch calls that 0.1; Keras takes 0.99). */
  readonly momentum?: number;
  /** Whether a factor for each channel is learned, from 1 on. Default true. */
  readonly scale?: boolean;
  /** Whether a summand for each channel is learned, from 0 on. Default true. */
  readonly shift?: boolean;
  /** Default 'linear'. 'relu' costs nothing more. */
  readonly activation?: Activation;
}

/**
 * Batch normalization over the last axis: any shape, [k] or [h, w, k] usually, unchanged. Parameters: scale [k], shift [k]; and, not trained
 * but moved by each training step, runningMean [k] (from 0 on) and runningVariance [k] (from 1 on), which evaluate and predict use.
 *
 * running = momentum running + (1 - momentum) batch, of the unbiased variance, as in PyTorch; Keras takes the biased one. A batch of one row
 * (and one pixel) tells nothing of the variance: the running one stays.
 * @throws TypeError, RangeError on options; ERR_SHAPE where the input has no channels.
 * @example conv2d({ filters: 32, kernelSize: 3, useBias: false }), batchNorm({ activation: 'relu' })
 */
export function batchNorm(options?: BatchNormOptions): Layer {
  checkOptions('batchNorm', options, ['epsilon', 'momentum', 'scale', 'shift', 'activation']);
  const o = options ?? {};
  const epsilon = checkNumber('batchNorm', 'epsilon', o.epsilon ?? 1e-5, { min: 0, openMin: true, openMax: true });
  const momentum = checkNumber('batchNorm', 'momentum', o.momentum ?? 0.9, { min: 0, max: 1 });
  const { scale = true, shift = true } = o;
  for (const [name, value] of Object.entries({ scale, shift }))
    if (typeof value !== 'boolean') throw wrongType('batchNorm', name, 'true or false', value);
  const activation = checkOneOf('batchNorm', 'activation', o.activation ?? 'linear', activations);
  return {
    kind: 'batchNorm',
    options: { epsilon, momentum, scale, shift, activation },
    build(inputShape, label) {
      checkInputShape(label, inputShape);
      const k = inputShape[inputShape.length - 1]!;
      const own = { shape: [k], fanIn: 1, fanOut: 1 };
      const parameters = [
        ...(scale ? [{ ...own, name: 'scale', initializer: constantly(1) }] : []),
        ...(shift ? [{ ...own, name: 'shift', initializer: zeros }] : []),
        { ...own, name: 'runningMean', initializer: zeros, trainable: false },
        { ...own, name: 'runningVariance', initializer: constantly(1), trainable: false },
      ];
      return { outputShape: inputShape, parameters };
    },
    apply(x, parameters, { training, label, assign }) {
      const left = [...parameters];
      const all = (value: number) => constant(new Array<number>(x.shape.at(-1) as number).fill(value));
      const factor = scale ? left.shift()! : all(1);
      const summand = shift ? left.shift()! : all(0);
      const [mean, variance] = left as [Tensor, Tensor];
      if (!training)
        return activate(
          activation,
          batchNormInference(x, { mean, variance }, factor, summand, { epsilon }, label),
          label,
        );
      const y = normalize(x, factor, summand, { epsilon }, label);
      const running = batchNormAverage({ mean, variance }, y, momentum, label);
      assign?.(mean, running.mean);
      assign?.(variance, running.variance);
      return activate(activation, y, label);
    },
  };
}
