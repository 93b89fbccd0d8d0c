/**
 * What convolutions sum for batch normalizations behind them: moments of squares of 4 x 4 pixels, by every algorithm, and normalizations that
 * take them in place of reading once more.
 */
import { describe, expect, test } from 'vitest';
import { forSquares } from '../../lib/backends/reference/conv2d.js';
import { panelled, points, squares } from '../../lib/geometry.js';
import { RandomStream } from '../../lib/random.js';
import {
  cpuRunners,
  cudaRunners,
  describeEach,
  kernelRunners,
  type Runner,
  referenceRunner,
} from '../helpers/kernels.js';
import { expectClose } from '../helpers/near.js';

/** Whole and cut squares; by Winograd with tiles of 4 (3 and many channels) and 2, small maps, strided, pooled, 1 x 1. */
const shapes = [
  { n: 3, h: 8, w: 8, c: 16, k: 32, r: 3, padding: 1, tile: 4 },
  { n: 2, h: 7, w: 10, c: 32, k: 48, r: 3, padding: 1, tile: 4 },
  { n: 2, h: 9, w: 6, c: 16, k: 16, r: 5, padding: 2, tile: 4 },
  { n: 3, h: 9, w: 11, c: 3, k: 32, r: 3, padding: 1, tile: 4 },
  { n: 2, h: 7, w: 6, c: 16, k: 16, r: 3, padding: 1, tile: 2 },
  { n: 5, h: 2, w: 2, c: 8, k: 20, r: 3, padding: 1, tile: 0 },
  { n: 2, h: 9, w: 8, c: 5, k: 7, r: 3, padding: 1, tile: 0, stride: 2 },
  { n: 2, h: 12, w: 12, c: 16, k: 16, r: 3, padding: 1, tile: 4, pool: 2 },
  { n: 2, h: 6, w: 5, c: 3, k: 33, r: 1, padding: 0, tile: 0 },
].map((shape) => ({ stride: 1, pool: 0, ...shape, s: shape.r }));
type Shape = (typeof shapes)[number];

const draw = (length: number, stream: number) => {
  const random = new RandomStream(11, stream, length);
  return Float32Array.from({ length }, () => random.uniform(-1, 1));
};
const sizeOf = ({ h, w, r, stride, padding, pool }: Shape) =>
  [h, w].map((size) => Math.floor(((size + 2 * padding - r) / stride + 1) / (pool || 1)));

function forward(runner: Runner, shape: Shape, bias: number, images?: Float32Array) {
  const { n, h, w, c, k, r, pool, tile } = shape;
  const [p, q] = sizeOf(shape) as [number, number];
  const [x, filter] = [runner.real(images ?? draw(n * h * w * c, 1)), runner.real(draw(r * r * c * k, 2))];
  const y = runner.real({ length: n * p * q * k });
  const moments = runner.real(new Array<number>(squares(n * p * q, p, q) * 2 * k).fill(77));
  const u = runner.real({ length: points(tile, r) * c * panelled(k) });
  if (tile > 0) runner.run('winograd_filter_forward', { filter, u, depth: c, columns: k, r, tile, turned: 0 });
  const more = { bias: runner.real(new Array<number>(k).fill(bias)), ...(tile > 0 && { u }), relu: 0 };
  runner.run('conv2d_forward', { ...shape, ...more, poolStride: pool, x, filter, y, moments });
  return { y, moments, p, q };
}

/** Mean and variance that a normalization finds in rows of k values. */
function statistics(runner: Runner, x: ArrayLike<number>, k: number, given = {}) {
  const [scale, shift] = [1, 0].map((v) => runner.real(new Array<number>(k).fill(v)));
  const [y, mean, variance] = [x.length, k, k].map((length) => runner.real({ length }));
  const args = { x: runner.real(x), scale, shift, y, mean, variance, rows: x.length / k, k, relu: 0, epsilon: 1e-5 };
  runner.run('batch_norm_forward', { ...args, h: 0, w: 0, ...given });
  return { y: y!, mean: mean!, variance: variance! };
}

const exact = referenceRunner('float64');

describe.each([...kernelRunners(), ...cudaRunners()])('$name', (runner) => {
  test.each(shapes)('$n $h x $w, $c -> $k, filter $r, tile $tile, pool $pool: mean and variance of y', (shape) => {
    for (const bias of [0, 1000]) {
      const { y, moments, p, q } = forward(runner, shape, bias);
      const wanted = statistics(exact, y, shape.k);
      const seen = statistics(runner, y, shape.k, { moments, h: p, w: q });
      expectClose(seen.mean, wanted.mean, 1e-6);
      expectClose(seen.variance, wanted.variance, bias === 0 ? 2e-6 : 1e-4);
      expectClose(seen.y, wanted.y, bias === 0 ? 1e-5 : 1e-3);
    }
  });

  test('a constant channel has variance 0, whatever its size', () => {
    for (const value of [0.1, 1e6, -3e-5]) {
      const x = new Float32Array(7 * 6 * 5).fill(value);
      const moments = runner.real(Array.from({ length: 4 * 10 }, (_, i) => (i % 10 < 5 ? Math.fround(value) : 0)));
      const seen = statistics(runner, x, 5, { moments, h: 7, w: 6 });
      expect(seen.y.every((v) => Math.abs(v) < 1e-6)).toBe(true);
      expect(seen.variance.every((v) => v < 1e-12 * value * value)).toBe(true);
    }
  });
});

describeEach(cpuRunners(), 'cpu')('$name', (runner) => {
  test.each(shapes)('$n $h x $w, $c -> $k, tile $tile: the same bits on 1, 2 and 3 threads', (shape) => {
    const one = forward(runner, shape, 0.5);
    for (const threads of [2, 3]) expect(forward(runner.withThreads(threads), shape, 0.5)).toEqual(one);
  });

  slices(runner);
});

describeEach(cudaRunners(), 'cuda')('$name', (runner) => {
  test.each(shapes)('$n $h x $w, $c -> $k, filter $r, pool $pool: mean and deviations of each square of y', (shape) => {
    for (const bias of [0, 1000]) {
      const { y, moments, p, q } = forward(runner, shape, bias);
      forSquares(shape.n, p, q, shape.k, (at, square) => {
        const mean = square.reduce((sum, i) => sum + y[i]! / square.length, 0);
        const deviation = square.reduce((sum, i) => sum + (y[i]! - mean) ** 2, 0);
        expectClose([moments[at]!], [mean], 1e-6);
        expectClose([moments[at + shape.k]!], [deviation], 2e-6);
      });
    }
  });

  slices(runner);
});

function slices(runner: Runner): void {
  test.each(shapes)('$n $h x $w, $c -> $k, tile $tile: the same bits for a batch in slices', (shape) => {
    const { n, h, w, c } = shape;
    const images = draw(n * h * w * c, 1);
    const each = Array.from({ length: n }, (_, i) => images.subarray(i * h * w * c, (i + 1) * h * w * c));
    const parts = each.map((image) => [...forward(runner, { ...shape, n: 1 }, 0, image).moments]);
    expect(parts.flat()).toEqual([...forward(runner, shape, 0, images).moments]);
  });
}
