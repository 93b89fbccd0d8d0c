/** tanh(x), element by element; its derivative is 1 - y^2 (lecture notes 1.2). */
import { apply1, checkSameShape, elements, type Op, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { checkDType, real } from './checks.js';
import { mul } from './mul.js';
import { scale } from './scale.js';

export const tanhOp: Op<object> = {
  name: 'tanh',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real(x!.shape);
  },
  vjp: ({ outputs: [y] }, [dy]) => [dy && tanhBackward(dy, y!)],
  jvp: ({ outputs: [y] }, [dx]) => [dx && tanhBackward(dx, y!)],
  emit: ({ inputs: [x], outputs: [y] }, emit) => emit('tanh_forward', { x: x!, y: y!, n: elements(x!.shape) }),
};

/** dy (1 - y^2): linear in dy, quadratic in y. */
export const tanhBackwardOp: Op<object> = {
  name: 'tanhBackward',
  infer: ([dy, y], _, where) => {
    checkSameShape(where, dy!, y!);
    return real(dy!.shape);
  },
  vjp: ({ inputs: [dy, y] }, [g]) => {
    if (!g) return [];
    // by y: -2 g dy y
    return [tanhBackward(g, y!), scale(mul(mul(g, dy!), y!), -2)];
  },
  jvp: ({ inputs: [dy, y] }, [t, dydot]) => {
    return [plus(t && tanhBackward(t, y!), dydot && scale(mul(mul(dydot, dy!), y!), -2))];
  },
  emit: ({ inputs: [dy, y], outputs: [dx] }, emit) =>
    emit('tanh_backward', { dy: dy!, y: y!, dx: dx!, n: elements(dy!.shape) }),
};

/** tanh(x) element by element. Any shape. */
export function tanh(x: Tensor, label?: string): Tensor {
  return apply1(tanhOp, [x], {}, label);
}

function tanhBackward(dy: Tensor, y: Tensor): Tensor {
  return apply1(tanhBackwardOp, [dy, y], {});
}
