/** sigmoid(x) = 1 / (1 + exp(-x)), element by element; its derivative is y (1 - y) (lecture notes 1.2). */
import { apply1, checkSameShape, elements, type Op, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { checkDType, real } from './checks.js';
import { mul } from './mul.js';
import { scale } from './scale.js';
import { sub } from './sub.js';

export const sigmoidOp: Op<object> = {
  name: 'sigmoid',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real(x!.shape);
  },
  vjp: ({ outputs: [y] }, [dy]) => [dy && sigmoidBackward(dy, y!)],
  jvp: ({ outputs: [y] }, [dx]) => [dx && sigmoidBackward(dx, y!)],
  emit: ({ inputs: [x], outputs: [y] }, emit) => emit('sigmoid_forward', { x: x!, y: y!, n: elements(x!.shape) }),
};

/** dy y (1 - y): linear in dy, quadratic in y. */
export const sigmoidBackwardOp: Op<object> = {
  name: 'sigmoidBackward',
  infer: ([dy, y], _, where) => {
    checkSameShape(where, dy!, y!);
    return real(dy!.shape);
  },
  vjp: ({ inputs: [dy, y] }, [g]) => {
    if (!g) return [];
    // by y: g dy (1 - 2 y)
    const p = mul(g, dy!);
    return [sigmoidBackward(g, y!), sub(p, scale(mul(p, y!), 2))];
  },
  jvp: ({ inputs: [dy, y] }, [t, dydot]) => {
    if (!dydot) return [t && sigmoidBackward(t, y!)];
    const p = mul(dydot, dy!);
    return [plus(t && sigmoidBackward(t, y!), sub(p, scale(mul(p, y!), 2)))];
  },
  emit: ({ inputs: [dy, y], outputs: [dx] }, emit) =>
    emit('sigmoid_backward', { dy: dy!, y: y!, dx: dx!, n: elements(dy!.shape) }),
};

/** 1 / (1 + exp(-x)) element by element. Any shape. */
export function sigmoid(x: Tensor, label?: string): Tensor {
  return apply1(sigmoidOp, [x], {}, label);
}

function sigmoidBackward(dy: Tensor, y: Tensor): Tensor {
  return apply1(sigmoidBackwardOp, [dy, y], {});
}
