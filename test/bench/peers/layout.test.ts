/** Memory orders: the same product, computed from either order. */
import { expect, test } from 'vitest';
import { denseToTorch, filtersToTorch, imagesToTorch, parametersToTorch } from '../../../bench/peers/layout.js';
import { conv2d } from '../../../lib/layers/conv2d.js';
import { dense } from '../../../lib/layers/dense.js';
import { flatten } from '../../../lib/layers/flatten.js';
import type { Layer } from '../../../lib/layers/layer.js';
import { maxPool2d } from '../../../lib/layers/max-pool2d.js';
import { RandomStream } from '../../../lib/random.js';

const random = new RandomStream(1, 1);
const numbers = (n: number) => Float32Array.from({ length: n }, () => random.below(100));

test('images: value (n, y, x, c) goes to (n, c, y, x)', () => {
  const [n, h, w, c] = [2, 3, 4, 5];
  const values = numbers(n * h * w * c);
  const torch = imagesToTorch(values, [n, h, w, c]);
  for (let i = 0; i < n; i++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++)
        for (let k = 0; k < c; k++)
          expect(torch[((i * c + k) * h + y) * w + x]).toBe(values[((i * h + y) * w + x) * c + k]);
});

test('filters: value (r, s, c, k) goes to (k, c, r, s)', () => {
  const [r, s, c, k] = [2, 3, 4, 5];
  const values = numbers(r * s * c * k);
  const torch = filtersToTorch(values, [r, s, c, k]);
  for (let y = 0; y < r; y++)
    for (let x = 0; x < s; x++)
      for (let i = 0; i < c; i++)
        for (let o = 0; o < k; o++)
          expect(torch[((o * c + i) * r + y) * s + x]).toBe(values[((y * s + x) * c + i) * k + o]);
});

/** x W with W [inputs, units], and x W' with W' [units, inputs]. */
function product(x: Float32Array, weights: Float32Array, units: number, transposed: boolean): number[] {
  return Array.from({ length: units }, (_, unit) =>
    x.reduce((sum, v, i) => sum + v * weights[transposed ? unit * x.length + i : i * units + unit]!, 0),
  );
}

test('dense weights: the same outputs from a flat input', () => {
  const x = numbers(6);
  const weights = numbers(6 * 4);
  expect(product(x, denseToTorch(weights, [6, 4]), 4, true)).toEqual(product(x, weights, 4, false));
});

test('dense weights after a flatten: the same outputs from the image in either order', () => {
  const [h, w, c] = [2, 3, 5];
  const x = numbers(h * w * c);
  const weights = numbers(h * w * c * 4);
  const torch = denseToTorch(weights, [h * w * c, 4], [h, w, c]);
  expect(product(imagesToTorch(x, [1, h, w, c]), torch, 4, true)).toEqual(product(x, weights, 4, false));
  expect(product(x, torch, 4, true)).not.toEqual(product(x, weights, 4, false));
});

test('an image that is not the inputs is refused', () => {
  expect(() => denseToTorch(numbers(24), [6, 4], [2, 2, 2])).toThrow(RangeError);
});

test('a network: only the first dense layer after the flatten is permuted', () => {
  const layers = [
    conv2d({ filters: 3, kernelSize: 3 }),
    maxPool2d(),
    flatten(),
    dense({ units: 5 }),
    dense({ units: 2 }),
  ];
  const inputShape = [6, 8, 2];
  let shape: readonly number[] = inputShape;
  let first = 0;
  const built = layers.map((layer: Layer) => {
    const { outputShape, parameters } = layer.build(shape, layer.kind);
    shape = outputShape;
    first += parameters.length;
    return { layer, outputShape, parameters, first: first - parameters.length };
  });
  const parameters = built.flatMap((b) => b.parameters.map((p) => numbers(p.shape.reduce((a, d) => a * d, 1))));
  const torch = parametersToTorch(built, inputShape, parameters);
  expect(torch).toEqual([
    filtersToTorch(parameters[0]!, [3, 3, 2, 3]),
    parameters[1],
    denseToTorch(parameters[2]!, [18, 5], [2, 3, 3]),
    parameters[3],
    denseToTorch(parameters[4]!, [5, 2]),
    parameters[5],
  ]);
});
