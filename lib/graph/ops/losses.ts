/** Shape rules that the losses share: scores z [rows, k] against targets [rows, k] or labels [rows] give one loss a row. */

import { wrongShape } from '../../errors.js';
import { type Op, showShape, type Tensor } from '../tensor.js';
import { checkDType, checkShapeIs, matrixShape, real } from './checks.js';

type Infer = Op<object>['infer'];

/** For z [rows, k] and real targets t [rows, k]. */
export const inferTargetLoss: Infer = ([z, t], _, where) => {
  checkDType(where, 'real', { scores: z!, targets: t! });
  checkPair(where, z!, t!);
  return real([z!.shape[0]!]);
};

/** For z [rows, k] and labels [rows]. */
export const inferLabelLoss: Infer = ([z, labels], _, where) => {
  checkDType(where, 'real', { scores: z! });
  checkDType(where, 'i32', { labels: labels! });
  const { rows } = matrixShape(where, 'scores', z!);
  if (labels!.shape.length !== 1 || labels!.shape[0] !== rows)
    throw wrongShape(
      where,
      `labels of shape ${showShape(labels!.shape)} do not fit scores of shape ${showShape(z!.shape)}`,
    );
  return real([rows]);
};

/** For dz from z, targets or labels, and dloss [rows]. */
export const inferLossBackward: Infer = ([z, , dloss], _, where) => {
  checkDType(where, 'real', { dloss: dloss! });
  checkShapeIs(where, 'dloss', dloss!, [z!.shape[0]!]);
  return real(z!.shape);
};

function checkPair(where: string, z: Tensor, t: Tensor): void {
  matrixShape(where, 'scores', z);
  if (t.shape.length !== 2 || t.shape.some((d, i) => d !== z.shape[i]))
    throw wrongShape(where, `targets of shape ${showShape(t.shape)} do not fit scores of shape ${showShape(z.shape)}`);
}
