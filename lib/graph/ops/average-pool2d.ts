/** Average pooling: the mean of each window, a linear map (lecture notes 1.3.6). */
import { apply1, imageShape, type Op, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';
import { checkPool, type Pool2dOptions, type PoolAttributes, poolInts, poolShape } from './max-pool2d.js';

export const averagePool2dOp: Op<PoolAttributes> = {
  name: 'averagePool2d',
  infer: ([x], attributes, where) => {
    checkDType(where, 'real', { x: x! });
    return real(poolShape(where, x!, attributes));
  },
  vjp: ({ inputs: [x], attributes }, [dy]) => [dy && averagePool2dBackward(dy, x!, attributes)],
  jvp: ({ attributes }, [dx]) => [dx && averagePool2d(dx, attributes)],
  emit: ({ inputs: [x], outputs: [y], attributes }, emit) =>
    emit('average_pool2d_forward', { x: x!, y: y!, ...poolInts(x!, attributes) }),
};

interface BackwardAttributes extends PoolAttributes {
  readonly h: number;
  readonly w: number;
}

/** dy / pool^2 at each place of its window, added up where windows overlap. */
export const averagePool2dBackwardOp: Op<BackwardAttributes> = {
  name: 'averagePool2dBackward',
  infer: ([dy], { h, w }, where) => {
    const { n, c } = imageShape(where, dy!);
    return real([n, h, w, c]);
  },
  vjp: ({ attributes: { pool, stride } }, [g]) => [g && averagePool2d(g, { pool, stride })],
  jvp: ({ outputs: [dx], attributes }, [t]) => [t && averagePool2dBackward(t, dx!, attributes)],
  emit: ({ inputs: [dy], outputs: [dx], attributes }, emit) =>
    emit('average_pool2d_backward', { dy: dy!, dx: dx!, ...poolInts(dx!, attributes) }),
};

/**
 * The mean of each window of images [N, H, W, C]: [N, P, Q, C], P = floor((H - pool) / stride) + 1, Q alike.
 * Throws ERR_SHAPE where the window does not fit.
 */
export function averagePool2d(x: Tensor, options?: Pool2dOptions, label?: string): Tensor {
  return apply1(averagePool2dOp, [x], checkPool(label ?? 'averagePool2d', options), label);
}

function averagePool2dBackward(dy: Tensor, like: Tensor, { pool, stride }: PoolAttributes): Tensor {
  const { h, w } = imageShape('averagePool2dBackward', like);
  return apply1(averagePool2dBackwardOp, [dy], { pool, stride, h, w });
}
