/** Walks the windows of a pooling, in the order of its outputs. */
import { out } from '../../geometry.js';

interface Windows {
  n: number;
  h: number;
  w: number;
  c: number;
  pool: number;
  stride: number;
}

export function countOutputs({ n, h, w, c, pool, stride }: Windows): number {
  return n * out(h, pool, stride, 0) * out(w, pool, stride, 0) * c;
}

/** Calls visit(output, first) for each output: `first` is the element of x (N H W C) at the window's upper left. */
export function forOutputs(
  { n, h, w, c, pool, stride }: Windows,
  visit: (output: number, first: number) => void,
): void {
  const [p, q] = [out(h, pool, stride, 0), out(w, pool, stride, 0)];
  let output = 0;
  for (let image = 0; image < n; image++)
    for (let row = 0; row < p; row++)
      for (let column = 0; column < q; column++) {
        const first = ((image * h + row * stride) * w + column * stride) * c;
        for (let channel = 0; channel < c; channel++) visit(output++, first + channel);
      }
}

/** How far each place of a window (row * pool + column) lies behind its first element. */
export function placeOffsets({ w, c, pool }: Windows): Int32Array {
  return Int32Array.from({ length: pool * pool }, (_, place) => (Math.floor(place / pool) * w + (place % pool)) * c);
}
