/** logSoftmax(x) = x - log sum exp(x) over the last axis. Its Jacobian is I - 1 p', p = softmax(x). */
import { apply1, checkSameShape, type Op, rowsAndColumns, type Tensor } from '../tensor.js';
import { add } from './add.js';
import { checkDType, real } from './checks.js';
import { mul } from './mul.js';
import { softmax } from './softmax.js';
import { sub } from './sub.js';
import { fill } from './sum.js';

export const logSoftmaxOp: Op<object> = {
  name: 'logSoftmax',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real(x!.shape);
  },
  vjp: ({ outputs: [y] }, [dy]) => [dy && logSoftmaxBackward(dy, y!)],
  jvp: ({ outputs: [y] }, [dx]) => [dx && forward(dx, y!)],
  emit: ({ inputs: [x], outputs: [y] }, emit) =>
    emit('log_softmax_forward', { x: x!, y: y!, ...rowsAndColumns(x!.shape) }),
};

/** (I - p 1') dy = dy - exp(y) sum(dy) in each row: linear in dy. */
export const logSoftmaxBackwardOp: Op<object> = {
  name: 'logSoftmaxBackward',
  noDerivative: [1],
  infer: ([dy, y], _, where) => {
    checkSameShape(where, dy!, y!);
    return real(dy!.shape);
  },
  vjp: ({ inputs: [, y] }, [g]) => [g && forward(g, y!)],
  jvp: ({ inputs: [, y] }, [t]) => [t && logSoftmaxBackward(t, y!)],
  emit: ({ inputs: [dy, y], outputs: [dx] }, emit) =>
    emit('log_softmax_backward', { dy: dy!, y: y!, dx: dx!, ...rowsAndColumns(dy!.shape) }),
};

/** x - log sum exp(x) along the last axis. Any shape. */
export function logSoftmax(x: Tensor, label?: string): Tensor {
  return apply1(logSoftmaxOp, [x], {}, label);
}

function logSoftmaxBackward(dy: Tensor, y: Tensor): Tensor {
  return apply1(logSoftmaxBackwardOp, [dy, y], {});
}

/** (I - 1 p') t = t - 1 <p, t> in each row. With y = 0 the backward kernel gives q - 1 sum(q): here for q = p t. */
function forward(t: Tensor, y: Tensor): Tensor {
  const q = mul(softmax(y), t);
  return add(sub(t, q), logSoftmaxBackward(q, fill(q.shape, 0)));
}
