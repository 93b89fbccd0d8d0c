/**
 * Batch normalization (Ioffe and Szegedy 2015, algorithms 1 and 2): with s = 1 / sqrt(variance + epsilon) and x^ = (x - mean) s,
 * y = scale x^ + shift (+ addend, then relu); backward dshift = sum dy, dscale = sum dy x^, dx = scale s (dy - dshift / rows - x^ dscale / rows).
 */
import type { Args, Real } from './args.js';
import { forSquares } from './conv2d.js';

export function batchNormForward(args: Args<'batch_norm_forward'>): void {
  const { x, scale, shift, addend, y, mean, variance, rows, k, relu, epsilon } = args;
  const statistics = statisticsOf(args);
  for (let j = 0; j < k; j++) {
    const [exact, spread] = statistics(j);
    const factor = scale[j]! / Math.sqrt(spread + epsilon);
    for (let i = j; i < rows * k; i += k) y[i] = cut((x[i]! - exact) * factor + shift[j]! + (addend?.[i] ?? 0), relu);
    mean[j] = exact;
    variance[j] = spread;
  }
}

/** Mean and variance of channel j: of x, or from the moments of its squares. */
function statisticsOf({ x, moments, rows, k, h, w }: Args<'batch_norm_forward'>): (j: number) => [number, number] {
  if (moments === undefined || h * w === 0)
    return (j) => {
      const mean = mean64(rows, (i) => x[i * k + j]!);
      return [mean, mean64(rows, (i) => (x[i * k + j]! - mean) ** 2)];
    };
  const [means, spreads] = [new Float64Array(k), new Float64Array(k)];
  const images = rows / (h * w);
  forSquares(images, h, w, k, (at, { length }) => {
    means[at % k]! += (length * moments[at]!) / rows;
  });
  forSquares(images, h, w, k, (at, { length }) => {
    spreads[at % k]! += (moments[at + k]! + length * (moments[at]! - means[at % k]!) ** 2) / rows;
  });
  return (j) => [means[j]!, spreads[j]!];
}

export function batchNormInference(args: Args<'batch_norm_inference'>): void {
  const { x, mean, variance, scale, shift, addend, y, rows, k, relu, epsilon } = args;
  for (let j = 0; j < k; j++) {
    const factor = scale[j]! / Math.sqrt(variance[j]! + epsilon);
    for (let i = j; i < rows * k; i += k)
      y[i] = cut((x[i]! - mean[j]!) * factor + shift[j]! + (addend?.[i] ?? 0), relu);
  }
}

export function batchNormAffine(args: Args<'batch_norm_affine'>): void {
  const { mean, variance, scale, shift, bias, factor, offset, n, epsilon } = args;
  for (let j = 0; j < n; j++) {
    const times = scale[j]! / Math.sqrt(variance[j]! + epsilon);
    factor[j] = times;
    offset[j] = shift[j]! + ((bias?.[j] ?? 0) - mean[j]!) * times;
  }
}

export function batchNormBackward(args: Args<'batch_norm_backward'>): void {
  const { dy, x, y, scale, mean, variance, dx, dscale, dshift, rows, k, epsilon } = args;
  for (let j = 0; j < k; j++) {
    const s = 1 / Math.sqrt(variance[j]! + epsilon);
    const centred = (i: number) => x[i]! - mean[j]!;
    const gradient = (i: number) => (y === undefined || y[i]! > 0 ? dy[i]! : 0);
    const common = mean64(rows, (i) => gradient(i * k + j));
    const along = s * mean64(rows, (i) => gradient(i * k + j) * centred(i * k + j));
    for (let i = j; i < rows * k; i += k) dx[i] = scale[j]! * s * (gradient(i) - common - s * centred(i) * along);
    dscale[j] = along * rows;
    dshift[j] = common * rows;
  }
}

export function batchNormAverage(args: Args<'batch_norm_average'>): void {
  const { oldMean, oldVariance, mean, variance, newMean, newVariance, rows, k, momentum } = args;
  const toward = (old: Real, j: number, value: number) => old[j]! + (1 - momentum) * (value - old[j]!);
  for (let j = 0; j < k; j++) {
    newMean[j] = toward(oldMean, j, mean[j]!);
    newVariance[j] = rows < 2 ? oldVariance[j]! : toward(oldVariance, j, (variance[j]! * rows) / (rows - 1));
  }
}

/** The mean of f(i) over all rows; 0 of none. */
function mean64(rows: number, f: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += f(i);
  return rows === 0 ? 0 : sum / rows;
}

function cut(value: number, relu: number): number {
  return relu !== 0 && value <= 0 ? 0 : value;
}
