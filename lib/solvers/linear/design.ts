/**
 * The rows of a problem, X [rows, size], sparse, with the bias as a last column that holds the same number everywhere and is not stored.
 * Products go over blocks of rows with some 4,000 entries each and yield after each block.
 */
import type { SparseRows } from '../../data/sparse.js';
import { type Columns, columnsOf } from './columns.js';
import { addDerivatives, addGramRows, addRows, timesRows } from './rows.js';
import { BLOCK, inBlocks, type Work } from './work.js';

export class Design {
  readonly x: SparseRows;
  readonly rows: number;
  /** Columns: features, and the bias where there is one. */
  readonly size: number;
  /** First rows of the blocks, and the number of rows. */
  readonly blocks: Int32Array;

  /** `bias`: the number in the bias's column; 0 for none. */
  constructor(
    { rows, columns, starts, indices, values }: SparseRows,
    readonly bias: number,
  ) {
    this.x = { rows, columns, starts, indices, values };
    this.rows = rows;
    this.size = columns + (bias === 0 ? 0 : 1);
    this.blocks = blocksOf(starts, rows);
  }

  /** out = X w. */
  times(w: Float64Array, out: Float64Array): Work<void> {
    const { x, bias, blocks } = this;
    return inBlocks(blocks, (begin, end) => timesRows(x, bias, w, out, begin, end));
  }

  /** out = out + X' v. */
  addTransposeTimes(v: Float64Array, out: Float64Array): Work<void> {
    const { x, bias, blocks } = this;
    return inBlocks(blocks, (begin, end) => addRows(x, bias, v, out, begin, end));
  }

  /** out = out + X' diag(v) X s. */
  addGramTimes(v: Float64Array, s: Float64Array, out: Float64Array): Work<void> {
    const { x, bias, blocks } = this;
    return inBlocks(blocks, (begin, end) => addGramRows(x, bias, v, s, out, begin, end));
  }

  /** g = g + X's and h_j = h_j + sum_i v_i x_ij^2. */
  addDerivatives(s: Float64Array, v: Float64Array, g: Float64Array, h: Float64Array): Work<void> {
    const { x, bias, blocks } = this;
    return inBlocks(blocks, (begin, end) => addDerivatives(x, bias, s, v, g, h, begin, end));
  }

  /** The same numbers column by column, the bias's column at the end. */
  columns(): Work<Columns> {
    return columnsOf(this.x, this.bias, this.blocks);
  }
}

/** Where the blocks begin, each as many rows as make up BLOCK entries, a row counting as one more (or one row, where it has more). */
function blocksOf(starts: Int32Array, rows: number): Int32Array {
  const blocks = [0];
  for (let first = 0; first < rows; ) {
    let [low, high] = [first + 1, Math.min(rows, first + BLOCK)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! - starts[first]! + (middle - first) <= BLOCK) low = middle;
      else high = middle - 1;
    }
    first = low;
    blocks.push(first);
  }
  return Int32Array.from(blocks);
}
