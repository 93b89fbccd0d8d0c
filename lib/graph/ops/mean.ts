/** y = the mean of all elements of x, a scalar. Of a batched tensor: over the images that the step really has. */
import { apply1, elements, type IntExpr, isBatched, type Op, type Shape, type Tensor } from '../tensor.js';
import { checkDType, checkScalar, real } from './checks.js';

export const meanOp: Op<object> = {
  name: 'mean',
  infer: ([x], _, where) => {
    checkDType(where, 'real', { x: x! });
    return real([]);
  },
  vjp: ({ inputs: [x] }, [dy]) => [dy && meanBackward(dy, x!.shape)],
  jvp: (_, [dx]) => [dx && mean(dx)],
  emit: ({ inputs: [x], outputs: [y] }, emit) => emit('mean_forward', { x: x!, y: y!, n: elements(x!.shape) }),
};

interface MeanBackwardAttributes {
  readonly shape: Shape;
}

/** dy / (number of elements) at every place. Its own transpose is the mean again. */
export const meanBackwardOp: Op<MeanBackwardAttributes> = {
  name: 'meanBackward',
  infer: ([dy], { shape }, where) => {
    checkScalar(where, 'dy', dy!);
    return real(shape);
  },
  vjp: (_, [g]) => [g && mean(g)],
  jvp: ({ attributes: { shape } }, [t]) => [t && meanBackward(t, shape)],
  emit: ({ inputs: [dy], outputs: [dx] }, emit) =>
    emit('mean_backward', { dy: dy!, dx: dx!, n: elements(dx!.shape), count: count(dx!.shape) }),
};

/** Elements in the whole batch, also where a call works on a slice of it. */
function count(shape: Shape): IntExpr {
  const { fixed, perImage } = elements(shape);
  return isBatched(shape) ? { fixed: 0, perBatch: perImage } : fixed;
}

/** The mean of all elements: shape []. The mean of a loss [N] is the loss of the batch, whatever its size. */
export function mean(x: Tensor, label?: string): Tensor {
  return apply1(meanOp, [x], {}, label);
}

/** The scalar dy, divided by the number of elements of that shape, everywhere. */
export function meanBackward(dy: Tensor, shape: Shape): Tensor {
  return apply1(meanBackwardOp, [dy], { shape });
}
