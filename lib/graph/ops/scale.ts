/** y = factor * x, element by element; the factor is a fixed number. */
import { checkNumber } from '../../errors.js';
import { apply1, elements, type Op, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';

interface ScaleAttributes {
  readonly factor: number;
}

export const scaleOp: Op<ScaleAttributes> = {
  name: 'scale',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real(x!.shape);
  },
  vjp: ({ attributes: { factor } }, [dy]) => [dy && scale(dy, factor)],
  jvp: ({ attributes: { factor } }, [dx]) => [dx && scale(dx, factor)],
  emit: ({ inputs: [x], outputs: [y], attributes: { factor } }, emit) =>
    emit('scale_forward', { x: x!, y: y!, n: elements(x!.shape), factor }),
};

/** factor * x element by element. Any shape; RangeError unless the factor is finite. */
export function scale(x: Tensor, factor: number, label?: string): Tensor {
  const limits = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE };
  return apply1(scaleOp, [x], { factor: checkNumber(label ?? 'scale', 'factor', factor, limits) }, label);
}

/** -x, where undefined stands for zero. */
export function negate(x: Tensor | undefined): Tensor | undefined {
  return x && scale(x, -1);
}
