/** What metrics are computed from: labels and classes as whole numbers, scores as rows. */
import { checkInteger, wrongShape, wrongType } from '../../errors.js';

/** Numbers, one after the other. */
export type Numbers = ArrayLike<number>;

/** More classes than any data set has. */
const MOST_CLASSES = 2 ** 24;

function checkNumbers(where: string, name: string, values: unknown): asserts values is Numbers {
  if (!Array.isArray(values) && !(ArrayBuffer.isView(values) && 'length' in values))
    throw wrongType(where, name, 'an array of numbers', values);
}

/** Classes 0, 1, ..., checked one by one. */
export function readClasses(where: string, name: string, values: unknown, most = MOST_CLASSES): Int32Array {
  checkNumbers(where, name, values);
  if (values.length === 0) throw wrongShape(where, `expected at least one row but ${name} is empty`);
  return Int32Array.from({ length: values.length }, (_, i) => {
    const value = values[i]!;
    if (Number.isInteger(value) && value >= 0 && value < most) return value;
    return checkInteger(where, `${name}[${i}]`, value, 0, most - 1); // throws, with the name of the place
  });
}

/** Labels and, row by row, the class that was found. */
export function readPairs(where: string, labels: unknown, predictions: unknown, most?: number) {
  const pair = [
    readClasses(where, 'labels', labels, most),
    readClasses(where, 'predictions', predictions, most),
  ] as const;
  if (pair[0].length !== pair[1].length)
    throw wrongShape(
      where,
      `expected as many predictions as labels but received ${pair[1].length} and ${pair[0].length}`,
    );
  return pair;
}

/** Labels and scores [rows, columns], one column for each class; or one column in all, and labels 0 and 1. */
export function readScores(where: string, labels: unknown, scores: unknown, least: 1 | 2) {
  const read = readClasses(where, 'labels', labels);
  checkNumbers(where, 'scores', scores);
  const rows = read.length;
  const columns = scores.length / rows;
  if (!Number.isInteger(columns) || columns < least)
    throw wrongShape(
      where,
      `expected scores of shape [${rows}, classes]${least === 2 ? ' with two classes at least' : ''} but received ${scores.length} values`,
    );
  const classes = Math.max(columns, 2);
  const row = read.findIndex((label) => label >= classes);
  if (row >= 0) throw wrongShape(where, `expected labels below ${classes} but that of row ${row} is ${read[row]}`);
  return { labels: read, rows, columns };
}
