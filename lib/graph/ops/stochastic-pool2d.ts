/**
 * Stochastic pooling (lecture notes 1.3.6; Zeiler and Fergus 2013). Training: one value of each window, drawn with a probability in
 * proportion to it (negative values count as 0). Inference: the mean under the same probabilities.
 */
import { apply1, type Op, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';
import { checkPool, maxPool2dOp, type Pool2dOptions, type PoolAttributes, poolInts, poolShape } from './max-pool2d.js';
import { checkRandom, type RandomAttributes, type RandomOptions, randomInts } from './random.js';

type StochasticAttributes = PoolAttributes & RandomAttributes;

/** Outputs: the drawn values and their places. The places are taken as given by the derivatives, as in max pooling. */
export const stochasticPool2dOp: Op<StochasticAttributes> = {
  ...maxPool2dOp,
  name: 'stochasticPool2d',
  emit: ({ inputs: [x], outputs: [y, argmax], attributes }, emit) => {
    const ints = { ...poolInts(x!, attributes), ...randomInts(attributes, y!.shape) };
    emit('stochastic_pool2d_forward', { x: x!, y: y!, argmax: argmax!, ...ints });
  },
};

/** For inference only: it has no derivative rules. */
export const stochasticPool2dExpectedOp: Op<PoolAttributes> = {
  name: 'stochasticPool2dExpected',
  infer: ([x], attributes, where) => {
    checkDType(where, 'real', { x: x! });
    return real(poolShape(where, x!, attributes));
  },
  emit: ({ inputs: [x], outputs: [y], attributes }, emit) =>
    emit('stochastic_pool2d_expected', { x: x!, y: y!, ...poolInts(x!, attributes) }),
};

/** A value drawn from each window of images [N, H, W, C], anew at each step: [N, P, Q, C] (sizes as in maxPool2d). For training. */
export function stochasticPool2d(x: Tensor, options?: Pool2dOptions & RandomOptions, label?: string): Tensor {
  const where = label ?? 'stochasticPool2d';
  const pool = checkPool(where, options, ['seed', 'stream']);
  return apply1(stochasticPool2dOp, [x], { ...pool, ...checkRandom(where, options) }, label);
}

/** What stochasticPool2d gives on average: for inference. Not differentiable. */
export function stochasticPool2dExpected(x: Tensor, options?: Pool2dOptions, label?: string): Tensor {
  return apply1(stochasticPool2dExpectedOp, [x], checkPool(label ?? 'stochasticPool2dExpected', options), label);
}
