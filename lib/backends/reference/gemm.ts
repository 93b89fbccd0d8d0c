/**
 * Matrix product: c[m,n] = op(a)[m,k] op(b)[k,n] (+ c if accumulate) (+ bias[n]), then max(0, .) if relu. op is the transpose where
 * transposeA (a stored [k,m]) or transposeB (b stored [n,k]) is 1. A dense layer is this product (lecture notes 1.2, 1.3.3).
 */
import type { Args, Real } from './args.js';
import { relu } from './relu.js';

export function gemm({ a, b, bias, c, m, n, k, transposeA, transposeB, accumulate, relu: clip }: Args<'gemm'>): void {
  const rowOfA = new Float64Array(k);
  const sums = new Float64Array(n);
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) rowOfA[p] = transposeA !== 0 ? a[p * m + i]! : a[i * k + p]!;
    for (let j = 0; j < n; j++) sums[j] = (accumulate !== 0 ? c[i * n + j]! : 0) + (bias === undefined ? 0 : bias[j]!);
    if (transposeB !== 0) addDots(sums, rowOfA, b, n, k);
    else addRows(sums, rowOfA, b, n, k);
    for (let j = 0; j < n; j++) c[i * n + j] = clip !== 0 ? relu(sums[j]!) : sums[j]!;
  }
}

/** sums[n] += row[k] b[k,n]: along the rows of b. */
function addRows(sums: Float64Array, row: Float64Array, b: Real, n: number, k: number): void {
  for (let p = 0; p < k; p++) {
    const scale = row[p]!;
    const start = p * n;
    for (let j = 0; j < n; j++) sums[j]! += scale * b[start + j]!;
  }
}

/** sums[n] += row[k] b[n,k]': a scalar product for each row of b. */
function addDots(sums: Float64Array, row: Float64Array, b: Real, n: number, k: number): void {
  for (let j = 0; j < n; j++) {
    const start = j * k;
    let dot = 0;
    for (let p = 0; p < k; p++) dot += row[p]! * b[start + p]!;
    sums[j]! += dot;
  }
}
