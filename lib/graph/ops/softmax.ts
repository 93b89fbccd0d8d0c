/** softmax(x) = exp(x) / sum exp(x) over the last axis. Its Jacobian diag(y) - y y' is symmetric: one rule serves both modes. */
import { apply1, checkSameShape, type Op, rowsAndColumns, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';

export const softmaxOp: Op<object> = {
  name: 'softmax',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real(x!.shape);
  },
  vjp: ({ outputs: [y] }, [dy]) => [dy && softmaxBackward(dy, y!)],
  jvp: ({ outputs: [y] }, [dx]) => [dx && softmaxBackward(dx, y!)],
  emit: ({ inputs: [x], outputs: [y] }, emit) => emit('softmax_forward', { x: x!, y: y!, ...rowsAndColumns(x!.shape) }),
};

/** y (dy - <dy, y>) in each row: linear in dy. */
export const softmaxBackwardOp: Op<object> = {
  name: 'softmaxBackward',
  noDerivative: [1],
  infer: ([dy, y], _, where) => {
    checkSameShape(where, dy!, y!);
    return real(dy!.shape);
  },
  vjp: ({ inputs: [, y] }, [g]) => [g && softmaxBackward(g, y!)],
  jvp: ({ inputs: [, y] }, [t]) => [t && softmaxBackward(t, y!)],
  emit: ({ inputs: [dy, y], outputs: [dx] }, emit) =>
    emit('softmax_backward', { dy: dy!, y: y!, dx: dx!, ...rowsAndColumns(dy!.shape) }),
};

/** exp(x) / sum exp(x) along the last axis. Any shape. */
export function softmax(x: Tensor, label?: string): Tensor {
  return apply1(softmaxOp, [x], {}, label);
}

/** (diag(y) - y y') dy in each row, for y = softmax of something. */
export function softmaxBackward(dy: Tensor, y: Tensor): Tensor {
  return apply1(softmaxBackwardOp, [dy, y], {});
}
