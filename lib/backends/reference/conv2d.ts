/**
 * Convolution S = W phi(pad(Z)) + b 1' (lecture notes 1.3.3, equation 1.1), images N H W C and filters R S C K, here as the direct sum
 * over the window. Forward may end with a factor, another summand, relu and max pooling: the lecture's general layer (1.3.7). Backward (3.2.1):
 * dZ = P_pad' P_phi' vec(W' dS), perhaps with another summand and through a relu, and dW = dS phi(pad(Z))'. Moments: what a batch
 * normalization needs of each square of 4 x 4 pixels.
 */
import { out, pooled } from '../../geometry.js';
import { type Args, like, type Real } from './args.js';
import { maxPool2dBackward, maxPool2dForward } from './max-pool2d.js';
import { relu, reluBackward } from './relu.js';

type Window = Pick<Args<'conv2d_forward'>, 'h' | 'w' | 'c' | 'k' | 'r' | 's' | 'stride' | 'padding'>;

export function conv2dForward(args: Args<'conv2d_forward'>): void {
  const { x, addend, y, argmax, moments, n, h, w, c, k, r, s, stride, padding, pool, poolStride } = args;
  const [p, q] = [out(h, r, stride, padding), out(w, s, stride, padding)];
  const [high, wide] = [pooled(p, pool, poolStride), pooled(q, pool, poolStride)];
  const outputs = high * wide * k;
  const convolved = like(y, pool === 0 ? 0 : p * q * k);
  const places = argmax ?? new Uint16Array(pool === 0 ? 0 : n * outputs);
  for (let image = 0; image < n; image++) {
    const values = x.subarray(image * h * w * c, (image + 1) * h * w * c);
    const result = y.subarray(image * outputs, (image + 1) * outputs);
    const added = addend?.subarray(image * p * q * k, (image + 1) * p * q * k);
    convolve(values, added, pool === 0 ? result : convolved, args);
    if (pool === 0) continue;
    const place = places.subarray(image * outputs, (image + 1) * outputs);
    maxPool2dForward({ x: convolved, y: result, argmax: place, n: 1, h: p, w: q, c: k, pool, stride: poolStride });
  }
  if (moments === undefined) return;
  forSquares(n, high, wide, k, (at, square) => {
    const mean = square.reduce((sum, i) => sum + y[i]! / square.length, 0);
    moments[at] = mean;
    moments[at + k] = square.reduce((sum, i) => sum + (y[i]! - mean) ** 2, 0);
  });
}

/** Calls visit(place of a pair in moments, elements) for each channel of each square of 4 x 4 pixels, cut at the edges, of images n h w k. */
export function forSquares(
  n: number,
  h: number,
  w: number,
  k: number,
  visit: (at: number, square: number[]) => void,
): void {
  let at = 0;
  for (let image = 0; image < n; image++)
    for (let top = 0; top < h; top += 4)
      for (let left = 0; left < w; left += 4, at += 2 * k)
        for (let channel = 0; channel < k; channel++) {
          const square: number[] = [];
          for (let i = top; i < Math.min(top + 4, h); i++)
            for (let j = left; j < Math.min(left + 4, w); j++) square.push(((image * h + i) * w + j) * k + channel);
          visit(at + channel, square);
        }
}

/** One image: y[p,q,k] = relu?(factor * (sum over i, j, channel of x * filter) + bias + addend). */
function convolve(x: Real, addend: Real | undefined, y: Real, args: Args<'conv2d_forward'>): void {
  const { filter, factor, bias, c, k, stride, padding, relu: clip } = args;
  const [p, q] = [out(args.h, args.r, stride, padding), out(args.w, args.s, stride, padding)];
  const sums = new Float64Array(k);
  for (let row = 0; row < p; row++)
    for (let column = 0; column < q; column++) {
      sums.fill(0);
      forWindow(args, row, column, (pixel, weight) => {
        for (let channel = 0; channel < c; channel++)
          addScaled(sums, 0, x[pixel + channel]!, filter, weight + channel * k, k);
      });
      const to = (row * q + column) * k;
      for (let m = 0; m < k; m++) {
        const value = sums[m]! * (factor?.[m] ?? 1) + (bias?.[m] ?? 0) + (addend?.[to + m] ?? 0);
        y[to + m] = clip !== 0 ? relu(value) : value;
      }
    }
}

/** dy of the convolution itself, from that of its pooling. */
function unpooled(args: Args<'conv2d_backward_input'> | Args<'conv2d_backward_filter'>): Real {
  const { dy, argmax, n, k, pool, poolStride, h, w, r, s, stride, padding } = args;
  if (pool === 0) return dy;
  const [p, q] = [out(h, r, stride, padding), out(w, s, stride, padding)];
  const dx = like(dy, n * p * q * k);
  const places = argmax ?? new Uint16Array(dy.length);
  maxPool2dBackward({ dy, argmax: places, dx, n, h: p, w: q, c: k, pool, stride: poolStride });
  return dx;
}

export function conv2dBackwardInput(args: Args<'conv2d_backward_input'>): void {
  const { filter, addend, mask, dx, n, h, w, c, k, r, s, stride, padding } = args;
  const dy = unpooled(args);
  const [p, q] = [out(h, r, stride, padding), out(w, s, stride, padding)];
  const sums = new Float64Array(h * w * c);
  for (let image = 0; image < n; image++) {
    const first = image * sums.length;
    if (addend === undefined) sums.fill(0);
    else sums.set(addend.subarray(first, first + sums.length));
    for (let row = 0; row < p; row++)
      for (let column = 0; column < q; column++) {
        const from = ((image * p + row) * q + column) * k;
        forWindow(args, row, column, (pixel, weight) => {
          for (let channel = 0; channel < c; channel++)
            sums[pixel + channel]! += dot(dy, from, filter, weight + channel * k, k);
        });
      }
    dx.set(sums, first);
  }
  if (mask !== undefined) reluBackward({ dy: dx, y: mask, dx, n: n * h * w * c });
}

export function conv2dBackwardFilter(args: Args<'conv2d_backward_filter'>): void {
  const { x, dw, n, h, w, c, k, r, s, stride, padding } = args;
  const dy = unpooled(args);
  const [p, q] = [out(h, r, stride, padding), out(w, s, stride, padding)];
  const sums = new Float64Array(r * s * c * k);
  for (let image = 0; image < n; image++)
    for (let row = 0; row < p; row++)
      for (let column = 0; column < q; column++) {
        const from = ((image * p + row) * q + column) * k;
        forWindow(args, row, column, (pixel, weight) => {
          for (let channel = 0; channel < c; channel++)
            addScaled(sums, weight + channel * k, x[image * h * w * c + pixel + channel]!, dy, from, k);
        });
      }
  dw.set(sums);
}

// The loops over output channels are functions of their own: inside the closures they run a third as fast.

/** to[m] += factor from[m], m < k, from these places on. */
function addScaled(to: Float64Array, at: number, factor: number, from: Real, start: number, k: number): void {
  for (let m = 0; m < k; m++) to[at + m]! += factor * from[start + m]!;
}

/** The sum of a[m] b[m], m < k, from these places on. */
function dot(a: Real, at: number, b: Real, start: number, k: number): number {
  let sum = 0;
  for (let m = 0; m < k; m++) sum += a[at + m]! * b[start + m]!;
  return sum;
}

/** Calls visit(first element of the pixel in its image, first element of the weights) for each place of a window inside the image. */
function forWindow(size: Window, row: number, column: number, visit: (pixel: number, weight: number) => void): void {
  const { h, w, c, k, r, s, stride, padding } = size;
  for (let i = 0; i < r; i++) {
    const y = row * stride - padding + i;
    if (y < 0 || y >= h) continue;
    for (let j = 0; j < s; j++) {
      const z = column * stride - padding + j;
      if (z >= 0 && z < w) visit((y * w + z) * c, (i * s + j) * c * k);
    }
  }
}
