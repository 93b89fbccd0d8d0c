/**
 * Batch normalization (Ioffe and Szegedy 2015): y = scale x^ + shift, where x^ = (x - mean) / sqrt(variance + epsilon) has mean 0 and
 * variance 1 in each channel (the last axis) over all others. With P u = (u - mean(u) - x^ mean(x^ u)) / sqrt(variance + epsilon), which is
 * symmetric, dx = scale P dy and the tangent is scale P dx + dscale x^ + dshift.
 */
import { checkNumber, checkOptions, wrongShape, wrongType } from '../../errors.js';
import {
  apply,
  apply1,
  constant,
  type IntExpr,
  type Op,
  rowsAndColumns,
  type Shape,
  showShape,
  type Tensor,
} from '../tensor.js';
import { notDifferentiable } from '../walk.js';
import { add, plus } from './add.js';
import { biasBackward } from './bias-add.js';
import { checkDType, checkShapeIs, real } from './checks.js';
import { meanBackward } from './mean.js';
import { mul } from './mul.js';
import { negate, scale as times } from './scale.js';

export interface BatchNormOptions {
  /** Added to the variance; > 0. Default 1e-5. */
  readonly epsilon?: number;
}
type Attributes = Required<BatchNormOptions>;

/** A number a channel: shape [k]. */
export interface Statistics {
  readonly mean: Tensor;
  /** The biased one: divided by the number of rows. */
  readonly variance: Tensor;
}

/** Of x, scale and shift: y, and mean and variance of the batch, for batchNormAverage and batchNormBackward. */
export const batchNormOp: Op<Attributes> = {
  name: 'batchNorm',
  infer: ([x, ...perChannel], _, where) => {
    const channels = checkChannels(where, x!, ['scale', 'shift'], perChannel);
    return [...real(x!.shape), ...real(channels), ...real(channels)];
  },
  vjp: (node, [dy, dmean, dvariance]) => {
    if (dmean || dvariance) throw notDifferentiable(node, 'has no derivative of its mean and variance');
    const { inputs, outputs, attributes } = node;
    return dy ? backward(dy, inputs[0]!, inputs[1]!, statisticsOf(outputs), attributes) : [];
  },
  jvp: ({ inputs: [x, scale], outputs, attributes }, tangents) => [
    tangent(tangents, x!, scale!, statisticsOf(outputs), attributes),
  ],
  emit: ({ inputs: [x, scale, shift], outputs: [y, mean, variance], attributes: { epsilon } }, emit) =>
    emit('batch_norm_forward', {
      ...{ x: x!, scale: scale!, shift: shift!, y: y!, mean: mean!, variance: variance! },
      ...rowsAndColumns(x!.shape),
      ...{ relu: 0, h: 0, w: 0, epsilon },
    }),
};

/**
 * Of dy, x, scale and the statistics of x: dx, dscale, dshift. The statistics are functions of x, and count as such in the derivatives.
 * By x along t: -(scale / sqrt(variance + epsilon)) (mean(x^ t) P dy + mean(x^ dy) P t + mean(dy P t) x^), as symmetric as P.
 */
export const batchNormBackwardOp: Op<Attributes> = {
  name: 'batchNormBackward',
  infer: ([dy, x, ...perChannel], _, where) => {
    const channels = checkChannels(where, x!, ['scale', 'mean', 'variance'], perChannel);
    checkShapeIs(where, 'dy', dy!, x!.shape);
    return [...real(x!.shape), ...real(channels), ...real(channels)];
  },
  vjp: ({ inputs, attributes }, [g, gscale, gshift]) => {
    const [dy, x, scale] = inputs as [Tensor, Tensor, Tensor];
    const of = { mean: inputs[3]!, variance: inputs[4]! };
    const along = (v: Tensor, by: Tensor) => backward(v, x, by, of, attributes)[0];
    return [
      tangent([g, gscale, gshift], x, scale, of, attributes),
      plus(g && curvature(g, dy, x, scale, of, attributes), gscale && along(dy, gscale)),
      g && biasBackward(mul(g, along(dy, like(scale, 1)))),
    ];
  },
  jvp: ({ inputs, attributes }, [dydot, xdot, scaledot]) => {
    const [dy, x, scale] = inputs as [Tensor, Tensor, Tensor];
    const of = { mean: inputs[3]!, variance: inputs[4]! };
    const along = (v: Tensor, by: Tensor) => backward(v, x, by, of, attributes);
    const moved = dydot && along(dydot, scale);
    return [
      plus(plus(moved?.[0], xdot && curvature(xdot, dy, x, scale, of, attributes)), scaledot && along(dy, scaledot)[0]),
      plus(moved?.[1], xdot && biasBackward(mul(dy, along(xdot, like(scale, 1))[0]))),
      moved?.[2],
    ];
  },
  emit: ({ inputs, outputs: [dx, dscale, dshift], attributes: { epsilon } }, emit) => {
    const [dy, x, scale, mean, variance] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    emit('batch_norm_backward', {
      ...{ dy, x, scale, mean, variance, dx: dx!, dscale: dscale!, dshift: dshift! },
      ...rowsAndColumns(x.shape),
      epsilon,
    });
  },
};

/** Of x, mean, variance, scale and shift: y. */
export const batchNormInferenceOp: Op<Attributes> = {
  name: 'batchNormInference',
  noDerivative: [1, 2],
  infer: ([x, ...perChannel], _, where) => {
    checkChannels(where, x!, ['mean', 'variance', 'scale', 'shift'], perChannel);
    return real(x!.shape);
  },
  vjp: ({ inputs: [x, mean, variance, scale], attributes }, [dy]) => {
    if (!dy) return [];
    const normal = batchNormInference(
      x!,
      { mean: mean!, variance: variance! },
      like(scale!, 1),
      like(scale!, 0),
      attributes,
    );
    return [
      stretch(dy, variance!, scale!, attributes),
      undefined,
      undefined,
      biasBackward(mul(dy, normal)),
      biasBackward(dy),
    ];
  },
  jvp: ({ inputs: [x, mean, variance, scale], attributes }, [dx, , , dscale, dshift]) => {
    const [by, to] = [dscale ?? like(scale!, 0), dshift ?? like(scale!, 0)];
    const moved = dscale || dshift;
    return [
      plus(
        dx && stretch(dx, variance!, scale!, attributes),
        moved && batchNormInference(x!, { mean: mean!, variance: variance! }, by, to, attributes),
      ),
    ];
  },
  emit: ({ inputs, outputs: [y], attributes: { epsilon } }, emit) => {
    const [x, mean, variance, scale, shift] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const ints = { ...rowsAndColumns(x.shape), relu: 0 };
    emit('batch_norm_inference', { x, mean, variance, scale, shift, y: y!, ...ints, epsilon });
  },
};

interface AverageAttributes {
  readonly momentum: number;
  /** Shape of what the statistics were taken of. */
  readonly shape: Shape;
}

/** Of running mean and variance, and those of a batch: the running ones after it. No derivative: they do not enter the loss. */
export const batchNormAverageOp: Op<AverageAttributes> = {
  name: 'batchNormAverage',
  infer: (statistics, _, where) => {
    for (const [i, name] of ['runningMean', 'runningVariance', 'mean', 'variance'].entries()) {
      checkDType(where, 'real', { [name]: statistics[i]! });
      checkShapeIs(where, name, statistics[i]!, statistics[2]!.shape);
    }
    return [...real(statistics[0]!.shape), ...real(statistics[1]!.shape)];
  },
  emit: ({ inputs, outputs: [newMean, newVariance], attributes: { momentum, shape } }, emit) => {
    const [oldMean, oldVariance, mean, variance] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const rows: { rows: IntExpr; k: number } = rowsAndColumns(shape);
    const buffers = { oldMean, oldVariance, mean, variance, newMean: newMean!, newVariance: newVariance! };
    emit('batch_norm_average', { ...buffers, ...rows, momentum });
  },
};

/**
 * x [..., k] normalized in each channel by the mean and variance of the batch, times scale [k], plus shift [k]. For training. A channel that
 * is constant, or has one row, gives `shift`. Throws ERR_SHAPE where scale or shift does not fit the last axis.
 */
export function batchNorm(x: Tensor, scale: Tensor, shift: Tensor, options?: BatchNormOptions, label?: string): Tensor {
  return apply1(batchNormOp, [x, scale, shift], attributesOf(label ?? 'batchNorm', options), label);
}

/** The same by a mean and variance [k] that are given. For inference. There is no derivative by these two. */
export function batchNormInference(
  x: Tensor,
  statistics: Statistics,
  scale: Tensor,
  shift: Tensor,
  options?: BatchNormOptions,
  label?: string,
): Tensor {
  const where = label ?? 'batchNormInference';
  const attributes = attributesOf(where, options);
  if (statistics === null || typeof statistics !== 'object')
    throw wrongType(where, 'statistics', 'an object { mean, variance }', statistics);
  const { mean, variance } = statistics;
  return apply1(batchNormInferenceOp, [x, mean, variance, scale, shift], attributes, label);
}

/**
 * Running statistics after a batch normalization `y` of a batch: old + (1 - momentum) (batch's - old). The batch's variance is the unbiased
 * one here, variance rows / (rows - 1); of a single row it is unknown, and the old one stays.
 */
export function batchNormAverage(old: Statistics, y: Tensor, momentum: number, label?: string): Statistics {
  const { mean, variance } = statisticsOf(y.node.outputs);
  const attributes = { momentum, shape: y.shape };
  const inputs = [old.mean, old.variance, mean, variance];
  const [newMean, newVariance] = apply(batchNormAverageOp, inputs, attributes, label);
  return { mean: newMean!, variance: newVariance! };
}

// ---- parts ----

function attributesOf(where: string, options?: BatchNormOptions): Attributes {
  checkOptions(where, options, ['epsilon']);
  const limits = { min: 0, openMin: true, openMax: true };
  return { epsilon: checkNumber(where, 'epsilon', options?.epsilon ?? 1e-5, limits) };
}

/** Throws unless all are real and the named ones have the shape of x's last axis; returns that shape. */
function checkChannels(where: string, x: Tensor, names: readonly string[], tensors: readonly Tensor[]): Shape {
  checkDType(where, 'real', { x });
  const k = x.shape.at(-1);
  if (typeof k !== 'number')
    throw wrongShape(where, `expected channels on the last axis but received ${showShape(x.shape)}`);
  for (const [i, name] of names.entries()) {
    checkDType(where, 'real', { [name]: tensors[i]! });
    checkShapeIs(where, name, tensors[i]!, [k]);
  }
  return [k];
}

function statisticsOf([, mean, variance]: readonly Tensor[]): Statistics {
  return { mean: mean!, variance: variance! };
}

/** [dx, dscale, dshift]. */
function backward(dy: Tensor, x: Tensor, scale: Tensor, { mean, variance }: Statistics, attributes: Attributes) {
  const inputs = [dy, x, scale, mean, variance];
  return apply(batchNormBackwardOp, inputs, attributes) as readonly [Tensor, Tensor, Tensor];
}

/** How y moves where x, scale and shift do. */
function tangent(
  [dx, dscale, dshift]: readonly (Tensor | undefined)[],
  x: Tensor,
  scale: Tensor,
  of: Statistics,
  attributes: Attributes,
): Tensor | undefined {
  const moved = dscale || dshift;
  return plus(
    dx && backward(dx, x, scale, of, attributes)[0],
    moved && batchNorm(x, dscale ?? like(scale, 0), dshift ?? like(scale, 0), attributes),
  );
}

/** The derivative of scale P u by x, along t. */
function curvature(t: Tensor, u: Tensor, x: Tensor, scale: Tensor, of: Statistics, attributes: Attributes): Tensor {
  const share = times(meanBackward(constant(1), x.shape), scale.shape[0] as number); // 1 / rows everywhere
  const factor = stretch(scale, of.variance, like(scale, 1), attributes);
  const [Pt] = backward(t, x, like(scale, 1), of, attributes);
  const mean = (v: Tensor) => backward(mul(v, share), x, scale, of, attributes)[1]; // of x^ v
  const both = biasBackward(mul(mul(u, share), Pt));
  return negate(
    add(
      add(
        backward(u, x, mul(factor, mean(t)), of, attributes)[0],
        backward(t, x, mul(factor, mean(u)), of, attributes)[0],
      ),
      batchNorm(x, mul(factor, both), like(scale, 0), attributes),
    ),
  )!;
}

/** v scale / sqrt(variance + epsilon). */
function stretch(v: Tensor, variance: Tensor, scale: Tensor, attributes: Attributes): Tensor {
  const none = like(scale, 0);
  return batchNormInference(v, { mean: none, variance }, scale, none, attributes);
}

/** One number for each channel. */
function like({ shape }: Tensor, value: number): Tensor {
  return constant(new Float64Array(shape[0] as number).fill(value), shape as number[]);
}
