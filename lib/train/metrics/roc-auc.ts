/** The area under the receiver operating characteristic. */
import { type Numbers, readScores } from './values.js';

/**
 * The part of all pairs of a row of the class and a row of another one where the first has the larger score, equal scores counting half: 0.5 is
 * chance, 1 is perfect. Scores [rows]: of class 1 against class 0. Scores [rows, classes]: the plain mean of each class against the rest, over
 * the classes that both occur and have a rest. NaN where there is none, or where a score is NaN.
 * @throws TypeError, RangeError on labels; ERR_SHAPE where sizes do not fit
 */
export function rocAuc(labels: Numbers, scores: Numbers): number {
  const defined = rocAucByClass(labels, scores).filter((area) => area !== undefined);
  return defined.reduce((sum, area) => sum + area, 0) / defined.length;
}

/** The same of each class against the rest; undefined where all rows, or none, are of the class. With scores [rows], of class 1 alone. */
export function rocAucByClass(labels: Numbers, scores: Numbers): (number | undefined)[] {
  const { labels: truth, rows, columns } = readScores('rocAuc', labels, scores, 1);
  return Array.from({ length: columns }, (_, column) => {
    const wanted = columns === 1 ? 1 : column;
    const positives = truth.reduce((count, label) => count + (label === wanted ? 1 : 0), 0);
    const [inside, outside] = [new Float64Array(positives), new Float64Array(rows - positives)];
    let [p, n] = [0, 0];
    for (let i = 0; i < rows; i++) {
      const score = scores[i * columns + column]!;
      if (truth[i] === wanted) inside[p++] = score;
      else outside[n++] = score;
    }
    return positives === 0 || positives === rows ? undefined : area(inside.sort(), outside.sort());
  });
}

/** From scores in ascending order (a NaN comes last). */
function area(inside: Float64Array, outside: Float64Array): number {
  if (Number.isNaN(inside.at(-1)) || Number.isNaN(outside.at(-1))) return Number.NaN;
  let [below, notAbove, pairs] = [0, 0, 0];
  for (const score of inside) {
    while (below < outside.length && outside[below]! < score) below++;
    while (notAbove < outside.length && outside[notAbove]! <= score) notAbove++;
    pairs += (below + notAbove) / 2;
  }
  return pairs / (inside.length * outside.length);
}
