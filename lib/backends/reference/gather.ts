/** Reading a batch out of a data set: row i of y is row indices[i] of the source; NaN (a label: -1) where there is no such row. */
import type { Args } from './args.js';

export function gatherRows({ source, indices, y, rows, k, sourceRows }: Args<'gather_rows'>): void {
  for (let i = 0; i < rows; i++) {
    const row = indices[i]!;
    if (row >= 0 && row < sourceRows) y.set(source.subarray(row * k, (row + 1) * k), i * k);
    else y.fill(Number.NaN, i * k, (i + 1) * k);
  }
}

/** y = source * factor + shift. */
export function gatherBytes(args: Args<'gather_bytes'>): void {
  const { source, indices, y, rows, k, sourceRows, factor, shift } = args;
  for (let i = 0; i < rows; i++) {
    const row = indices[i]!;
    const known = row >= 0 && row < sourceRows;
    for (let j = 0; j < k; j++) y[i * k + j] = known ? source[row * k + j]! * factor + shift : Number.NaN;
  }
}

export function gatherLabels({ source, indices, y, rows, sourceRows }: Args<'gather_labels'>): void {
  for (let i = 0; i < rows; i++) {
    const row = indices[i]!;
    y[i] = row >= 0 && row < sourceRows ? source[row]! : -1;
  }
}
