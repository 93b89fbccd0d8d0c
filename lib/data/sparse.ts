/**
 * Sparse rows (CSR, compressed sparse rows): of each row only the values that are not zero, with their columns. A set of texts or of
 * one-hot features has a few entries a row among thousands of columns.
 */
import { wrongShape, wrongType } from '../errors.js';

/** A matrix [rows, columns] by its entries, row after row. */
export interface SparseRows {
  readonly rows: number;
  readonly columns: number;
  /** rows + 1 places: row i has the entries starts[i] .. starts[i + 1] - 1. */
  readonly starts: Int32Array;
  /** Column of each entry, from 0; rising within a row. */
  readonly indices: Int32Array;
  /** Value of each entry. */
  readonly values: Float64Array;
}

/** Sparse examples in memory: what readLibsvm gives and fitLinear takes. */
export interface SparseDataset {
  readonly x: SparseRows;
  /** One label a row. */
  readonly y: Float64Array;
  /** Where the rows came from, for messages: the file's name, and the line of each row. */
  readonly source?: string;
  readonly lines?: Int32Array;
}

export function isSparse(x: unknown): x is SparseRows {
  return x !== null && typeof x === 'object' && 'starts' in x && 'indices' in x;
}

/** Throws unless `x` is a matrix whose entries lie inside it, rise within each row, and are finite numbers. */
export function checkSparse(where: string, x: SparseRows): SparseRows {
  checkSparseShape(where, x);
  checkSparseRows(where, x, 0, x.rows);
  return x;
}

/** Throws unless the arrays of `x` fit each other. */
export function checkSparseShape(where: string, x: SparseRows): void {
  const { rows, columns, starts, indices, values } = x;
  for (const [name, size] of Object.entries({ rows, columns }))
    if (!Number.isInteger(size) || size < 0) throw wrongType(where, `x.${name}`, 'a whole number', size);
  if (!(starts instanceof Int32Array)) throw wrongType(where, 'x.starts', 'an Int32Array', starts);
  if (!(indices instanceof Int32Array)) throw wrongType(where, 'x.indices', 'an Int32Array', indices);
  if (!(values instanceof Float64Array)) throw wrongType(where, 'x.values', 'a Float64Array', values);
  if (starts.length !== rows + 1)
    throw wrongShape(where, `x has ${rows} rows, so x.starts needs ${rows + 1} places, but it has ${starts.length}`);
  if (indices.length !== values.length)
    throw wrongShape(where, `x.indices has ${indices.length} entries and x.values ${values.length}`);
  if (starts[0] !== 0 || starts[rows] !== values.length)
    throw wrongShape(
      where,
      `x.starts must go from 0 to ${values.length} but goes from ${starts[0]} to ${starts[rows]}`,
    );
}

/**
 * The same of rows [begin, end): their entries lie inside the matrix, rise within each row, and are finite numbers. Returns the sum of
 * their squares.
 */
export function checkSparseRows(where: string, x: SparseRows, begin: number, end: number): number {
  const { columns, starts, indices, values } = x;
  let squares = 0;
  for (let row = begin; row < end; row++) {
    const stop = starts[row + 1]!;
    if (stop < starts[row]! || stop > values.length) throw wrongShape(where, `x.starts does not rise at row ${row}`);
    let last = -1;
    for (let k = starts[row]!; k < stop; k++) {
      const column = indices[k]!;
      if (column <= last || column >= columns || !Number.isFinite(values[k]!)) throw wrongEntry(where, x, row, k, last);
      squares += values[k]! * values[k]!;
      last = column;
    }
  }
  return squares;
}

function wrongEntry(
  where: string,
  { columns, indices, values }: SparseRows,
  row: number,
  k: number,
  last: number,
): Error {
  const column = indices[k]!;
  if (column >= columns) return wrongShape(where, `row ${row} of x has a column ${column}, but there are ${columns}`);
  if (column > last)
    return new RangeError(`${where}: expected finite numbers but row ${row} of x has ${values[k]} in column ${column}`);
  const what = column < 0 ? 'negative' : column === last ? 'repeated' : `smaller than the ${last} before it`;
  return new RangeError(`${where}: expected rising columns but in row ${row} of x column ${column} is ${what}`);
}

/** Sparse rows of `rows` x `columns` values that lie row after row; each is multiplied by `factor`, and zeros are left out. */
export function sparseRows(values: ArrayLike<number>, rows: number, columns: number, factor = 1): SparseRows {
  const starts = new Int32Array(rows + 1);
  let count = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = i * columns; j < (i + 1) * columns; j++) if (values[j] !== 0) count++;
    starts[i + 1] = count;
  }
  const [indices, kept] = [new Int32Array(count), new Float64Array(count)];
  for (let i = 0, k = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const value = values[i * columns + j]!;
      if (value === 0) continue;
      indices[k] = j;
      kept[k++] = value * factor;
    }
  return { rows, columns, starts, indices, values: kept };
}
