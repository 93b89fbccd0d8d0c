/** y = sum |x|, the L1 norm of all elements: the sparse regulariser of lecture notes 1.1. Its derivative at 0 is 0. */
import { apply1, constant, elements, type Op, type Tensor } from '../tensor.js';
import { checkDType, checkScalar, real } from './checks.js';
import { mul } from './mul.js';
import { sum } from './sum.js';

export const l1NormOp: Op<object> = {
  name: 'l1Norm',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real([]);
  },
  vjp: ({ inputs: [x] }, [dy]) => [dy && l1NormBackward(dy, x!)],
  jvp: ({ inputs: [x] }, [dx]) => [dx && dotSign(x!, dx)],
  emit: ({ inputs: [x], outputs: [y] }, emit) => emit('l1_norm_forward', { x: x!, y: y!, n: elements(x!.shape) }),
};

/** dy sign(x), dy a scalar: linear in dy, and piecewise constant in x. */
export const l1NormBackwardOp: Op<object> = {
  name: 'l1NormBackward',
  infer: ([dy, x], _, where) => {
    checkScalar(where, 'dy', dy!);
    return real(x!.shape);
  },
  vjp: ({ inputs: [, x] }, [g]) => [g && dotSign(x!, g), undefined],
  jvp: ({ inputs: [, x] }, [t]) => [t && l1NormBackward(t, x!)],
  emit: ({ inputs: [dy, x], outputs: [dx] }, emit) =>
    emit('l1_norm_backward', { dy: dy!, x: x!, dx: dx!, n: elements(x!.shape) }),
};

/** The sum of absolute values of all elements: shape []. */
export function l1Norm(x: Tensor, label?: string): Tensor {
  return apply1(l1NormOp, [x], {}, label);
}

function l1NormBackward(dy: Tensor, x: Tensor): Tensor {
  return apply1(l1NormBackwardOp, [dy, x], {});
}

function dotSign(x: Tensor, t: Tensor): Tensor {
  return sum(mul(t, l1NormBackward(constant(1), x)));
}
