/** y = a * b, element by element (the Hadamard product). */
import { apply1, checkSameShape, elements, type Op, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { checkDType, real } from './checks.js';

export const mulOp: Op<object> = {
  name: 'mul',
  infer: ([a, b], _, where) => {
    checkDType(where, 'real', { a: a!, b: b! });
    checkSameShape(where, a!, b!);
    return real(a!.shape);
  },
  vjp: ({ inputs: [a, b] }, [dy]) => [dy && mul(dy, b!), dy && mul(dy, a!)],
  jvp: ({ inputs: [a, b] }, [da, db]) => [plus(da && mul(da, b!), db && mul(a!, db))],
  emit: ({ inputs: [a, b], outputs: [y] }, emit) => emit('mul_forward', { a: a!, b: b!, y: y!, n: elements(a!.shape) }),
};

/** a * b element by element; both have one shape. */
export function mul(a: Tensor, b: Tensor, label?: string): Tensor {
  return apply1(mulOp, [a, b], {}, label);
}
