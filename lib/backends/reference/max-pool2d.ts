/**
 * Max pooling, P_pool = M P_phi (lecture notes 1.3.6, equation 1.6): the first maximum of each window in row-major order, or its first
 * NaN. argmax is the place in the window, row * pool + column. Backward is P_pool': each gradient goes back to the place it came from.
 */
import type { Args } from './args.js';
import { forOutputs, placeOffsets } from './windows.js';

export function maxPool2dForward(args: Args<'max_pool2d_forward'>): void {
  const { x, y, argmax } = args;
  const offsets = placeOffsets(args);
  forOutputs(args, (output, first) => {
    let best = x[first]!;
    let place = 0;
    for (let i = 1; i < offsets.length && !Number.isNaN(best); i++) {
      const value = x[first + offsets[i]!]!;
      if (value > best || Number.isNaN(value)) [best, place] = [value, i];
    }
    y[output] = best;
    argmax[output] = place;
  });
}

/** A place outside the window is ignored. */
export function maxPool2dBackward(args: Args<'max_pool2d_backward'>): void {
  const { dy, argmax, dx, n, h, w, c } = args;
  const offsets = placeOffsets(args);
  const sums = new Float64Array(n * h * w * c);
  forOutputs(args, (output, first) => {
    const place = argmax[output]!;
    if (place < offsets.length) sums[first + offsets[place]!]! += dy[output]!;
  });
  dx.set(sums);
}

/** y = P_pool vec(x) for a known argmax; NaN where the place is outside the window. */
export function maxPool2dSelect(args: Args<'max_pool2d_select'>): void {
  const { x, argmax, y } = args;
  const offsets = placeOffsets(args);
  forOutputs(args, (output, first) => {
    const place = argmax[output]!;
    y[output] = place < offsets.length ? x[first + offsets[place]!]! : Number.NaN;
  });
}
