/** How hard the built-in digits are for a linear classifier: softmax regression, written out here, stays below 0.95. */
import { expect, it } from 'vitest';
import { digits } from '../../lib/data/digits.js';
import { permutation } from '../../lib/random.js';

const [PIXELS, CLASSES] = [784, 10];

/** z = x w + b for one image; w is [CLASSES][PIXELS + 1] with the bias last. */
function scores(x: Float32Array, at: number, w: Float64Array, z: Float64Array): number {
  let best = 0;
  for (let c = 0; c < CLASSES; c++) {
    let sum = w[c * (PIXELS + 1) + PIXELS]!;
    for (let i = 0; i < PIXELS; i++) sum += w[c * (PIXELS + 1) + i]! * x[at + i]!;
    z[c] = sum;
    if (sum > z[best]!) best = c;
  }
  return best;
}

/** Share of the images that fall to their label. */
function accuracy(x: Float32Array, y: Uint8Array, w: Float64Array): number {
  const z = new Float64Array(CLASSES);
  let right = 0;
  for (let n = 0; n < y.length; n++) if (scores(x, n * PIXELS, w, z) === y[n]) right++;
  return right / y.length;
}

/** An epoch of stochastic gradient descent on the cross-entropy, an image at a time. */
function epoch(x: Float32Array, y: Uint8Array, w: Float64Array, rate: number, order: Int32Array): void {
  const z = new Float64Array(CLASSES);
  for (const n of order) {
    const top = z[scores(x, n * PIXELS, w, z)]!;
    const exps = z.map((value) => Math.exp(value - top));
    const total = exps.reduce((a, b) => a + b);
    for (let c = 0; c < CLASSES; c++) {
      const step = rate * (exps[c]! / total - (c === y[n] ? 1 : 0));
      for (let i = 0; i < PIXELS; i++) w[c * (PIXELS + 1) + i]! -= step * x[n * PIXELS + i]!;
      w[c * (PIXELS + 1) + PIXELS]! -= step;
    }
  }
}

it('keeps softmax regression between 0.8 and 0.95', () => {
  const train = digits({ count: 10_000, seed: 1 });
  const test = digits({ count: 2_000, seed: 1, split: 'test' });
  const [x, v] = [train.x, test.x].map((bytes) => Float32Array.from(bytes, (byte) => byte / 255)) as [
    Float32Array,
    Float32Array,
  ];
  const w = new Float64Array(CLASSES * (PIXELS + 1));
  let best = 0;
  for (let e = 0; e < 12; e++) {
    epoch(x, train.y, w, 0.02 / (1 + e / 2), permutation(10_000, 1, 1, e));
    best = Math.max(best, accuracy(v, test.y, w));
  }
  console.log(`softmax regression on the digits: train ${accuracy(x, train.y, w)}, best test ${best}`);
  expect(best).toBeGreaterThan(0.8);
  expect(best).toBeLessThan(0.95);
});
