/** Top-k accuracy: how often the label is among the k best. */
import { checkInteger, checkOptions } from '../../errors.js';
import { type Numbers, readScores } from './values.js';

export interface TopKOptions {
  /** Default 5. */
  readonly k?: number;
}

/**
 * The part of the rows, 0 .. 1, whose label is among the k classes of the largest scores [rows, classes]; two classes at least. Of equal scores
 * the first class comes first, as for accuracy, which is k = 1. A row with a NaN is wrong.
 * @throws TypeError, RangeError on k and labels; ERR_SHAPE where sizes do not fit
 */
export function topKAccuracy(labels: Numbers, scores: Numbers, options?: TopKOptions): number {
  checkOptions('topKAccuracy', options, ['k']);
  const most = checkInteger('topKAccuracy', 'k', options?.k ?? 5, 1);
  const { labels: truth, rows, columns } = readScores('topKAccuracy', labels, scores, 2);
  let right = 0;
  for (let i = 0; i < rows; i++) if (classesBefore(truth[i]!, scores, i * columns, columns) < most) right++;
  return right / rows;
}

/** How many classes come before the label; Infinity where a score is NaN. */
function classesBefore(label: number, scores: Numbers, at: number, columns: number): number {
  const own = scores[at + label]!;
  let before = 0;
  for (let j = 0; j < columns; j++) {
    const other = scores[at + j]!;
    if (Number.isNaN(other)) return Number.POSITIVE_INFINITY;
    if (other > own || (other === own && j < label)) before++;
  }
  return before;
}
