/** 1 where the largest score of a row (the first of equals) stands at the label, else 0. With k = 1: where z >= threshold is the label. */
import { checkNumber, checkOptions } from '../../errors.js';
import { apply1, type Op, rowsAndColumns, type Tensor } from '../tensor.js';
import { inferLabelLoss } from './losses.js';

export interface AccuracyOptions {
  /** For one score a row: from where on it says 1. Default 0. */
  readonly threshold?: number;
}
type AccuracyAttributes = Required<AccuracyOptions>;

/** A step function: it has no derivative rules. */
export const accuracyOp: Op<AccuracyAttributes> = {
  name: 'accuracy',
  infer: inferLabelLoss,
  emit: ({ inputs: [z, labels], outputs: [correct], attributes: { threshold } }, emit) =>
    emit('accuracy_forward', {
      z: z!,
      labels: labels!,
      correct: correct!,
      ...rowsAndColumns(z!.shape),
      threshold,
    }),
};

/** Which rows of scores z [N, k] name their label (labels [N], i32): 0 or 1 for each, [N]. Not differentiable. */
export function accuracy(z: Tensor, labels: Tensor, options?: AccuracyOptions, label?: string): Tensor {
  const where = label ?? 'accuracy';
  checkOptions(where, options, ['threshold']);
  return apply1(
    accuracyOp,
    [z, labels],
    { threshold: checkNumber(where, 'threshold', options?.threshold ?? 0) },
    label,
  );
}
