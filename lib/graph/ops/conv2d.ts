/**
 * Convolution: y[n, p, q, k] = sum over r, s, c of xpad[n, p*stride + r, q*stride + s, c] * filter[r, s, c, k]
 * (lecture notes 1.3.2 and 1.3.3: W phi(pad(Z))). With its two derivatives (3.2) it is one trilinear form
 * T(x, filter, dy) = <conv2d(x, filter), dy>: each of the three ops is the gradient of T by one argument, so each one's rules are the other two.
 */
import { checkInteger, checkOptions, wrongShape } from '../../errors.js';
import { apply1, type Dim, dim, imageShape, type Op, showShape, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { checkDType, checkShapeIs, checkTensor, real, windowShape } from './checks.js';

export interface Conv2dOptions {
  /** Step of the window. Default 1. */
  readonly stride?: number;
  /** Zeros added at each edge, at most 128 or the shorter side of larger images. Default 0. */
  readonly padding?: number;
}
type Step = Required<Conv2dOptions>;

export const conv2dOp: Op<Step> = {
  name: 'conv2d',
  infer: ([x, filter], step, where) => {
    checkDType(where, 'real', { x: x!, filter: filter! });
    const { r, s, c, k } = filterShape(where, filter!);
    const [n, p, q, channels] = windowShape(where, x!, { r, s, ...step });
    if (channels !== c)
      throw wrongShape(
        where,
        `images of shape ${showShape(x!.shape)} have ${channels} channels but the filter ${showShape(filter!.shape)} reads ${c}`,
      );
    return real([n, p, q, k]);
  },
  vjp: ({ inputs: [x, filter], attributes }, [dy]) =>
    dy ? [backwardInput(dy, filter!, x!, attributes), backwardFilter(x!, dy, filter!, attributes)] : [],
  jvp: ({ inputs: [x, filter], attributes }, [dx, df]) => [
    plus(dx && conv2d(dx, filter!, attributes), df && conv2d(x!, df, attributes)),
  ],
  emit: ({ inputs: [x, filter], outputs: [y], attributes }, emit) => {
    const ints = { ...kernelInts(x!, filter!, attributes), relu: 0, pool: 0, poolStride: 0 };
    emit('conv2d_forward', { x: x!, filter: filter!, y: y!, ...ints });
  },
};

interface InputAttributes extends Step {
  readonly h: number;
  readonly w: number;
}

/** dx from dy [n, p, q, k] and the filter, for images of h x w: P_pad' P_phi' vec(W' dS). */
export const conv2dBackwardInputOp: Op<InputAttributes> = {
  name: 'conv2dBackwardInput',
  infer: ([dy, filter], { h, w }, where) => {
    const { c, k } = filterShape(where, filter!);
    const { n } = imageShape(where, dy!);
    checkShapeIs(where, 'dy', dy!, [...dy!.shape.slice(0, 3), k]);
    return real([n, h, w, c]);
  },
  vjp: ({ inputs: [dy, filter], attributes }, [g]) =>
    g ? [conv2d(g, filter!, stepOf(attributes)), backwardFilter(g, dy!, filter!, attributes)] : [],
  jvp: ({ inputs: [dy, filter], outputs: [dx], attributes }, [t, df]) => [
    plus(t && backwardInput(t, filter!, dx!, attributes), df && backwardInput(dy!, df, dx!, attributes)),
  ],
  emit: ({ inputs: [dy, filter], outputs: [dx], attributes }, emit) =>
    emit('conv2d_backward_input', {
      dy: dy!,
      filter: filter!,
      dx: dx!,
      ...kernelInts(dx!, filter!, attributes),
      pool: 0,
      poolStride: 0,
    }),
};

interface FilterAttributes extends Step {
  readonly r: number;
  readonly s: number;
}

/** dfilter from x and dy [n, p, q, k], summed over the batch: dS phi(pad(Z))'. */
export const conv2dBackwardFilterOp: Op<FilterAttributes> = {
  name: 'conv2dBackwardFilter',
  infer: ([x, dy], { r, s, stride, padding }, where) => {
    const [n, p, q, c] = windowShape(where, x!, { r, s, stride, padding });
    const { c: k } = imageShape(where, dy!);
    checkShapeIs(where, 'dy', dy!, [n, p, q, k]);
    return real([r, s, c, k]);
  },
  vjp: ({ inputs: [x, dy], attributes }, [g]) =>
    g ? [backwardInput(dy!, g, x!, attributes), conv2d(x!, g, stepOf(attributes))] : [],
  jvp: ({ inputs: [x, dy], outputs: [dw], attributes }, [dx, t]) => [
    plus(dx && backwardFilter(dx, dy!, dw!, attributes), t && backwardFilter(x!, t, dw!, attributes)),
  ],
  emit: ({ inputs: [x, dy], outputs: [dw], attributes }, emit) =>
    emit('conv2d_backward_filter', {
      x: x!,
      dy: dy!,
      dw: dw!,
      ...kernelInts(x!, dw!, attributes),
      pool: 0,
      poolStride: 0,
    }),
};

/**
 * Convolves images x [N, H, W, C] with filter [R, S, C, K]: [N, P, Q, K], P = floor((H + 2 padding - R) / stride) + 1, Q alike.
 * Throws ERR_SHAPE where the channels differ, the filter does not fit, or the padding is too wide.
 */
export function conv2d(x: Tensor, filter: Tensor, options?: Conv2dOptions, label?: string): Tensor {
  const where = label ?? 'conv2d';
  checkOptions(where, options, ['stride', 'padding']);
  const { stride = 1, padding = 0 } = options ?? {};
  checkInteger(where, 'stride', stride, 1);
  checkInteger(where, 'padding', padding);
  return apply1(conv2dOp, [x, filter], { stride, padding }, label);
}

function backwardInput(dy: Tensor, filter: Tensor, like: Tensor, step: Step): Tensor {
  const { h, w } = imageShape('conv2dBackwardInput', like);
  return apply1(conv2dBackwardInputOp, [dy, filter], { ...stepOf(step), h, w });
}

function backwardFilter(x: Tensor, dy: Tensor, like: Tensor, step: Step): Tensor {
  const { r, s } = filterShape('conv2dBackwardFilter', like);
  return apply1(conv2dBackwardFilterOp, [x, dy], { ...stepOf(step), r, s });
}

function stepOf({ stride, padding }: Step): Step {
  return { stride, padding };
}

function filterShape(where: string, filter: Tensor): { r: number; s: number; c: number; k: number } {
  checkTensor(where, 'filter', filter);
  const [r, s, c, k] = filter.shape as readonly Dim[];
  if (filter.shape.length !== 4 || r === 'N')
    throw wrongShape(where, `expected a filter [R, S, C, K] but received shape ${showShape(filter.shape)}`);
  return { r, s, c, k } as { r: number; s: number; c: number; k: number };
}

function kernelInts(x: Tensor, filter: Tensor, { stride, padding }: Step) {
  const { n, ...image } = imageShape('conv2d', x);
  const { r, s, k } = filterShape('conv2d', filter);
  return { n: dim(n), ...image, k, r, s, stride, padding, tile: 0 };
}
