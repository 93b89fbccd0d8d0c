/** A data set in parts, by chance: for training, validation and test. */
import { checkInteger, checkNumber, checkOptions, wrongRange, wrongType } from '../errors.js';
import { permutation } from '../random.js';
import { type AnyDataset, countRows, subset } from './rows.js';

export interface SplitOptions {
  /** The same parts for the same seed. Default 0. */
  readonly seed?: number;
  /** Each part gets its share of every label, to within three rows. Needs one label a row. Default false. */
  readonly stratified?: boolean;
}

/** Stream of the random numbers that tell which row goes where ("splt"). */
const STREAM = 0x73706c74;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Divides a data set by chance into parts, each a data set of the same kind; their rows keep their order.
 *
 * @param data `{ x, y }` in memory, x dense or sparse. Where x and y are flat and y has real numbers, `data.shape` must tell the shape of a row.
 * @param fractions of the rows, each above 0, at most 1 in all: [0.8, 0.2]; what they leave over is in no part.
 * @throws TypeError, RangeError on options, and where a part would have no row; ERR_SHAPE where x and y do not fit each other.
 * @example const [train, validation] = split(data, [0.9, 0.1], { seed: 1, stratified: true });
 */
export function split<T extends AnyDataset>(data: T, fractions: readonly number[], options?: SplitOptions): T[] {
  const rows = countRows('split', data);
  if (!Array.isArray(fractions) || fractions.length === 0)
    throw wrongType('split', 'fractions', 'an array of numbers', fractions);
  for (const [i, part] of fractions.entries())
    checkNumber('split', `fractions[${i}]`, part, { min: 0, max: 1, openMin: true });
  checkOptions('split', options, ['seed', 'stratified']);
  const seed = checkInteger('split', 'seed', options?.seed ?? 0);
  const { stratified = false } = options ?? {};
  if (typeof stratified !== 'boolean') throw wrongType('split', 'stratified', 'true or false', stratified);

  const shuffled = permutation(rows, seed, STREAM, 0);
  const order = stratified ? byClasses(shuffled, labelsOf(data, rows)) : shuffled;
  const parts: T[] = [];
  let [share, begin] = [0, 0];
  for (const [i, fraction] of fractions.entries()) {
    share += fraction;
    if (share > 1 + 1e-9) throw wrongRange('split', 'fractions', 'at most 1 in all', fractions);
    const end = Math.round(Math.min(1, share) * rows);
    if (end === begin) throw new RangeError(`split: part ${i}, ${fraction} of ${rows} rows, has no row`);
    parts.push(subset(data, order.slice(begin, end).sort()));
    begin = end;
  }
  return parts;
}

function labelsOf({ y }: AnyDataset, rows: number): ArrayLike<number> {
  if (y.length !== rows || typeof y[0] !== 'number')
    throw wrongType('split', 'y', 'one label a row, for stratified', y);
  return y as ArrayLike<number>;
}

/**
 * The rows in an order whose every stretch has its share of each class: put class by class, row p then stands at the fractional part of p times the
 * golden ratio of the way, which spreads the rows of any stretch, of a class or of several small ones, evenly (Weyl; Knuth 6.4, theorem S).
 */
function byClasses(shuffled: Int32Array, labels: ArrayLike<number>): Int32Array {
  const classes = new Map<number, number[]>();
  for (const row of shuffled) {
    const found = classes.get(labels[row]!);
    if (found === undefined) classes.set(labels[row]!, [row]);
    else found.push(row);
  }
  const rows = Int32Array.from([...classes.values()].flat());
  const place = Float64Array.from(rows, (_, p) => (p * GOLDEN) % 1);
  return Int32Array.from(rows, (_, p) => p)
    .sort((a, b) => place[a]! - place[b]!)
    .map((p) => rows[p]!);
}
