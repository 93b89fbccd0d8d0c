/** y = the sum of all elements of x, a scalar; and its transpose, which puts one number everywhere. */
import { apply1, constant, elements, type Op, type Shape, type Tensor } from '../tensor.js';
import { checkDType, checkScalar, real } from './checks.js';

export const sumOp: Op<object> = {
  name: 'sum',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real([]);
  },
  vjp: ({ inputs: [x] }, [dy]) => [dy && sumBackward(dy, x!.shape)],
  jvp: (_, [dx]) => [dx && sum(dx)],
  emit: ({ inputs: [x], outputs: [y] }, emit) => emit('sum_forward', { x: x!, y: y!, n: elements(x!.shape) }),
};

interface SumBackwardAttributes {
  readonly shape: Shape;
}

/** The scalar dy at every place of a tensor of the given shape. */
export const sumBackwardOp: Op<SumBackwardAttributes> = {
  name: 'sumBackward',
  infer: ([dy], { shape }, where) => {
    checkScalar(where, 'dy', dy!);
    return real(shape);
  },
  vjp: (_, [g]) => [g && sum(g)],
  jvp: ({ attributes: { shape } }, [t]) => [t && sumBackward(t, shape)],
  emit: ({ inputs: [dy], outputs: [dx] }, emit) => emit('sum_backward', { dy: dy!, dx: dx!, n: elements(dx!.shape) }),
};

/** The sum of all elements (of all images of the batch): shape []. */
export function sum(x: Tensor, label?: string): Tensor {
  return apply1(sumOp, [x], {}, label);
}

/** A tensor of the given shape, batched or not, with one value everywhere. */
export function fill(shape: Shape, value: number): Tensor {
  return sumBackward(constant(value), shape);
}

function sumBackward(dy: Tensor, shape: Shape): Tensor {
  return apply1(sumBackwardOp, [dy], { shape });
}
