/** Data sets by their rows: how many there are, some of them as a data set again, each by itself, and many put together as a batch. */
import { show, wrongRange, wrongShape, wrongType } from '../errors.js';
import type { Dataset, DataValues, NumericArray } from './dataset.js';
import type { Size } from './image-options.js';
import { isSparse, type SparseRows } from './sparse.js';

/** AnyDataset in memory, dense or sparse; what else readers know stays with them. */
export interface AnyDataset {
  readonly x: DataValues | SparseRows;
  readonly y: DataValues;
}

/** One example. */
export interface Row {
  /** Of the input shape: a view of the data set's memory, where that is flat. */
  readonly x: DataValues | number;
  /** Its label, or its targets. */
  readonly y: DataValues | number;
  readonly sampleWeight?: number;
  /** Of x. */
  readonly shape?: readonly number[];
}

/** An example whose image is in a file: `batch` decodes it. */
export interface ImageFile {
  readonly file: string;
  readonly y: number;
  /** Of every image, as the file `like` has it, or as it is resized to `size`. */
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly size?: Size | undefined;
  readonly like: string;
}

/** Beside x and y, what a data set may have for each row: arrays of as many values. */
const ROW_FIELDS = ['sampleWeights', 'lines'] as const;
type RowFields = Partial<Record<(typeof ROW_FIELDS)[number], NumericArray | readonly number[]>>;

const isTyped = (values: unknown): values is NumericArray =>
  ArrayBuffer.isView(values) && !(values instanceof DataView);
const isFlat = (values: unknown): boolean =>
  isTyped(values) || (Array.isArray(values) && typeof values[0] === 'number');

/**
 * The number of rows: by `shape` (of one row), or where x or y has an entry for each. TypeError where neither tells: flat x without a shape, and
 * flat y of real numbers, perhaps several a row.
 */
export function countRows(where: string, data: AnyDataset & { readonly shape?: readonly number[] }): number {
  if (data === null || typeof data !== 'object' || isTyped(data))
    throw wrongType(where, 'data', 'an object { x, y }', data);
  const { x, y, shape } = data;
  for (const [name, values] of Object.entries({ x, y }))
    if (!isTyped(values) && !Array.isArray(values) && !(name === 'x' && isSparse(values)))
      throw wrongType(where, name, 'a typed array or an array', values);
  const rows = rowsOf(where, x, y as DataValues, shape);
  if (y.length === 0 || y.length % rows !== 0)
    throw wrongShape(where, `x has ${rows} rows, so y needs as many values, or a multiple, but it has ${y.length}`);
  for (const field of ROW_FIELDS) {
    const values = (data as RowFields)[field];
    if (values !== undefined && values.length !== rows)
      throw wrongShape(where, `x has ${rows} rows, so ${field} needs as many values, but it has ${values.length}`);
  }
  return rows;
}

function rowsOf(where: string, x: DataValues | SparseRows, y: DataValues, shape?: readonly number[]): number {
  if (isSparse(x)) return x.rows;
  if (!isFlat(x)) return x.length;
  if (shape === undefined) {
    if (y instanceof Float32Array || y instanceof Float64Array)
      throw wrongType(where, 'shape', 'the shape of one row, where x and y are flat and y has real numbers', shape);
    if (x.length % y.length !== 0)
      throw wrongShape(
        where,
        `y has ${y.length} rows, so x needs a multiple of as many values, but it has ${x.length}`,
      );
    return y.length;
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (!(size >= 1) || x.length % size !== 0)
    throw wrongShape(
      where,
      `x has ${x.length} values, which is no whole number of rows of shape [${shape.join(', ')}]`,
    );
  return x.length / size;
}

/** Entry i, of `size` flat values. */
function entry(values: DataValues, i: number, size: number): DataValues | number {
  if (size === 1 || !isFlat(values)) return values[i] as DataValues | number;
  return isTyped(values) ? values.subarray(i * size, (i + 1) * size) : values.slice(i * size, (i + 1) * size);
}

/** The rows of a data set, one by one. */
export function* rowsIn(where: string, data: Dataset): Generator<Row> {
  const rows = countRows(where, data);
  if (isSparse(data.x)) throw wrongType(where, 'x', 'dense rows', data.x);
  const { x, y, shape, sampleWeights: weights } = data;
  const [xSize, ySize] = [x.length / rows, y.length / rows];
  for (let i = 0; i < rows; i++) {
    const flat = entry(x, i, xSize);
    // A row of one value is a row still.
    const row: Row = { x: typeof flat === 'number' ? [flat] : flat, y: entry(y, i, ySize) };
    yield { ...row, ...(shape && { shape }), ...(weights && { sampleWeight: weights[i]! }) };
  }
}

/**
 * Some rows of a data set, as a data set of the same kind: copies of them, in this order, with what else the reader told (shape, names ...).
 *
 * @param data `{ x, y }` in memory, x dense or sparse. Where x and y are flat and y has real numbers, `data.shape` must tell the shape of a row.
 * @param indices numbers of rows, from 0, perhaps some of them several times; at least one.
 * @throws TypeError, RangeError on indices; ERR_SHAPE where x and y do not fit each other.
 * @example const sevens = subset(train, [...train.y.keys()].filter((i) => train.y[i] === 7));
 */
export function subset<T extends AnyDataset>(data: T, indices: ArrayLike<number>): T {
  const where = 'subset';
  const rows = countRows(where, data);
  if (!Array.isArray(indices) && !isTyped(indices)) throw wrongType(where, 'indices', 'an array of numbers', indices);
  if (indices.length === 0) throw wrongRange(where, 'indices', 'at least one row', indices);
  for (let i = 0; i < indices.length; i++)
    if (!Number.isInteger(indices[i]) || indices[i]! < 0 || indices[i]! >= rows)
      throw wrongRange(where, `indices[${i}]`, `an integer in [0, ${rows - 1}]`, indices[i]);
  const picked = (values: DataValues) => pick(values, rows, indices);
  const fields = Object.fromEntries(
    ROW_FIELDS.flatMap((field) => {
      const values = (data as RowFields)[field];
      return values === undefined ? [] : [[field, picked(values)]];
    }),
  );
  const x = isSparse(data.x) ? pickSparse(data.x, indices) : picked(data.x);
  return { ...data, ...fields, x, y: picked(data.y), ...('count' in data && { count: indices.length }) };
}

function pick(values: DataValues, rows: number, indices: ArrayLike<number>): DataValues {
  const size = values.length / rows;
  if (!isTyped(values)) {
    const at = Array.from(indices);
    return size === 1 ? at.map((i) => values[i]!) : at.flatMap((i) => values.slice(i * size, (i + 1) * size));
  }
  const picked = new (values.constructor as new (length: number) => NumericArray)(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * size;
    if (size === 1) picked[i] = values[from]!;
    else picked.set(values.subarray(from, from + size), i * size);
  }
  return picked;
}

function pickSparse({ columns, starts, indices, values }: SparseRows, wanted: ArrayLike<number>): SparseRows {
  const rows = wanted.length;
  const begins = new Int32Array(rows + 1);
  for (let i = 0; i < rows; i++) begins[i + 1] = begins[i]! + starts[wanted[i]! + 1]! - starts[wanted[i]!]!;
  const picked = { indices: new Int32Array(begins[rows]!), values: new Float64Array(begins[rows]!) };
  for (let i = 0; i < rows; i++) {
    const [begin, end] = [starts[wanted[i]!]!, starts[wanted[i]! + 1]!];
    picked.indices.set(indices.subarray(begin, end), begins[i]!);
    picked.values.set(values.subarray(begin, end), begins[i]!);
  }
  return { rows, columns, starts: begins, ...picked };
}

/** A batch of rows that have the same form: typed arrays become one, numbers (labels) an array, other arrays an array of them. */
export function collate(where: string, rows: readonly Row[]): Dataset {
  const [first] = rows;
  const weights = first!.sampleWeight === undefined ? {} : { sampleWeights: rows.map((row) => row.sampleWeight!) };
  return {
    x: together(
      where,
      'x',
      rows.map(({ x }) => x),
    ),
    y: together(
      where,
      'y',
      rows.map(({ y }) => y),
    ),
    ...weights,
    ...(first!.shape && { shape: first!.shape }),
  };
}

function together(where: string, name: string, parts: readonly unknown[]): DataValues {
  const first = parts[0];
  const kind = kindOf(first);
  if (kind === undefined) throw wrongType(where, `${name} of row 0`, 'a number or an array of numbers', first);
  for (const [i, part] of parts.entries())
    if (kindOf(part) !== kind)
      throw wrongShape(where, `row ${i} has ${show(part)} for ${name}, where row 0 has ${show(first)}`);
  if (!isTyped(first)) return parts as DataValues;
  const whole = new (first.constructor as new (length: number) => NumericArray)(first.length * parts.length);
  for (const [i, part] of parts.entries()) whole.set(part as NumericArray, i * first.length);
  return whole;
}

/** What must be the same in all rows. */
function kindOf(value: unknown): string | undefined {
  if (isTyped(value)) return `${value.constructor.name} ${value.length}`;
  return Array.isArray(value) ? 'array' : typeof value === 'number' ? 'number' : undefined;
}
