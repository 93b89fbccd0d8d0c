/** y = a - b, element by element. */
import { apply1, checkSameShape, elements, type Op, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';
import { negate } from './scale.js';

export const subOp: Op<object> = {
  name: 'sub',
  infer: ([a, b], _, where) => {
    checkDType(where, 'real', { a: a!, b: b! });
    checkSameShape(where, a!, b!);
    return real(a!.shape);
  },
  vjp: (_, [dy]) => [dy, negate(dy)],
  jvp: (_, [da, db]) => [minus(da, db)],
  emit: ({ inputs: [a, b], outputs: [y] }, emit) => emit('sub_forward', { a: a!, b: b!, y: y!, n: elements(a!.shape) }),
};

/** a - b element by element; both have one shape. */
export function sub(a: Tensor, b: Tensor, label?: string): Tensor {
  return apply1(subOp, [a, b], {}, label);
}

/** a - b where undefined stands for zero. */
export function minus(a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined {
  return a && b ? sub(a, b) : (a ?? negate(b));
}
