/** Zeros round each image: vec(pad(Z)) = P_pad vec(Z) (lecture notes 1.3.5). The gradient cuts them off again: P_pad'. */
import { checkInteger, checkOptions, wrongShape } from '../../errors.js';
import { apply1, dim, imageShape, type Op, showShape, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';

export interface ZeroPad2dOptions {
  /** Zeros at each of the four edges. Default 1. */
  readonly padding?: number;
}
type ZeroPad2dAttributes = Required<ZeroPad2dOptions>;

export const zeroPad2dOp: Op<ZeroPad2dAttributes> = {
  name: 'zeroPad2d',
  infer: ([x], { padding }, where) => {
    checkDType(where, 'real', { x: x! });
    const { n, h, w, c } = imageShape(where, x!);
    return real([n, h + 2 * padding, w + 2 * padding, c]);
  },
  vjp: ({ attributes }, [dy]) => [dy && zeroPad2dBackward(dy, attributes)],
  jvp: ({ attributes }, [dx]) => [dx && zeroPad2d(dx, attributes)],
  emit: ({ inputs: [x], outputs: [y], attributes: { padding } }, emit) =>
    emit('zero_pad2d_forward', { x: x!, y: y!, ...kernelInts(x!), padding }),
};

export const zeroPad2dBackwardOp: Op<ZeroPad2dAttributes> = {
  name: 'zeroPad2dBackward',
  infer: ([dy], { padding }, where) => {
    const { n, h, w, c } = imageShape(where, dy!);
    if (h < 2 * padding || w < 2 * padding)
      throw wrongShape(where, `a padding of ${padding} is more than images of shape ${showShape(dy!.shape)} hold`);
    return real([n, h - 2 * padding, w - 2 * padding, c]);
  },
  vjp: ({ attributes }, [g]) => [g && zeroPad2d(g, attributes)],
  jvp: ({ attributes }, [t]) => [t && zeroPad2dBackward(t, attributes)],
  emit: ({ inputs: [dy], outputs: [dx], attributes: { padding } }, emit) =>
    emit('zero_pad2d_backward', { dy: dy!, dx: dx!, ...kernelInts(dx!), padding }),
};

/** Images [N, H, W, C] with zeros at each edge: [N, H + 2 padding, W + 2 padding, C]. */
export function zeroPad2d(x: Tensor, options?: ZeroPad2dOptions, label?: string): Tensor {
  const where = label ?? 'zeroPad2d';
  checkOptions(where, options, ['padding']);
  return apply1(zeroPad2dOp, [x], { padding: checkInteger(where, 'padding', options?.padding ?? 1) }, label);
}

function zeroPad2dBackward(dy: Tensor, attributes: ZeroPad2dAttributes): Tensor {
  return apply1(zeroPad2dBackwardOp, [dy], attributes);
}

function kernelInts(x: Tensor) {
  const { n, ...image } = imageShape('zeroPad2d', x);
  return { n: dim(n), ...image };
}
