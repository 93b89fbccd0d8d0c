/** The loops of rows.ts for several outputs at once: weights [columns, K], the last row that of the bias; values of rows [rows, K]. */
import type { SparseRows } from '../../data/sparse.js';

/** out_i = W'x_i for rows [begin, end). */
export function timesRowsWide(
  { starts, indices, values }: SparseRows,
  bias: number,
  K: number,
  w: Float64Array,
  out: Float64Array,
  begin: number,
  end: number,
): void {
  const last = w.length - K;
  for (let i = begin; i < end; i++) {
    const first = i * K;
    for (let c = 0; c < K; c++) out[first + c] = bias === 0 ? 0 : bias * w[last + c]!;
    const stop = starts[i + 1]!;
    for (let k = starts[i]!; k < stop; k++) {
      const value = values[k]!;
      const row = indices[k]! * K;
      for (let c = 0; c < K; c++) out[first + c]! += value * w[row + c]!;
    }
  }
}

/** out = out + sum_i x_i v_i' over rows [begin, end); with the squares of x where `squared`. */
export function addRowsWide(
  { starts, indices, values }: SparseRows,
  bias: number,
  K: number,
  v: Float64Array,
  out: Float64Array,
  begin: number,
  end: number,
  squared = false,
): void {
  const last = out.length - K;
  const ofBias = squared ? bias * bias : bias;
  for (let i = begin; i < end; i++) {
    const first = i * K;
    const stop = starts[i + 1]!;
    for (let k = starts[i]!; k < stop; k++) {
      const value = squared ? values[k]! ** 2 : values[k]!;
      const row = indices[k]! * K;
      for (let c = 0; c < K; c++) out[row + c]! += value * v[first + c]!;
    }
    if (bias !== 0) for (let c = 0; c < K; c++) out[last + c]! += ofBias * v[first + c]!;
  }
}
