/**
 * Max pooling: the largest value of each window, and its place there (lecture notes 1.3.6). With the places known, pooling is the linear
 * map P_pool, so gradients go by P_pool' (maxPool2dBackward) and tangents by P_pool (maxPool2dSelect); each is the other's transpose.
 */
import { checkInteger, checkOptions } from '../../errors.js';
import { apply1, dim, imageShape, type Op, type Tensor } from '../tensor.js';
import { checkDType, checkShapeIs, checkTensor, real, windowShape } from './checks.js';

export interface Pool2dOptions {
  /** Height and width of the window, 1 to 256. Default 2. */
  readonly pool?: number;
  /** Step of the window. Default: `pool`. */
  readonly stride?: number;
}
export type PoolAttributes = Required<Pool2dOptions>;

export const maxPool2dOp: Op<PoolAttributes> = {
  name: 'maxPool2d',
  infer: ([x], attributes, where) => {
    checkDType(where, 'real', { x: x! });
    const shape = poolShape(where, x!, attributes);
    return [
      { shape, dtype: 'real' },
      { shape, dtype: 'u16' },
    ];
  },
  vjp: ({ inputs: [x], outputs: [, argmax], attributes }, [dy]) => [
    dy && maxPool2dBackward(dy, argmax!, x!, attributes),
  ],
  jvp: ({ outputs: [, argmax], attributes }, [dx]) => [dx && maxPool2dSelect(dx, argmax!, attributes), undefined],
  emit: ({ inputs: [x], outputs: [y, argmax], attributes }, emit) =>
    emit('max_pool2d_forward', { x: x!, y: y!, argmax: argmax!, ...poolInts(x!, attributes) }),
};

interface BackwardAttributes extends PoolAttributes {
  readonly h: number;
  readonly w: number;
}

/** dy at the places that argmax names in images of h x w, added up where windows overlap; zero elsewhere. */
export const maxPool2dBackwardOp: Op<BackwardAttributes> = {
  name: 'maxPool2dBackward',
  infer: ([dy, argmax], { h, w }, where) => {
    checkDType(where, 'u16', { argmax: argmax! });
    checkShapeIs(where, 'argmax', argmax!, dy!.shape);
    const { n, c } = imageShape(where, dy!);
    return real([n, h, w, c]);
  },
  vjp: ({ inputs: [, argmax], attributes: { pool, stride } }, [g]) => [
    g && maxPool2dSelect(g, argmax!, { pool, stride }),
    undefined,
  ],
  jvp: ({ inputs: [, argmax], outputs: [dx], attributes: { pool, stride } }, [t]) => [
    t && maxPool2dBackward(t, argmax!, dx!, { pool, stride }),
  ],
  emit: ({ inputs: [dy, argmax], outputs: [dx], attributes }, emit) =>
    emit('max_pool2d_backward', { dy: dy!, argmax: argmax!, dx: dx!, ...poolInts(dx!, attributes) }),
};

/** The value of each window at the place that argmax names. */
export const maxPool2dSelectOp: Op<PoolAttributes> = {
  name: 'maxPool2dSelect',
  infer: ([x, argmax], attributes, where) => {
    checkDType(where, 'u16', { argmax: argmax! });
    const shape = poolShape(where, x!, attributes);
    checkShapeIs(where, 'argmax', argmax!, shape);
    return real(shape);
  },
  vjp: ({ inputs: [x, argmax], attributes }, [g]) => [g && maxPool2dBackward(g, argmax!, x!, attributes), undefined],
  jvp: ({ inputs: [, argmax], attributes }, [t]) => [t && maxPool2dSelect(t, argmax!, attributes)],
  emit: ({ inputs: [x, argmax], outputs: [y], attributes }, emit) =>
    emit('max_pool2d_select', { x: x!, argmax: argmax!, y: y!, ...poolInts(x!, attributes) }),
};

/**
 * The largest value of each window of images [N, H, W, C]: [N, P, Q, C], P = floor((H - pool) / stride) + 1, Q alike.
 * Equal values: the first in row-major order of the window. Throws ERR_SHAPE where the window does not fit.
 */
export function maxPool2d(x: Tensor, options?: Pool2dOptions, label?: string): Tensor {
  return apply1(maxPool2dOp, [x], checkPool(label ?? 'maxPool2d', options), label);
}

/** Routes dy [n, p, q, c] to the places that argmax names in images of the shape of `like`: P_pool' dy. */
export function maxPool2dBackward(dy: Tensor, argmax: Tensor, like: Tensor, { pool, stride }: PoolAttributes): Tensor {
  checkTensor('maxPool2dBackward', 'like', like);
  const { h, w } = imageShape('maxPool2dBackward', like);
  return apply1(maxPool2dBackwardOp, [dy, argmax], { pool, stride, h, w });
}

/** The values of x at the places that argmax names: P_pool x. */
export function maxPool2dSelect(x: Tensor, argmax: Tensor, { pool, stride }: PoolAttributes): Tensor {
  return apply1(maxPool2dSelectOp, [x, argmax], { pool, stride });
}

// ---- what all kinds of pooling share ----

/** The options with their defaults; throws on a window outside 1 .. 256 (a place in it is a u16). */
export function checkPool(where: string, options?: Pool2dOptions, more: readonly string[] = []): PoolAttributes {
  checkOptions(where, options, ['pool', 'stride', ...more]);
  const pool = checkInteger(where, 'pool', options?.pool ?? 2, 1, 256);
  return { pool, stride: checkInteger(where, 'stride', options?.stride ?? pool, 1) };
}

export function poolShape(where: string, x: Tensor, { pool, stride }: PoolAttributes) {
  return windowShape(where, x, { r: pool, s: pool, stride });
}

export function poolInts(x: Tensor, { pool, stride }: PoolAttributes) {
  const { n, ...image } = imageShape('pool', x);
  return { n: dim(n), ...image, pool, stride };
}
