/** Global average pooling: the mean of each channel of an image (Lin et al. 2014, section 3.2), a linear map. */
import { apply1, dim, imageShape, type Op, type Tensor } from '../tensor.js';
import { checkDType, matrixShape, real } from './checks.js';

export const globalAveragePool2dOp: Op<object> = {
  name: 'globalAveragePool2d',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    const { n, c } = imageShape(where, x!);
    return real([n, c]);
  },
  vjp: ({ inputs: [x] }, [dy]) => [dy && globalAveragePool2dBackward(dy, imageShape('globalAveragePool2d', x!))],
  jvp: (_, [dx]) => [dx && globalAveragePool2d(dx)],
  emit: ({ inputs: [x], outputs: [y] }, emit) =>
    emit('global_average_pool2d_forward', { x: x!, y: y!, ...kernelInts(x!) }),
};

interface BackwardAttributes {
  readonly h: number;
  readonly w: number;
}

/** dy / (h w) at each place of images of h x w. */
export const globalAveragePool2dBackwardOp: Op<BackwardAttributes> = {
  name: 'globalAveragePool2dBackward',
  infer: ([dy], { h, w }, where) => {
    const { rows, k } = matrixShape(where, 'dy', dy!);
    return real([rows, h, w, k]);
  },
  vjp: (_, [g]) => [g && globalAveragePool2d(g)],
  jvp: ({ attributes }, [t]) => [t && globalAveragePool2dBackward(t, attributes)],
  emit: ({ inputs: [dy], outputs: [dx] }, emit) =>
    emit('global_average_pool2d_backward', { dy: dy!, dx: dx!, ...kernelInts(dx!) }),
};

/** The mean of each channel of images [N, H, W, C]: [N, C]. Throws ERR_SHAPE on any other shape. */
export function globalAveragePool2d(x: Tensor, label?: string): Tensor {
  return apply1(globalAveragePool2dOp, [x], {}, label);
}

function globalAveragePool2dBackward(dy: Tensor, { h, w }: BackwardAttributes): Tensor {
  return apply1(globalAveragePool2dBackwardOp, [dy], { h, w });
}

function kernelInts(x: Tensor) {
  const { n, ...image } = imageShape('globalAveragePool2d', x);
  return { n: dim(n), ...image };
}
