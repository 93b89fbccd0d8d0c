/** Global average pooling: the mean of each channel of an image; backward spreads a gradient evenly over it. */
import type { Args } from './args.js';

export function globalAveragePool2dForward({ x, y, n, h, w, c }: Args<'global_average_pool2d_forward'>): void {
  const area = h * w;
  for (let image = 0; image < n; image++)
    for (let channel = 0; channel < c; channel++) {
      let sum = 0;
      for (let place = 0; place < area; place++) sum += x[(image * area + place) * c + channel]!;
      y[image * c + channel] = sum / area;
    }
}

export function globalAveragePool2dBackward({ dy, dx, n, h, w, c }: Args<'global_average_pool2d_backward'>): void {
  const area = h * w;
  for (let image = 0; image < n; image++)
    for (let place = 0; place < area; place++)
      for (let channel = 0; channel < c; channel++)
        dx[(image * area + place) * c + channel] = dy[image * c + channel]! / area;
}
