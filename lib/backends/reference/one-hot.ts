/** Labels as rows: `on` at the label, `off` elsewhere (lecture notes 1.2). A label outside 0 .. k-1 gives a row of NaN. */
import type { Args } from './args.js';

export function oneHotForward({ labels, y, rows, k, off, on }: Args<'one_hot_forward'>): void {
  for (let i = 0; i < rows; i++) {
    const label = labels[i]!;
    y.fill(label >= 0 && label < k ? off : Number.NaN, i * k, (i + 1) * k);
    if (label >= 0 && label < k) y[i * k + label] = on;
  }
}
