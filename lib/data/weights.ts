/**
 * Weights of rows: how much each counts in the mean loss, sum_i w_i loss_i / sum_i w_i. Only their ratios matter: the engine gets
 * w_i / (mean of all w) for each row of a data set. The loss of a batch is the mean of these times loss_i over its rows: its expectation is the
 * weighted mean over the data set, and an epoch's batches add up to just that.
 */
import { checkNumber, wrongRange, wrongShape, wrongType } from '../errors.js';
import type { Examples } from './dataset.js';

/** A weight for each class, or 'balanced': one over the number of the class's rows, so that all classes count the same. */
export type ClassWeights = 'balanced' | readonly number[];

/** Checks the weights of `rows` rows and divides them by their mean. */
export function readWeights(where: string, values: ArrayLike<number>, rows: number): Float64Array {
  if (values.length !== rows)
    throw wrongShape(where, `x has ${rows} rows, so sampleWeights needs ${rows} values, but it has ${values.length}`);
  for (let i = 0; i < rows; i++)
    if (!(values[i]! >= 0 && values[i]! < Number.POSITIVE_INFINITY))
      throw wrongRange(where, `sampleWeights[${i}]`, 'a number in [0, Infinity)', values[i]);
  return relative(where, Float64Array.from(values));
}

/** Weights over their mean. RangeError where all are 0. */
function relative(where: string, weights: Float64Array): Float64Array {
  // Divided by the largest first: the sum of the largest numbers there are is Infinity.
  const largest = weights.reduce((a, b) => Math.max(a, b), 0);
  if (largest === 0)
    throw new RangeError(`${where}: expected a weight above 0 but those of all ${weights.length} rows are 0`);
  if (largest === Number.POSITIVE_INFINITY)
    throw new RangeError(`${where}: the weights of rows and classes multiply to Infinity`);
  const mean = weights.reduce((sum, w) => sum + w / largest, 0) / weights.length;
  return weights.map((w) => w / largest / mean);
}

/** Examples with weights that are relative to their own mean, after rows were left out. */
export function reweighed(where: string, examples: Examples): Examples {
  const { weights } = examples;
  return weights === undefined ? examples : { ...examples, weights: relative(where, weights) };
}

/** Examples whose weights are also those of their classes: `given` for each of a network's so many outputs. */
export function withClassWeights(
  where: string,
  examples: Examples,
  given: ClassWeights | undefined,
  outputs: number,
): Examples {
  if (given === undefined) return examples;
  const { rows, weights, targets } = examples;
  const { labels } = targets;
  if (labels === undefined) throw new TypeError(`${where}: classWeights need labels, but y has rows of numbers`);
  const ofClass = given === 'balanced' ? balanced(labels, outputs) : given;
  const of = (row: number) => ofClass[labels[row]!]! * (weights?.[row] ?? 1);
  return {
    ...examples,
    weights: relative(
      where,
      Float64Array.from({ length: rows }, (_, row) => of(row)),
    ),
  };
}

function balanced(labels: Int32Array, outputs: number): number[] {
  const counts = new Array<number>(Math.max(outputs, 2)).fill(0);
  for (const label of labels) counts[label]!++;
  return counts.map((count) => 1 / count);
}

/** Checks the option, for a network with so many outputs. */
export function checkClassWeights(where: string, given: ClassWeights | undefined, outputs: number): void {
  if (given === undefined || given === 'balanced') return;
  if (!Array.isArray(given)) throw wrongType(where, 'classWeights', "'balanced' or an array of numbers", given);
  const classes = Math.max(outputs, 2);
  if (given.length !== classes)
    throw wrongShape(where, `expected ${classes} classWeights, one for each class, but received ${given.length}`);
  for (const [i, weight] of given.entries())
    checkNumber(where, `classWeights[${i}]`, weight, { min: 0, openMax: true });
}
