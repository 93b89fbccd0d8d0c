/** The confusion matrix: which class was taken for which. */
import { checkInteger, checkOptions, wrongRange } from '../../errors.js';
import { type Numbers, readPairs } from './values.js';

export interface ConfusionMatrixOptions {
  /** Number of classes. Default: one more than the largest of labels and predictions. */
  readonly classes?: number;
}

/** The matrix has a cell for each pair of classes. */
const MOST_CLASSES = 4096;

/**
 * How many rows of each class (label) were found to be of each (prediction): `matrix[label][prediction]`, as in scikit-learn.
 * @throws TypeError, RangeError on values that are no classes 0 .. 4095; ERR_SHAPE where lengths differ
 * @example
 * metrics.confusionMatrix([0, 0, 1], [0, 1, 1]); // [[1, 1], [0, 1]]
 */
export function confusionMatrix(labels: Numbers, predictions: Numbers, options?: ConfusionMatrixOptions): number[][] {
  checkOptions('confusionMatrix', options, ['classes']);
  const [truth, found] = readPairs('confusionMatrix', labels, predictions, MOST_CLASSES);
  const largest = truth.reduce(
    (a, b) => Math.max(a, b),
    found.reduce((a, b) => Math.max(a, b)),
  );
  const classes = checkInteger('confusionMatrix', 'classes', options?.classes ?? largest + 1, 1, MOST_CLASSES);
  if (largest >= classes) throw wrongRange('confusionMatrix', 'classes', `more than the class ${largest}`, classes);
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [i, label] of truth.entries()) matrix[label]![found[i]!]!++;
  return matrix;
}
