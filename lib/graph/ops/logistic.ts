/** loss[row] = sum over k of log(1 + exp(-t z)) (lecture notes 1.1: the logistic loss). Targets t are usually -1 and 1. */
import { apply1, type Op, rowsAndColumns, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { inferLossBackward, inferTargetLoss } from './losses.js';
import { mul } from './mul.js';
import { dotRows } from './rows.js';
import { scale } from './scale.js';
import { sigmoid } from './sigmoid.js';
import { fill } from './sum.js';

export const logisticOp: Op<object> = {
  name: 'logistic',
  noDerivative: [1],
  infer: inferTargetLoss,
  vjp: ({ inputs: [z, t] }, [dloss]) => [dloss && logisticBackward(z!, t!, dloss)],
  jvp: ({ inputs: [z, t], outputs: [loss] }, [zdot]) => [
    zdot && dotRows(logisticBackward(z!, t!, fill(loss!.shape, 1)), zdot),
  ],
  emit: ({ inputs: [z, t], outputs: [loss] }, emit) =>
    emit('logistic_forward', { z: z!, t: t!, loss: loss!, ...rowsAndColumns(z!.shape) }),
};

/** -t sigmoid(-t z) dloss. */
export const logisticBackwardOp: Op<object> = {
  name: 'logisticBackward',
  noDerivative: [1],
  infer: inferLossBackward,
  vjp: ({ inputs: [z, t, dloss] }, [g]) =>
    g ? [curvature(g, z!, t!, dloss!), undefined, dotRows(g, logisticBackward(z!, t!, fill(dloss!.shape, 1)))] : [],
  jvp: ({ inputs: [z, t, dloss] }, [zdot, , ldot]) => [
    plus(zdot && curvature(zdot, z!, t!, dloss!), ldot && logisticBackward(z!, t!, ldot)),
  ],
  emit: ({ inputs: [z, t, dloss], outputs: [dz] }, emit) =>
    emit('logistic_backward', { z: z!, t: t!, dloss: dloss!, dz: dz!, ...rowsAndColumns(z!.shape) }),
};

/** The logistic loss of each row of scores z [N, k] against targets t [N, k] of -1 and 1: [N]. Throws ERR_SHAPE where they differ in shape. */
export function logistic(z: Tensor, t: Tensor, label?: string): Tensor {
  return apply1(logisticOp, [z, t], {}, label);
}

function logisticBackward(z: Tensor, t: Tensor, dloss: Tensor): Tensor {
  return apply1(logisticBackwardOp, [z, t, dloss], {});
}

/** The second derivative times v: t^2 sigmoid(t z) sigmoid(-t z) v dloss, of which -t sigmoid(-t z) dloss is the first derivative. */
function curvature(v: Tensor, z: Tensor, t: Tensor, dloss: Tensor): Tensor {
  const rest = mul(scale(t, -1), sigmoid(mul(t, z)));
  return mul(mul(rest, logisticBackward(z, t, dloss)), v);
}
