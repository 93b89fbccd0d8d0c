/**
 * Kernels against the explicit matrices of the lecture notes: sections 1.3.3 (P_phi), 1.3.5 (P_pad), 1.3.6 (P_pool) and 3.2
 * (the gradients). The same body runs on every backend.
 */
import { describe, expect, test } from 'vitest';
import type { TypedArray } from '../../lib/backends/backend.js';
import { RandomStream } from '../../lib/random.js';
import { cudaRunners, kernelRunners, type Runner } from '../helpers/kernels.js';
import {
  convolvedSize,
  filterMatrix,
  identity,
  imageMatrix,
  kronecker,
  Matrix,
  mat,
  ones,
  pPad,
  pPhi,
  pPool,
  type Size,
  vec,
} from '../helpers/lecture.js';

interface Layer extends Size {
  n: number;
  h: number;
  s: number;
  p: number;
  dOut: number;
}
const layers: Layer[] = [
  { n: 1, a: 3, b: 3, d: 1, h: 2, s: 1, p: 0, dOut: 1 },
  { n: 2, a: 5, b: 4, d: 2, h: 3, s: 1, p: 1, dOut: 3 },
  { n: 2, a: 6, b: 7, d: 3, h: 3, s: 2, p: 1, dOut: 2 },
  { n: 1, a: 4, b: 5, d: 2, h: 1, s: 2, p: 2, dOut: 4 },
  { n: 3, a: 5, b: 5, d: 1, h: 5, s: 1, p: 2, dOut: 2 },
];
const title = '$n images $a x $b x $d, filter $h, stride $s, padding $p, $dOut out';

function closeTo(actual: Matrix, expected: Matrix, runner: Runner): void {
  expect([actual.rows, actual.columns]).toEqual([expected.rows, expected.columns]);
  const tolerance = runner.precision === 'float64' ? 1e-13 : 2e-5;
  const largest = Math.max(1, ...expected.values.map(Math.abs));
  let worst = 0;
  for (const [i, value] of expected.values.entries())
    worst = Math.max(worst, Math.abs(actual.values[i]! - value) / largest);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

describe.each([...kernelRunners(), ...cudaRunners()])('$name', (runner) => {
  const random = new RandomStream(11, 0);
  const real = (length: number) => runner.real(Array.from({ length }, () => Math.fround(random.uniform(-1, 1))));
  const zeros = (length: number) => runner.real(new Array<number>(length).fill(0));

  describe.each(layers)(title, ({ n, a, b, d, h, s, p, dOut }) => {
    const size = { a, b, d };
    const padded = { a: a + 2 * p, b: b + 2 * p, d };
    const result = { ...convolvedSize(padded, h, s), d: dOut };
    const pixels = result.a * result.b;
    const ints = { n, h: a, w: b, c: d, k: dOut, r: h, s: h, stride: s, padding: p, pool: 0, poolStride: 0, tile: 0 };
    const [x, filter, bias, dy] = [real(n * a * b * d), real(h * h * d * dOut), real(dOut), real(n * pixels * dOut)];
    const [phi, pad] = [pPhi(padded, h, s), pPad(size, p)];
    const w = filterMatrix(filter, h, d, dOut);
    const phiOf = (image: number) => mat(phi.times(pad).times(vec(imageMatrix(x, image, size))), h * h * d, pixels);
    const perImage = (check: (image: number) => void) => {
      for (let image = 0; image < n; image++) check(image);
    };

    test('zero padding: mat(P_pad vec(Z)), and its transpose', () => {
      const y = zeros(n * padded.a * padded.b * d);
      runner.run('zero_pad2d_forward', { x, y, n, h: a, w: b, c: d, padding: p });
      perImage((i) =>
        closeTo(
          imageMatrix(y, i, padded),
          mat(pad.times(vec(imageMatrix(x, i, size))), d, padded.a * padded.b),
          runner,
        ),
      );
      const [dyPadded, dx] = [real(y.length), zeros(x.length)];
      runner.run('zero_pad2d_backward', { dy: dyPadded, dx, n, h: a, w: b, c: d, padding: p });
      perImage((i) =>
        closeTo(
          imageMatrix(dx, i, size),
          mat(pad.transpose.times(vec(imageMatrix(dyPadded, i, padded))), d, a * b),
          runner,
        ),
      );
    });

    test('im2col: phi(pad(Z)) = mat(P_phi P_pad vec(Z)), and its transpose', () => {
      const columns = (col: TypedArray, image: number) => phiOfColumns(col, image, result, h, d);
      const col = zeros(n * pixels * h * h * d);
      runner.run('im2col_forward', { x, col, n, h: a, w: b, c: d, r: h, s: h, stride: s, padding: p });
      perImage((i) => closeTo(columns(col, i), phiOf(i), runner));
      const [dcol, dx] = [real(col.length), zeros(x.length)];
      runner.run('im2col_backward', { dcol, dx, n, h: a, w: b, c: d, r: h, s: h, stride: s, padding: p });
      const back = pad.transpose.times(phi.transpose);
      perImage((i) => closeTo(imageMatrix(dx, i, size), mat(back.times(vec(columns(dcol, i))), d, a * b), runner));
    });

    test("convolution: S = W phi(pad(Z)) + b 1', also as (I x W) vec(phi) and (phi' x I) vec(W)", () => {
      const y = zeros(n * pixels * dOut);
      runner.run('conv2d_forward', { x, filter, bias, y, ...ints, relu: 0 });
      const biases = vec(columnOf(bias).times(ones(pixels).transpose));
      perImage((i) => {
        const linear = vec(w.times(phiOf(i)));
        closeTo(vec(imageMatrix(y, i, result)), linear.plus(biases), runner);
        closeTo(kronecker(identity(pixels), w).times(vec(phiOf(i))), linear, runner);
        closeTo(kronecker(phiOf(i).transpose, identity(dOut)).times(vec(w)), linear, runner);
      });
    });

    test("dW = dS phi(pad(Z))', db = dS 1", () => {
      const [dw, db] = [zeros(filter.length), zeros(dOut)];
      runner.run('conv2d_backward_filter', { x, dy, dw, ...ints });
      runner.run('bias_backward', { dy, db, rows: n * pixels, k: dOut });
      const images = Array.from({ length: n }, (_, i) => i);
      const dS = (i: number) => imageMatrix(dy, i, result);
      closeTo(
        filterMatrix(dw, h, d, dOut),
        images.map((i) => dS(i).times(phiOf(i).transpose)).reduce((m, o) => m.plus(o)),
        runner,
      );
      closeTo(
        columnOf(db),
        images.map((i) => dS(i).times(ones(pixels))).reduce((m, o) => m.plus(o)),
        runner,
      );
    });

    test("dZ = P_pad' P_phi' vec(W' dS)", () => {
      const dx = zeros(x.length);
      runner.run('conv2d_backward_input', { dy, filter, dx, ...ints });
      const back = pad.transpose.times(phi.transpose);
      perImage((i) => {
        const columns = w.transpose.times(imageMatrix(dy, i, result));
        closeTo(imageMatrix(dx, i, size), mat(back.times(vec(columns)), d, a * b), runner);
      });
    });
  });

  describe.each([
    { n: 1, a: 4, b: 4, d: 1, pool: 2, stride: 2 },
    { n: 2, a: 6, b: 4, d: 3, pool: 2, stride: 2 },
    { n: 2, a: 7, b: 6, d: 2, pool: 3, stride: 2 },
    { n: 1, a: 5, b: 7, d: 2, pool: 3, stride: 3 },
  ])('max pooling of $n images $a x $b x $d, window $pool, stride $stride', ({ n, a, b, d, pool, stride }) => {
    const size = { a, b, d };
    const result = convolvedSize(size, pool, stride);
    const outputs = result.a * result.b * d;
    const ints = { n, h: a, w: b, c: d, pool, stride };
    // Few different values, so that windows have ties.
    const s = runner.real(Array.from({ length: n * a * b * d }, () => random.below(5) - 2));
    const activated = zeros(s.length);
    const [y, argmax] = [zeros(n * outputs), new Uint16Array(n * outputs)];
    runner.run('relu_forward', { x: s, y: activated, n: s.length });
    runner.run('max_pool2d_forward', { x: activated, y, argmax, ...ints });
    const pPoolOf = (i: number) => pPool(imageMatrix(activated, i, size), size, pool, stride);
    const eachImage = Array.from({ length: n }, (_, i) => i);

    test('mat(P_pool vec(sigma(S))) with P_pool = M P_phi', () => {
      for (const i of eachImage) {
        const expected = mat(pPoolOf(i).times(vec(imageMatrix(activated, i, size))), d, result.a * result.b);
        closeTo(imageMatrix(y, i, result), expected, runner);
      }
    });

    test('P_pool of a known argmax applied to other images', () => {
      const [x, selected] = [real(s.length), zeros(y.length)];
      runner.run('max_pool2d_select', { x, argmax, y: selected, ...ints });
      for (const i of eachImage)
        closeTo(
          imageMatrix(selected, i, result),
          mat(pPoolOf(i).times(vec(imageMatrix(x, i, size))), d, result.a * result.b),
          runner,
        );
    });

    test("dS = (dZ' P_pool) o I[S] (3.2.1, equation 6)", () => {
      const [dy, dActivated, ds] = [real(y.length), zeros(s.length), zeros(s.length)];
      runner.run('max_pool2d_backward', { dy, argmax, dx: dActivated, ...ints });
      runner.run('relu_backward', { dy: dActivated, y: activated, dx: ds, n: s.length });
      for (const i of eachImage) {
        const routed = mat(pPoolOf(i).transpose.times(vec(imageMatrix(dy, i, result))), d, a * b);
        const mask = imageMatrix(s, i, size).map((value) => (value > 0 ? 1 : 0));
        closeTo(imageMatrix(ds, i, size), routed.hadamard(mask), runner);
      }
    });
  });

  test('the worked example of 1.3.6: images A and B, one pixel apart, pool to 5 9 4 6', () => {
    const a = [2, 3, 6, 8, 5, 4, 9, 7, 1, 2, 6, 0, 4, 3, 2, 1];
    const b = [3, 2, 3, 6, 4, 5, 4, 9, 2, 1, 2, 6, 3, 4, 3, 2];
    const [y, argmax] = [zeros(8), new Uint16Array(8)];
    runner.run('max_pool2d_forward', {
      x: runner.real([...a, ...b]),
      y,
      argmax,
      n: 2,
      h: 4,
      w: 4,
      c: 1,
      pool: 2,
      stride: 2,
    });
    expect([...y]).toEqual([5, 9, 4, 6, 5, 9, 4, 6]);
    expect([...argmax]).toEqual([2, 2, 2, 0, 3, 3, 3, 1]);
  });
});

/** A column vector. */
function columnOf(values: ArrayLike<number>): Matrix {
  return imageMatrix(values, 0, { a: 1, b: 1, d: values.length });
}

/** The im2col rows of one image as phi(Z), hhd x a_out b_out: row `place` of phi is (i, j, channel) with i fastest. */
function phiOfColumns(col: TypedArray, image: number, { a, b }: Size, h: number, d: number): Matrix {
  const perRow = h * h * d;
  const rows = Array.from({ length: a * b }, (_, pixel) => {
    const [u, v] = [pixel % a, Math.floor(pixel / a)];
    const start = ((image * a + u) * b + v) * perRow;
    return filterMatrix(col.slice(start, start + perRow), h, d, 1);
  });
  return Matrix.from(perRow, a * b, (place, pixel) => rows[pixel]!.get(0, place));
}
