/** What parity cases do not ask of convolutions by Winograd: how accurate whole layers are, where maxima lie, what NaN reaches. */
import { expect, test } from 'vitest';
import type { TypedArray } from '../../lib/backends/backend.js';
import { panelled, points } from '../../lib/geometry.js';
import { RandomStream } from '../../lib/random.js';
import { cpuRunners, describeEach, type Runner, referenceRunner } from '../helpers/kernels.js';

/** A layer with as many outputs as inputs. */
const same = <Sizes extends { r: number }>(sizes: Sizes) => ({
  ...sizes,
  s: sizes.r,
  stride: 1,
  padding: sizes.r >> 1,
});

const layers = [
  { n: 1, h: 14, w: 14, c: 32, k: 64, r: 5, tile: 2 },
  { n: 1, h: 14, w: 14, c: 32, k: 64, r: 5, tile: 4 },
  { n: 1, h: 8, w: 8, c: 128, k: 128, r: 5, tile: 4 },
  { n: 1, h: 16, w: 16, c: 64, k: 64, r: 3, tile: 4 },
  { n: 1, h: 8, w: 8, c: 256, k: 128, r: 3, tile: 4 },
  { n: 1, h: 8, w: 8, c: 256, k: 128, r: 3, tile: 2 },
  { n: 2, h: 4, w: 4, c: 512, k: 64, r: 3, tile: 4 },
  { n: 4, h: 32, w: 32, c: 3, k: 32, r: 5, tile: 4 },
  { n: 4, h: 32, w: 32, c: 3, k: 64, r: 3, tile: 4 },
  { n: 4, h: 28, w: 28, c: 1, k: 32, r: 5, tile: 4 },
].map(same);
type LayerShape = (typeof layers)[number];

const uniform = (random: RandomStream, length: number, scale: number) =>
  Float32Array.from({ length }, () => random.uniform(-scale, scale));

function layerData({ n, h, w, c, k, r }: LayerShape) {
  const random = new RandomStream(7, c, k);
  return {
    x: uniform(random, n * h * w * c, 1),
    filter: uniform(random, r * r * c * k, 1 / Math.sqrt(r * r * c)),
    dy: uniform(random, n * h * w * k, 1),
  };
}

function transform(runner: Runner, filter: Float32Array, { c, k, r, tile }: LayerShape, turned: 0 | 1): Float32Array {
  const [depth, columns] = turned === 1 ? [k, c] : [c, k];
  const u = new Float32Array(points(tile, r) * depth * panelled(columns));
  runner.run('winograd_filter_forward', { filter, u, depth, columns, r, tile, turned });
  return u;
}

/** |a - b| / |b|. */
function relativeError(a: TypedArray, b: TypedArray): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

const float64 = referenceRunner('float64');

describeEach(cpuRunners(), 'cpu')('$name', (runner) => {
  test.each(layers)('$c -> $k, $r x $r, tile $tile: within 5e-6 of float64 in every direction', (layer) => {
    const { x, filter, dy } = layerData(layer);
    const wide = { x: Float64Array.from(x), filter: Float64Array.from(filter), dy: Float64Array.from(dy) };
    const plain = { relu: 0, pool: 0, poolStride: 0 };

    const y = new Float32Array(dy.length);
    const exactY = new Float64Array(dy.length);
    runner.run('conv2d_forward', { ...layer, ...plain, x, filter, u: transform(runner, filter, layer, 0), y });
    float64.run('conv2d_forward', { ...layer, ...plain, ...wide, y: exactY });
    expect(relativeError(y, exactY)).toBeLessThan(5e-6);

    const unpooled = { pool: 0, poolStride: 0 };
    const dx = new Float32Array(x.length);
    const exactDx = new Float64Array(x.length);
    runner.run('conv2d_backward_input', {
      ...layer,
      ...unpooled,
      dy,
      filter,
      u: transform(runner, filter, layer, 1),
      dx,
    });
    float64.run('conv2d_backward_input', { ...layer, ...unpooled, ...wide, dx: exactDx });
    expect(relativeError(dx, exactDx)).toBeLessThan(5e-6);

    const dw = new Float32Array(filter.length);
    const exactDw = new Float64Array(filter.length);
    runner.run('conv2d_backward_filter', { ...layer, ...unpooled, x, dy, dw });
    float64.run('conv2d_backward_filter', { ...layer, ...unpooled, ...wide, dw: exactDw });
    expect(relativeError(dw, exactDw)).toBeLessThan(5e-6);
  });

  test.each(layers)('$c -> $k, $r x $r, tile $tile: pools what it convolves, and names the first maximum', (layer) => {
    const { n, h, w, k } = layer;
    const { x, filter } = layerData(layer);
    const u = transform(runner, filter, layer, 0);
    const y = new Float32Array(n * h * w * k);
    runner.run('conv2d_forward', { ...layer, x, filter, u, y, relu: 1, pool: 0, poolStride: 0 });
    const pooled = new Float32Array(y.length / 4);
    const argmax = new Uint16Array(y.length / 4);
    runner.run('conv2d_forward', { ...layer, x, filter, u, y: pooled, argmax, relu: 1, pool: 2, poolStride: 2 });
    const [expected, places] = [new Float32Array(pooled.length), new Uint16Array(pooled.length)];
    referenceRunner('float32').run('max_pool2d_forward', {
      ...{ x: y, y: expected, argmax: places, n, h, w, c: k, pool: 2, stride: 2 },
    });
    expect(pooled).toEqual(expected);
    expect(argmax).toEqual(places);
  });

  // One piece of depth and several, half a panel, several blocks of tiles, points of more tiles than are kept at once.
  test.each([
    { n: 2, h: 4, w: 4, c: 512, k: 64, r: 3, tile: 4 },
    { n: 1, h: 3, w: 6, c: 16, k: 16, r: 3, tile: 4 },
    { n: 131, h: 4, w: 4, c: 144, k: 48, r: 3, tile: 4 },
    { n: 7, h: 9, w: 7, c: 272, k: 80, r: 3, tile: 2 },
    { n: 70, h: 4, w: 4, c: 48, k: 144, r: 5, tile: 4 },
    { n: 40, h: 5, w: 3, c: 160, k: 32, r: 5, tile: 2 },
    { n: 260, h: 4, w: 4, c: 528, k: 32, r: 3, tile: 4 },
    { n: 260, h: 4, w: 4, c: 32, k: 528, r: 3, tile: 4 },
  ])('$n of $h x $w, $c -> $k, $r x $r, tile $tile: transforms a filter itself to the same bits', (sizes) => {
    const layer = { ...same(sizes), relu: 0, pool: 0, poolStride: 0 };
    const { x, filter, dy } = layerData(layer);
    const results = (runner: Runner, own: boolean) => {
      const [y, dx] = [new Float32Array(dy.length), new Float32Array(x.length)];
      const u = (turned: 0 | 1) => (own ? undefined : transform(runner, filter, layer, turned));
      runner.run('conv2d_forward', { ...layer, x, filter, u: u(0), y });
      runner.run('conv2d_backward_input', { ...layer, dy, filter, u: u(1), dx });
      return { y, dx };
    };
    const expected = results(runner, false);
    for (const threads of [1, 2, 3]) {
      const { y, dx } = results(runner.withThreads(threads), true);
      expect(Buffer.from(y.buffer).equals(Buffer.from(expected.y.buffer))).toBe(true);
      expect(Buffer.from(dx.buffer).equals(Buffer.from(expected.dx.buffer))).toBe(true);
    }
  });

  test('a NaN stays in its image, and reaches every output that reads it', () => {
    const layer = { ...layers[0]!, n: 3 };
    const { h, w, c, k } = layer;
    const { x, filter } = layerData(layer);
    x[h * w * c + (5 * w + 6) * c] = Number.NaN;
    const y = new Float32Array(3 * h * w * k);
    const u = transform(runner, filter, layer, 0);
    runner.run('conv2d_forward', { ...layer, x, filter, u, y, relu: 1, pool: 0, poolStride: 0 });
    for (const image of [0, 2])
      expect(y.subarray(image * h * w * k, (image + 1) * h * w * k).some(Number.isNaN)).toBe(false);
    for (let i = 3; i <= 7; i++) for (let j = 4; j <= 8; j++) expect(y[h * w * k + (i * w + j) * k]).toBeNaN();
  });
});
