/** relu(x) = max(0, x), element by element; relu'(0) = 0 (lecture notes 1.3.3 and 3.2.1). */
import { apply1, checkSameShape, elements, type Op, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';

export const reluOp: Op<object> = {
  name: 'relu',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real(x!.shape);
  },
  vjp: ({ outputs: [y] }, [dy]) => [dy && reluBackward(dy, y!)],
  jvp: ({ outputs: [y] }, [dx]) => [dx && reluBackward(dx, y!)],
  emit: ({ inputs: [x], outputs: [y] }, emit) => emit('relu_forward', { x: x!, y: y!, n: elements(x!.shape) }),
};

/** dy where y > 0, else 0: linear in dy, and piecewise constant in y. */
export const reluBackwardOp: Op<object> = {
  name: 'reluBackward',
  infer: ([dy, y], _, where) => {
    checkSameShape(where, dy!, y!);
    return real(dy!.shape);
  },
  vjp: ({ inputs: [, y] }, [g]) => [g && reluBackward(g, y!), undefined],
  jvp: ({ inputs: [, y] }, [t]) => [t && reluBackward(t, y!)],
  emit: ({ inputs: [dy, y], outputs: [dx] }, emit) =>
    emit('relu_backward', { dy: dy!, y: y!, dx: dx!, n: elements(dy!.shape) }),
};

/** max(0, x) element by element. Any shape. */
export function relu(x: Tensor, label?: string): Tensor {
  return apply1(reluOp, [x], {}, label);
}

function reluBackward(dy: Tensor, y: Tensor): Tensor {
  return apply1(reluBackwardOp, [dy, y], {});
}
