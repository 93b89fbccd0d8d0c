/** Labels as rows of targets: `on` at the label, `off` elsewhere (lecture notes 1.2: 0 and 1; hinge and logistic losses take -1 and 1). */
import { checkInteger, checkNumber, checkOptions, wrongShape } from '../../errors.js';
import { apply1, dim, type Op, showShape, type Tensor } from '../tensor.js';
import { checkDType, real } from './checks.js';

export interface OneHotOptions {
  /** k, the number of classes. */
  readonly classes: number;
  /** Default 0. */
  readonly off?: number;
  /** Default 1. */
  readonly on?: number;
}
type OneHotAttributes = Required<OneHotOptions>;

/** Its input holds whole numbers: there is nothing to differentiate. */
export const oneHotOp: Op<OneHotAttributes> = {
  name: 'oneHot',
  infer: ([labels], { classes }, where) => {
    checkDType(where, 'i32', { labels: labels! });
    if (labels!.shape.length !== 1)
      throw wrongShape(where, `expected labels [N] but received shape ${showShape(labels!.shape)}`);
    return real([labels!.shape[0]!, classes]);
  },
  emit: ({ inputs: [labels], outputs: [y], attributes: { classes, off, on } }, emit) =>
    emit('one_hot_forward', { labels: labels!, y: y!, rows: dim(labels!.shape[0]!), k: classes, off, on }),
};

/** Targets [N, classes] from labels [N] (i32). A label out of range gives a row of NaN. */
export function oneHot(labels: Tensor, options: OneHotOptions, label?: string): Tensor {
  const where = label ?? 'oneHot';
  checkOptions(where, options, ['classes', 'off', 'on']);
  const classes = checkInteger(where, 'classes', options?.classes, 1);
  const off = checkNumber(where, 'off', options.off ?? 0);
  const on = checkNumber(where, 'on', options.on ?? 1);
  return apply1(oneHotOp, [labels], { classes, off, on }, label);
}
