/**
 * phi (lecture notes 1.3.3, equation 1.4, with the padding of 1.3.5): row (image, output row, output column) of col holds the
 * window's r*s*c values, channels fastest, zeros where it stands over the padding. Backward is the transpose: P_pad' P_phi'.
 */
import { out } from '../../geometry.js';
import type { Args } from './args.js';

export function im2colForward({ x, col, n, h, w, c, r, s, stride, padding }: Args<'im2col_forward'>): void {
  const [p, q] = [out(h, r, stride, padding), out(w, s, stride, padding)];
  let to = 0;
  for (let image = 0; image < n; image++)
    for (let row = 0; row < p; row++)
      for (let column = 0; column < q; column++)
        for (let i = 0; i < r; i++)
          for (let j = 0; j < s; j++) {
            const [y, z] = [row * stride - padding + i, column * stride - padding + j];
            const inside = y >= 0 && y < h && z >= 0 && z < w;
            const from = ((image * h + y) * w + z) * c;
            for (let channel = 0; channel < c; channel++) col[to++] = inside ? x[from + channel]! : 0;
          }
}

export function im2colBackward({ dcol, dx, n, h, w, c, r, s, stride, padding }: Args<'im2col_backward'>): void {
  const [p, q] = [out(h, r, stride, padding), out(w, s, stride, padding)];
  const sums = new Float64Array(h * w * c);
  let from = 0;
  for (let image = 0; image < n; image++) {
    sums.fill(0);
    for (let row = 0; row < p; row++)
      for (let column = 0; column < q; column++)
        for (let i = 0; i < r; i++)
          for (let j = 0; j < s; j++, from += c) {
            const [y, z] = [row * stride - padding + i, column * stride - padding + j];
            if (y < 0 || y >= h || z < 0 || z >= w) continue;
            for (let channel = 0; channel < c; channel++) sums[(y * w + z) * c + channel]! += dcol[from + channel]!;
          }
    dx.set(sums, image * sums.length);
  }
}
