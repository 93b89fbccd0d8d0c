/** Average pooling (named in the lecture notes, 1.3.6): the mean of each window; backward spreads a gradient evenly over its window. */
import type { Args } from './args.js';
import { forOutputs, placeOffsets } from './windows.js';

export function averagePool2dForward(args: Args<'average_pool2d_forward'>): void {
  const { x, y } = args;
  const offsets = placeOffsets(args);
  forOutputs(args, (output, first) => {
    let sum = 0;
    for (const offset of offsets) sum += x[first + offset]!;
    y[output] = sum / offsets.length;
  });
}

export function averagePool2dBackward(args: Args<'average_pool2d_backward'>): void {
  const { dy, dx, n, h, w, c } = args;
  const offsets = placeOffsets(args);
  const sums = new Float64Array(n * h * w * c);
  forOutputs(args, (output, first) => {
    for (const offset of offsets) sums[first + offset]! += dy[output]! / offsets.length;
  });
  dx.set(sums);
}
