/** loss[row] = log sum exp(z) - z[label]: cross-entropy of softmax(z) against the class `label`. dz = (softmax(z) - onehot) dloss. */
import { apply1, type Op, rowsAndColumns, type Tensor } from '../tensor.js';
import { plus } from './add.js';
import { inferLabelLoss, inferLossBackward } from './losses.js';
import { dotRows, scaleRows } from './rows.js';
import { softmax, softmaxBackward } from './softmax.js';
import { fill } from './sum.js';

export const softmaxCrossEntropyOp: Op<object> = {
  name: 'softmaxCrossEntropy',
  infer: inferLabelLoss,
  vjp: ({ inputs: [z, labels] }, [dloss]) => [dloss && backward(z!, labels!, dloss), undefined],
  jvp: ({ inputs: [z, labels], outputs: [loss] }, [zdot]) => [
    zdot && dotRows(backward(z!, labels!, fill(loss!.shape, 1)), zdot),
  ],
  emit: ({ inputs: [z, labels], outputs: [loss] }, emit) =>
    emit('softmax_cross_entropy_forward', { z: z!, labels: labels!, loss: loss!, ...rowsAndColumns(z!.shape) }),
};

/** (softmax(z) - onehot(labels)) dloss. By z: (diag(p) - p p') dloss, which is what Gauss-Newton needs. */
export const softmaxCrossEntropyBackwardOp: Op<object> = {
  name: 'softmaxCrossEntropyBackward',
  infer: inferLossBackward,
  vjp: ({ inputs: [z, labels, dloss] }, [g]) =>
    g ? [curvature(g, z!, dloss!), undefined, dotRows(g, backward(z!, labels!, fill(dloss!.shape, 1)))] : [],
  jvp: ({ inputs: [z, labels, dloss] }, [zdot, , ldot]) => [
    plus(zdot && curvature(zdot, z!, dloss!), ldot && backward(z!, labels!, ldot)),
  ],
  emit: ({ inputs: [z, labels, dloss], outputs: [dz] }, emit) =>
    emit('softmax_cross_entropy_backward', {
      z: z!,
      labels: labels!,
      dloss: dloss!,
      dz: dz!,
      ...rowsAndColumns(z!.shape),
    }),
};

/** Cross-entropy of softmax of the scores z [N, k] against labels [N] (i32, classes 0 .. k-1): [N]. A label out of range gives NaN. */
export function softmaxCrossEntropy(z: Tensor, labels: Tensor, label?: string): Tensor {
  return apply1(softmaxCrossEntropyOp, [z, labels], {}, label);
}

function backward(z: Tensor, labels: Tensor, dloss: Tensor): Tensor {
  return apply1(softmaxCrossEntropyBackwardOp, [z, labels, dloss], {});
}

function curvature(v: Tensor, z: Tensor, dloss: Tensor): Tensor {
  return scaleRows(softmaxBackward(v, softmax(z)), dloss);
}
