/** The contract of a loss, and what losses share. A loss is xi_i, one value an image; the objective is its mean and theta'theta/(2C). */
import { wrongShape } from '../errors.js';
import { matmul } from '../graph/ops/matmul.js';
import { oneHot } from '../graph/ops/one-hot.js';
import { flatten } from '../graph/ops/reshape.js';
import { constant, elements, type Op, sameShape, showShape, type Tensor } from '../graph/tensor.js';

export type LossName = 'squaredError' | 'softmaxCrossEntropy' | 'hinge' | 'logistic';

export interface Loss {
  readonly name: LossName;
  readonly options: Readonly<Record<string, unknown>>;
  /** 'labels': takes classes only. 'dense': takes a number for each output; classes are turned into such targets. */
  readonly targets: 'labels' | 'dense';
  /**
   * The loss of each image, [N]. `z` is the network's output [N, ...]; `target` holds classes (i32 [N]) or, for 'dense', also numbers
   * of z's shape. Throws ERR_SHAPE, naming `label` (default: the loss), where they do not fit.
   */
  apply(z: Tensor, target: Tensor, context?: { readonly label?: string }): Tensor;
  /** Networks with one output: from this value of it on, it means class 1. */
  threshold(z: Tensor): number;
}

/** The output as rows [N, k]: the form that the loss kernels read. */
export function asRows(z: Tensor, label: string): Tensor {
  return z.shape.length === 2 ? z : flatten(z, label);
}

/**
 * The target as rows of z's shape [N, k]. Classes become `on` at the class and `off` elsewhere; with one output (k = 1)
 * class 1 becomes `on` and class 0 `off`. A class out of range becomes NaN.
 */
export function denseTarget(z: Tensor, target: Tensor, [off, on]: readonly [number, number], label: string): Tensor {
  const k = elements(z.shape).perImage || (z.shape[z.shape.length - 1] as number);
  if (target.dtype === 'i32') {
    checkLabels(z, target, label);
    if (k > 1) return oneHot(target, { classes: k, off, on }, label);
    return matmul(oneHot(target, { classes: 2, off, on }, label), constant([0, 1], [2, 1]), {}, label);
  }
  const t = asRows(target, label);
  if (!sameShape(z.shape, t.shape))
    throw wrongShape(label, `expected targets of shape ${showShape(z.shape)} but received ${showShape(target.shape)}`);
  return t;
}

/** Throws ERR_SHAPE unless `labels` has one class for each row of `z`. */
export function checkLabels(z: Tensor, labels: Tensor, label: string): void {
  if (labels.dtype !== 'i32' || labels.shape.length !== 1 || labels.shape[0] !== z.shape[0])
    throw wrongShape(
      label,
      `expected classes (i32) of shape [${z.shape[0]}] but received ${labels.dtype} of shape ${showShape(labels.shape)}`,
    );
}

/**
 * What `op` was applied to, where `z` is its output (perhaps reshaped since); else undefined. Losses of scores look through a final
 * softmax or sigmoid this way: exact where the probabilities would round to 0 or 1.
 */
export function beneath(z: Tensor, op: Op): Tensor | undefined {
  let at = z;
  while (at.node.op.view) at = at.node.inputs[0]!;
  return at.node.op === op ? at.node.inputs[0] : undefined;
}
