/** y = a + b, element by element. */
import { apply1, checkSameShape, elements, type Op, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';

export const addOp: Op<object> = {
  name: 'add',
  infer: ([a, b], _, where) => {
    checkDType(where, 'real', { a: a!, b: b! });
    checkSameShape(where, a!, b!);
    return real(a!.shape);
  },
  vjp: (_, [dy]) => [dy, dy],
  jvp: (_, [da, db]) => [plus(da, db)],
  emit: ({ inputs: [a, b], outputs: [y] }, emit) => emit('add_forward', { a: a!, b: b!, y: y!, n: elements(a!.shape) }),
};

/** a + b element by element; both have one shape. */
export function add(a: Tensor, b: Tensor, label?: string): Tensor {
  return apply1(addOp, [a, b], {}, label);
}

/** a + b where undefined stands for zero: how gradients and tangents add up. */
export function plus(a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined {
  return a && b ? add(a, b) : (a ?? b);
}
