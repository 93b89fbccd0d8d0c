/**
 * Loops over sparse rows. They are short functions of typed arrays and nothing else, called for some thousand entries at a time: so the
 * engine compiles them once and well (the same loops inside generators cost several times as much). `bias` is the number in the last
 * column, which is not stored; 0 where there is none.
 */
import type { SparseRows } from '../../data/sparse.js';

/** out_i = x_i'w for rows [begin, end). */
export function timesRows(x: SparseRows, bias: number, w: Float64Array, out: Float64Array, begin: number, end: number) {
  const { starts, indices, values } = x;
  const constant = bias === 0 ? 0 : bias * w[w.length - 1]!;
  let k = starts[begin]!;
  for (let i = begin; i < end; i++) {
    const stop = starts[i + 1]!;
    let sum = constant;
    for (; k < stop; k++) sum += values[k]! * w[indices[k]!]!;
    out[i] = sum;
  }
}

/** out = out + sum_i v_i x_i over rows [begin, end). */
export function addRows(x: SparseRows, bias: number, v: Float64Array, out: Float64Array, begin: number, end: number) {
  const { starts, indices, values } = x;
  let total = 0;
  for (let i = begin; i < end; i++) {
    const factor = v[i]!;
    if (factor === 0) continue;
    total += factor;
    const stop = starts[i + 1]!;
    for (let k = starts[i]!; k < stop; k++) out[indices[k]!]! += factor * values[k]!;
  }
  if (bias !== 0) out[out.length - 1]! += bias * total;
}

/** out = out + sum_i v_i (x_i's) x_i over rows [begin, end). */
export function addGramRows(
  x: SparseRows,
  bias: number,
  v: Float64Array,
  s: Float64Array,
  out: Float64Array,
  begin: number,
  end: number,
) {
  const { starts, indices, values } = x;
  const constant = bias === 0 ? 0 : bias * s[s.length - 1]!;
  let total = 0;
  for (let i = begin; i < end; i++) {
    const factor = v[i]!;
    if (factor === 0) continue;
    const stop = starts[i + 1]!;
    let sum = constant;
    for (let k = starts[i]!; k < stop; k++) sum += values[k]! * s[indices[k]!]!;
    sum *= factor;
    total += sum;
    for (let k = starts[i]!; k < stop; k++) out[indices[k]!]! += sum * values[k]!;
  }
  if (bias !== 0) out[out.length - 1]! += bias * total;
}

/** g = g + sum_i s_i x_i and h_j = h_j + sum_i v_i x_ij^2 over rows [begin, end): a gradient and the diagonal of a Hessian. */
export function addDerivatives(
  x: SparseRows,
  bias: number,
  s: Float64Array,
  v: Float64Array,
  g: Float64Array,
  h: Float64Array,
  begin: number,
  end: number,
) {
  const { starts, indices, values } = x;
  let total = 0;
  let curved = 0;
  for (let i = begin; i < end; i++) {
    const slope = s[i]!;
    const curvature = v[i]!;
    if (slope === 0 && curvature === 0) continue;
    total += slope;
    curved += curvature;
    const stop = starts[i + 1]!;
    for (let k = starts[i]!; k < stop; k++) {
      const j = indices[k]!;
      const value = values[k]!;
      g[j]! += slope * value;
      h[j]! += curvature * value * value;
    }
  }
  if (bias === 0) return;
  g[g.length - 1]! += bias * total;
  h[h.length - 1]! += bias * bias * curved;
}

/** out_s = x_i'w for i = rows[s], s in [begin, end). Returns the entries that were read. */
export function timesListed(
  x: SparseRows,
  bias: number,
  rows: Int32Array,
  w: Float64Array,
  out: Float64Array,
  begin: number,
  end: number,
): number {
  const { starts, indices, values } = x;
  const constant = bias === 0 ? 0 : bias * w[w.length - 1]!;
  let entries = end - begin;
  for (let s = begin; s < end; s++) {
    const i = rows[s]!;
    const stop = starts[i + 1]!;
    let sum = constant;
    for (let k = starts[i]!; k < stop; k++) sum += values[k]! * w[indices[k]!]!;
    out[s] = sum;
    entries += stop - starts[i]!;
  }
  return entries;
}

/** out = out + sum_s v_s x_i for i = rows[s], s in [begin, end). Returns the entries that were read. */
export function addListed(
  x: SparseRows,
  bias: number,
  rows: Int32Array,
  v: Float64Array,
  out: Float64Array,
  begin: number,
  end: number,
): number {
  const { starts, indices, values } = x;
  let entries = end - begin;
  let total = 0;
  for (let s = begin; s < end; s++) {
    const i = rows[s]!;
    const stop = starts[i + 1]!;
    const factor = v[s]!;
    total += factor;
    for (let k = starts[i]!; k < stop; k++) out[indices[k]!]! += factor * values[k]!;
    entries += stop - starts[i]!;
  }
  if (bias !== 0) out[out.length - 1]! += bias * total;
  return entries;
}
