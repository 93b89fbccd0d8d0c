/** y = x + bias, the bias along the last axis: S = W phi(Z) + b 1' (lecture notes 1.3.3), and db = dS 1 (3.2). */
import { wrongShape } from '../../errors.js';
import { apply1, type Op, rowsAndColumns, type Shape, showShape, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';
import { fill } from './sum.js';

export const biasAddOp: Op<object> = {
  name: 'biasAdd',
  infer: ([x, bias], _, where) => {
    checkDType(where, 'real', { x: x!, bias: bias! });
    const k = x!.shape.at(-1);
    if (typeof k !== 'number' || bias!.shape.length !== 1 || bias!.shape[0] !== k)
      throw wrongShape(
        where,
        `a bias of shape ${showShape(bias!.shape)} does not fit the last axis of ${showShape(x!.shape)}`,
      );
    return real(x!.shape);
  },
  vjp: (_, [dy]) => [dy, dy && biasBackward(dy)],
  jvp: ({ inputs: [x] }, [dx, db]) => [db ? biasAdd(dx ?? fill(x!.shape, 0), db) : dx],
  emit: ({ inputs: [x, bias], outputs: [y] }, emit) =>
    emit('bias_forward', { x: x!, bias: bias!, y: y!, ...rowsAndColumns(x!.shape) }),
};

/** The sum of dy over all axes but the last. */
export const biasBackwardOp: Op<object> = {
  name: 'biasBackward',
  infer: ([dy]) => real([dy!.shape.at(-1)!]),
  vjp: ({ inputs: [dy] }, [g]) => [g && repeat(g, dy!.shape)],
  jvp: (_, [t]) => [t && biasBackward(t)],
  emit: ({ inputs: [dy], outputs: [db] }, emit) =>
    emit('bias_backward', { dy: dy!, db: db!, ...rowsAndColumns(dy!.shape) }),
};

/** x [..., k] plus bias [k]. Throws ERR_SHAPE where the last axis has another size. */
export function biasAdd(x: Tensor, bias: Tensor, label?: string): Tensor {
  return apply1(biasAddOp, [x, bias], {}, label);
}

/** The sum of dy over all axes but the last: [k]. */
export function biasBackward(dy: Tensor): Tensor {
  return apply1(biasBackwardOp, [dy], {});
}

function repeat(row: Tensor, shape: Shape): Tensor {
  return biasAdd(fill(shape, 0), row);
}
