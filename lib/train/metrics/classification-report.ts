/** Precision, recall and F1 of each class, and their means. */
import { type Numbers, readPairs } from './values.js';

/** Each in 0 .. 1, and 0 where nothing is divided by: a class never found has precision 0, one that does not occur recall 0. */
export interface Scores {
  /** Of the rows found to be of the class, the part that is. */
  readonly precision: number;
  /** Of the rows of the class, the part that was found. */
  readonly recall: number;
  /** 2 precision recall / (precision + recall). */
  readonly f1: number;
}

export interface ClassScores extends Scores {
  readonly class: number;
  /** Rows of the class. */
  readonly support: number;
}

/** Printed, it is a table. */
export interface ClassificationReport {
  /** The classes that occur among labels or predictions, in their order. */
  readonly classes: readonly ClassScores[];
  /** Plain means over these classes. */
  readonly macro: Scores;
  /** Means weighted by support. */
  readonly weighted: Scores;
  /** Of all rows counted together: with one label and one prediction a row all three are the accuracy. */
  readonly micro: Scores;
  readonly accuracy: number;
  readonly rows: number;
  toString(): string;
}

function scoresOf(right: number, found: number, support: number): Scores {
  const part = (of: number) => (of === 0 ? 0 : right / of);
  return { precision: part(found), recall: part(support), f1: right === 0 ? 0 : (2 * right) / (found + support) };
}

/**
 * Precision, recall and F1 by class, with macro, weighted and micro means: the numbers of scikit-learn's classification_report.
 * @throws TypeError, RangeError on values that are no classes; ERR_SHAPE where lengths differ
 * @example
 * const report = metrics.classificationReport([0, 0, 1], [0, 1, 1]);
 * report.classes[1].precision; // 0.5
 */
export function classificationReport(labels: Numbers, predictions: Numbers): ClassificationReport {
  const [truth, found] = readPairs('classificationReport', labels, predictions);
  const counts = new Map<number, { right: number; found: number; support: number }>();
  const of = (value: number) => {
    const count = counts.get(value) ?? { right: 0, found: 0, support: 0 };
    counts.set(value, count);
    return count;
  };
  let right = 0;
  for (const [i, label] of truth.entries()) {
    of(label).support++;
    of(found[i]!).found++;
    if (label !== found[i]) continue;
    of(label).right++;
    right++;
  }
  const rows = truth.length;
  const classes = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([value, count]) => ({
      class: value,
      ...scoresOf(count.right, count.found, count.support),
      support: count.support,
    }));
  const mean = (weight: (one: ClassScores) => number): Scores => {
    const sum = (name: keyof Scores) => classes.reduce((total, one) => total + weight(one) * one[name], 0);
    return { precision: sum('precision'), recall: sum('recall'), f1: sum('f1') };
  };
  return {
    classes,
    macro: mean(() => 1 / classes.length),
    weighted: mean(({ support }) => support / rows),
    micro: scoresOf(right, rows, rows),
    accuracy: right / rows,
    rows,
    toString() {
      return table(this);
    },
  };
}

function table({ classes, macro, weighted, micro, rows }: ClassificationReport): string {
  const line = (name: string, { precision, recall, f1 }: Scores, support: number) =>
    [name.padEnd(8), ...[precision, recall, f1].map((v) => v.toFixed(4).padStart(9)), String(support).padStart(9)].join(
      ' ',
    );
  return [
    ['class   ', ...['precision', 'recall', 'f1', 'rows'].map((name) => name.padStart(9))].join(' '),
    ...classes.map((one) => line(String(one.class), one, one.support)),
    line('macro', macro, rows),
    line('weighted', weighted, rows),
    line('micro', micro, rows),
  ].join('\n');
}
