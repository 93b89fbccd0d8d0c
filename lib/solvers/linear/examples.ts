/** Data for fitLinear in the one form the solvers know: sparse rows and, for each, the number of its class. */
import { type DataValues, flatten } from '../../data/dataset.js';
import { checkSparseShape, isSparse, type SparseDataset, type SparseRows, sparseRows } from '../../data/sparse.js';
import { show, wrongShape, wrongType } from '../../errors.js';
import type { Work } from './work.js';

/** Labels that are read without a pause. */
const ROWS = 10_000;

/** Rows with labels: sparse, as readLibsvm gives them, or dense, in the forms that fit takes. */
export interface LinearData extends Partial<Pick<SparseDataset, 'source' | 'lines'>> {
  /** [rows, features]. */
  readonly x: SparseRows | DataValues;
  /** One whole number a row. */
  readonly y: ArrayLike<number>;
}

/** Where data came from. */
type LinearSource = Pick<LinearData, 'source' | 'lines'>;

export interface LinearExamples {
  /** Not checked entry by entry where the caller gave it as sparse rows. */
  readonly x: SparseRows;
  /** The distinct labels, rising, and for each row the place of its label among them. */
  readonly labels: Float64Array;
  readonly classes: Int32Array;
}

/** A row as it reads in a message, with file and line where the data has them. */
function rowName({ source, lines }: LinearSource, row: number): string {
  return source === undefined || lines === undefined ? `row ${row} of y` : `${source}: line ${lines[row]}: the label`;
}

function wrongLabel(data: LinearSource, row: number, expected: string, received: string): RangeError {
  const error = new RangeError(`fitLinear: expected ${expected} but ${rowName(data, row)} is ${received}`);
  return data.source === undefined ? error : Object.assign(error, { file: data.source, line: data.lines?.[row] });
}

/** Rows of features. Dense ones become sparse, and Uint8Array counts as pixels: value / 255. `columns`: undefined takes what is there. */
export function readRows(
  where: string,
  x: SparseRows | DataValues,
  columns: number | undefined,
  rows: number | undefined,
): SparseRows {
  if (isSparse(x)) {
    checkSparseShape(where, x);
    if (columns !== undefined && x.columns > columns)
      throw wrongShape(where, `x has ${x.columns} columns, but the model has ${columns} features`);
    return x;
  }
  const size = columns ?? denseColumns(where, x, rows!);
  const values = flatten(where, 'x', x, size);
  if (values.length % size !== 0)
    throw wrongShape(where, `x has ${values.length} values, which is no whole number of rows of ${size}`);
  const pixels = values instanceof Uint8Array || values instanceof Uint8ClampedArray;
  return sparseRows(values, values.length / size, size, pixels ? 1 / 255 : 1);
}

/** Columns of dense rows: those of the first row, or what is left of the values for each of `rows` labels. */
function denseColumns(where: string, x: DataValues, rows: number): number {
  const first: unknown = x?.[0];
  const nested = Array.isArray(first) || ArrayBuffer.isView(first);
  const count = nested ? (first as ArrayLike<unknown>).length : x?.length / rows;
  if (!Number.isInteger(count) || count < 1)
    throw wrongShape(where, `expected ${rows} rows, one for each label, of as many features but x is ${show(x)}`);
  return count;
}

/** Checks labels and the shape of x. Dense rows are made sparse at once. */
export function* readLinearData(data: LinearData, two: boolean): Work<LinearExamples> {
  if (data === null || typeof data !== 'object') throw wrongType('fitLinear', 'data', 'an object { x, y }', data);
  const y: unknown = data.y;
  const numbers = Array.isArray(y) || (ArrayBuffer.isView(y) && !(y instanceof DataView));
  if (!numbers) throw wrongType('fitLinear', 'y', 'a typed array or an array of labels', y);
  const labels = new Float64Array(y as ArrayLike<number>);
  if (labels.length === 0) throw new RangeError('fitLinear: expected at least one row but y is empty');
  const x = readRows('fitLinear', data.x, undefined, labels.length);
  if (x.rows !== labels.length)
    throw wrongShape('fitLinear', `x has ${x.rows} rows, so y needs ${x.rows} labels, but it has ${labels.length}`);
  return { x, ...(yield* classesOf(data, labels, two)) };
}

function* classesOf(
  data: LinearSource,
  y: Float64Array,
  two: boolean,
): Work<Pick<LinearExamples, 'labels' | 'classes'>> {
  const seen = new Map<number, number>();
  for (let i = 0; i < y.length; i++) {
    if (i % ROWS === 0) yield;
    const label = y[i]!;
    if (!Number.isInteger(label)) throw wrongLabel(data, i, 'whole labels', String(label));
    if (seen.has(label)) continue;
    if (two && seen.size === 2)
      throw wrongLabel(data, i, 'two classes', `${label}, a third after ${[...seen.keys()].join(' and ')}`);
    seen.set(label, 0);
  }
  if (seen.size === 1) throw wrongLabel(data, y.length - 1, 'two classes', `${y[0]} like all ${y.length} before it`);
  const labels = Float64Array.from(seen.keys()).sort();
  for (const [place, label] of labels.entries()) seen.set(label, place);
  const classes = new Int32Array(y.length);
  for (let i = 0; i < y.length; i++) {
    if (i % ROWS === 0) yield;
    classes[i] = seen.get(y[i]!)!;
  }
  return { labels, classes };
}
