/** y = x'x, the squared L2 norm of all elements: theta'theta in the objective (lecture notes 1.3.4, without its 1 / 2C). */
import { apply1, elements, type Op, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { checkDType, checkScalar, real } from './checks.js';
import { mul } from './mul.js';
import { scale } from './scale.js';
import { sum } from './sum.js';

export const squaredNormOp: Op<object> = {
  name: 'squaredNorm',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real([]);
  },
  vjp: ({ inputs: [x] }, [dy]) => [dy && squaredNormBackward(dy, x!)],
  jvp: ({ inputs: [x] }, [dx]) => [dx && twiceDot(x!, dx)],
  emit: ({ inputs: [x], outputs: [y] }, emit) => emit('squared_norm_forward', { x: x!, y: y!, n: elements(x!.shape) }),
};

/** 2 dy x, dy a scalar. */
export const squaredNormBackwardOp: Op<object> = {
  name: 'squaredNormBackward',
  infer: ([dy, x], _, where) => {
    checkScalar(where, 'dy', dy!);
    return real(x!.shape);
  },
  vjp: ({ inputs: [dy, x] }, [g]) => (g ? [twiceDot(x!, g), squaredNormBackward(dy!, g)] : []),
  jvp: ({ inputs: [dy, x] }, [t, dx]) => [plus(t && squaredNormBackward(t, x!), dx && squaredNormBackward(dy!, dx))],
  emit: ({ inputs: [dy, x], outputs: [dx] }, emit) =>
    emit('squared_norm_backward', { dy: dy!, x: x!, dx: dx!, n: elements(x!.shape) }),
};

/** The sum of squares of all elements: shape []. */
export function squaredNorm(x: Tensor, label?: string): Tensor {
  return apply1(squaredNormOp, [x], {}, label);
}

function squaredNormBackward(dy: Tensor, x: Tensor): Tensor {
  return apply1(squaredNormBackwardOp, [dy, x], {});
}

function twiceDot(a: Tensor, b: Tensor): Tensor {
  return scale(sum(mul(a, b)), 2);
}
