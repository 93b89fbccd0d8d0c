/** A matrix column by column (CSC), and products with some of its columns. As in rows.ts, the loops are short functions. */
import type { SparseRows } from '../../data/sparse.js';
import { BLOCK, inBlocks, PAUSE, type Work } from './work.js';

/** Column j has the entries starts[j] .. starts[j + 1] - 1; rows rise within a column. */
export interface Columns {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
  readonly values: Float64Array;
}

/** The columns of X, and after them one of `bias` where that is not 0. `blocks`: rows to go on from after each pause. */
export function* columnsOf(x: SparseRows, bias: number, blocks: Int32Array): Work<Columns> {
  const size = x.columns + (bias === 0 ? 0 : 1);
  const starts = new Int32Array(size + 1);
  for (let k = 0; k < x.indices.length; k += PAUSE * BLOCK) {
    countColumns(x.indices, starts, k, Math.min(x.indices.length, k + PAUSE * BLOCK));
    yield;
  }
  for (let j = 0; j < size; j++) starts[j + 1]! += starts[j]!;
  if (bias !== 0) starts[size] = starts[size - 1]! + x.rows;
  const columns = { starts, rows: new Int32Array(starts[size]!), values: new Float64Array(starts[size]!) };
  const next = starts.slice();
  yield* inBlocks(blocks, (begin, end) => scatterRows(x, columns, next, begin, end));
  if (bias !== 0) {
    columns.values.fill(bias, starts[size - 1]!);
    for (let i = 0, at = starts[size - 1]!; i < x.rows; i++, at++) columns.rows[at] = i;
  }
  return columns;
}

/** Adds the entries [begin, end) to the counts of their columns, which stand one place further on. */
function countColumns(indices: Int32Array, counts: Int32Array, begin: number, end: number): void {
  for (let k = begin; k < end; k++) counts[indices[k]! + 1]!++;
}

/** Puts rows [begin, end) into the columns, each entry at the next place of its column. */
function scatterRows(x: SparseRows, columns: Columns, next: Int32Array, begin: number, end: number): void {
  const { starts, indices, values } = x;
  const { rows, values: kept } = columns;
  let k = starts[begin]!;
  for (let i = begin; i < end; i++) {
    const stop = starts[i + 1]!;
    for (; k < stop; k++) {
      const at = next[indices[k]!]!++;
      rows[at] = i;
      kept[at] = values[k]!;
    }
  }
}

/** out = sum_s b_s x_j, j = list[s], over the first `count` of the list; a number a row. */
export function* combineColumns(
  columns: Columns,
  list: Int32Array,
  count: number,
  b: Float64Array,
  out: Float64Array,
): Work<void> {
  out.fill(0);
  for (let at = 0, block = 1; at < count; block++) {
    at = addColumns(columns, list, count, b, out, at);
    if (block % PAUSE === 0) yield;
  }
}

/** out_s = x_j'v, j = list[s], over the first `count` of the list; v has a number a row. */
export function* columnProducts(
  columns: Columns,
  list: Int32Array,
  count: number,
  v: Float64Array,
  out: Float64Array,
): Work<void> {
  for (let at = 0, block = 1; at < count; block++) {
    at = timesColumns(columns, list, count, v, out, at);
    if (block % PAUSE === 0) yield;
  }
}

/** Some BLOCK entries from place `at` of the list on; returns the place of the next. */
function addColumns(
  { starts, rows, values }: Columns,
  list: Int32Array,
  count: number,
  b: Float64Array,
  out: Float64Array,
  at: number,
): number {
  let s = at;
  for (let budget = BLOCK; budget > 0 && s < count; s++) {
    const end = starts[list[s]! + 1]!;
    const factor = b[s]!;
    budget -= end - starts[list[s]!]! + 1;
    if (factor === 0) continue;
    for (let k = starts[list[s]!]!; k < end; k++) out[rows[k]!]! += factor * values[k]!;
  }
  return s;
}

function timesColumns(
  { starts, rows, values }: Columns,
  list: Int32Array,
  count: number,
  v: Float64Array,
  out: Float64Array,
  at: number,
): number {
  let s = at;
  for (let budget = BLOCK; budget > 0 && s < count; s++) {
    const end = starts[list[s]! + 1]!;
    let sum = 0;
    for (let k = starts[list[s]!]!; k < end; k++) sum += values[k]! * v[rows[k]!]!;
    out[s] = sum;
    budget -= end - starts[list[s]!]! + 1;
  }
  return s;
}
