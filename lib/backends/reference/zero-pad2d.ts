/** Zero padding, the linear map P_pad of the lecture notes (1.3.5): `padding` zeros around each image. Backward is P_pad': the inner part. */
import type { Args } from './args.js';

export function zeroPad2dForward({ x, y, n, h, w, c, padding }: Args<'zero_pad2d_forward'>): void {
  const [height, width] = [h + 2 * padding, w + 2 * padding];
  y.fill(0, 0, n * height * width * c);
  for (let image = 0; image < n; image++)
    for (let row = 0; row < h; row++) {
      const from = (image * h + row) * w * c;
      y.set(x.subarray(from, from + w * c), ((image * height + row + padding) * width + padding) * c);
    }
}

export function zeroPad2dBackward({ dy, dx, n, h, w, c, padding }: Args<'zero_pad2d_backward'>): void {
  const [height, width] = [h + 2 * padding, w + 2 * padding];
  for (let image = 0; image < n; image++)
    for (let row = 0; row < h; row++) {
      const from = ((image * height + row + padding) * width + padding) * c;
      dx.set(dy.subarray(from, from + w * c), (image * h + row) * w * c);
    }
}
