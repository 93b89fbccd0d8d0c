/** loss[row] = sum over k of (z - t)^2 (lecture notes 1.2): no 1/2, no mean over k. */
import { apply1, type Op, rowsAndColumns, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { inferLossBackward, inferTargetLoss } from './losses.js';
import { dotRows, scaleRows } from './rows.js';
import { negate, scale } from './scale.js';
import { minus } from './sub.js';
import { fill } from './sum.js';

export const squaredErrorOp: Op<object> = {
  name: 'squaredError',
  infer: inferTargetLoss,
  vjp: ({ inputs: [z, t] }, [dloss]) => {
    if (!dloss) return [];
    const dz = squaredErrorBackward(z!, t!, dloss);
    return [dz, negate(dz)];
  },
  jvp: ({ inputs: [z, t], outputs: [loss] }, [zdot, tdot]) => {
    const difference = minus(zdot, tdot);
    return [difference && dotRows(squaredErrorBackward(z!, t!, fill(loss!.shape, 1)), difference)];
  },
  emit: ({ inputs: [z, t], outputs: [loss] }, emit) =>
    emit('squared_error_forward', { z: z!, t: t!, loss: loss!, ...rowsAndColumns(z!.shape) }),
};

/** 2 (z - t) dloss: linear in z - t and in dloss. */
export const squaredErrorBackwardOp: Op<object> = {
  name: 'squaredErrorBackward',
  infer: inferLossBackward,
  vjp: ({ inputs: [z, t, dloss] }, [g]) => {
    if (!g) return [];
    const dz = scaleRows(scale(g, 2), dloss!);
    return [dz, negate(dz), dotRows(g, squaredErrorBackward(z!, t!, fill(dloss!.shape, 1)))];
  },
  jvp: ({ inputs: [z, t, dloss] }, [zdot, tdot, ldot]) => {
    const difference = minus(zdot, tdot);
    return [plus(difference && scaleRows(scale(difference, 2), dloss!), ldot && squaredErrorBackward(z!, t!, ldot))];
  },
  emit: ({ inputs: [z, t, dloss], outputs: [dz] }, emit) =>
    emit('squared_error_backward', { z: z!, t: t!, dloss: dloss!, dz: dz!, ...rowsAndColumns(z!.shape) }),
};

/** The squared distance of each row of z [N, k] from the targets t [N, k]: [N]. Throws ERR_SHAPE where they differ in shape. */
export function squaredError(z: Tensor, t: Tensor, label?: string): Tensor {
  return apply1(squaredErrorOp, [z, t], {}, label);
}

function squaredErrorBackward(z: Tensor, t: Tensor, dloss: Tensor): Tensor {
  return apply1(squaredErrorBackwardOp, [z, t, dloss], {});
}
