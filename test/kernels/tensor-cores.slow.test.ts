/**
 * Products by tensor cores, which the shim emulates, and on a GPU where there is one: operands rounded, products exact, sums in float32. Held
 * against the reference on operands rounded in the same way, so that nothing but the sums may differ.
 */
import { describe, expect, test } from 'vitest';
import { RandomStream } from '../../lib/random.js';
import { cudaRunners, describeEach, type Named, type Runner, referenceRunner } from '../helpers/kernels.js';

/** To the nearest number of 10 bits behind the point, ties away from 0. */
const toTf32 = (bits: number) => (bits + 0x1000) & ~0x1fff;
/** Of 7 bits, ties to even. */
const toBf16 = (bits: number) => (bits + 0x7fff + ((bits >>> 16) & 1)) & ~0xffff;

const kinds = [
  { name: 'tf32', arithmetic: 1, round: toTf32 },
  { name: 'bf16', arithmetic: 2, round: toBf16 },
];

const runs = kinds.flatMap((kind) =>
  cudaRunners(kind.arithmetic).map((runner) => ({ ...kind, runner, on: runner.name })),
);
function rounded(values: Float32Array, round: (bits: number) => number): Float32Array {
  return new Float32Array(Uint32Array.from(new Uint32Array(values.buffer), round).buffer);
}

const sizes = [
  { m: 1, n: 1, k: 1 },
  { m: 5, n: 3, k: 2 },
  { m: 16, n: 8, k: 16 },
  { m: 17, n: 33, k: 65 },
  { m: 64, n: 64, k: 64 },
  { m: 97, n: 101, k: 103 },
  { m: 128, n: 10, k: 257 },
  { m: 132, n: 260, k: 36 },
  { m: 40, n: 24, k: 1100 }, // in parts
  { m: 4, n: 4, k: 0 },
];

/** Large enough for Hopper's own instructions (cuda/hopper/gemm.h), where STEEPEST_WGMMA=1 asks for them; else all was seen on smaller ones. */
const large = [
  ...[0, 1, 2, 3].map((transposes) => ({ m: 1025, n: 1031, k: 133, transposes })), // tiles of 128 columns, nothing a multiple of 4
  { m: 1028, n: 1032, k: 420, transposes: 0 }, // more slices than fit into shared memory
  { m: 1404, n: 1612, k: 132, transposes: 3 }, // tiles of 256 columns
  { m: 2100, n: 2180, k: 130, transposes: 2 }, // several tiles for each of 132 multiprocessors
];

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
}

/** Random numbers on [-1, 1), those of every third place a tie between two rounded ones. */
function draw(random: RandomStream, length: number): Float32Array {
  const values = Float32Array.from({ length }, () => random.uniform(-1, 1));
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < length; i += 3)
    bits[i] = i % 2 === 0 ? (bits[i]! & ~0x1fff) | 0x1000 : (bits[i]! & ~0xffff) | 0x8000;
  return values;
}

function product(runner: Runner, args: Named, c: Float32Array): Float32Array | Float64Array {
  const real = (values: unknown) => (values instanceof Float32Array ? runner.real(values) : (values as number));
  const own = runner.real(c);
  runner.run('gemm', { ...Object.fromEntries(Object.entries(args).map(([name, v]) => [name, real(v)])), c: own });
  return own;
}

/** The largest difference, as a part of `size`. */
function farthest(actual: ArrayLike<number>, expected: ArrayLike<number>, size: ArrayLike<number>): number {
  return Array.from(actual, (v, i) => Math.abs(v - expected[i]!) / size[i]!).reduce((a, b) => Math.max(a, b), 0);
}

const absolute = (values: Float32Array) => values.map(Math.abs);

describeEach(runs, 'tensor cores')('gemm in $name, $on', ({ arithmetic, round, runner }) => {
  const exact = referenceRunner('float64');

  describe.each(sizes)('$m x $n x $k', ({ m, n, k }) => {
    test.each([0, 1, 2, 3])('transposes %i', (transposes) => {
      const random = new RandomStream(2026, arithmetic, m * 7 + n * 3 + k + transposes);
      const [a, b, c, bias] = [draw(random, m * k), draw(random, k * n), draw(random, m * n), draw(random, n)];
      const ints = { m, n, k, transposeA: transposes & 1, transposeB: transposes >> 1, accumulate: 1, relu: 0 };
      const actual = product(runner, { a, b, bias, ...ints }, c);
      const expected = product(exact, { a: rounded(a, round), b: rounded(b, round), bias, ...ints }, c);
      const size = product(exact, { a: absolute(a), b: absolute(b), bias: absolute(bias), ...ints }, absolute(c));
      expect(farthest(actual, expected, size)).toBeLessThan(1e-5);

      const again = product(runner, { a, b, bias, ...ints, accumulate: 0, relu: 1 }, c);
      const clipped = product(
        exact,
        { a: rounded(a, round), b: rounded(b, round), bias, ...ints, accumulate: 0, relu: 1 },
        c,
      );
      expect(farthest(again, clipped, size)).toBeLessThan(1e-5);
    });
  });

  // Every seventh row is looked at, and the last.
  test.skipIf(process.env.STEEPEST_WGMMA !== '1').each(large)(
    '$m x $n x $k, transposes $transposes',
    ({ m, n, k, transposes }) => {
      const random = new RandomStream(2026, arithmetic, m + n + k);
      const [a, b, c, bias] = [draw(random, m * k), draw(random, k * n), draw(random, m * n), draw(random, n)];
      const ints = { n, k, transposeB: transposes >> 1, accumulate: 1, relu: 1 };
      const stored = transposes & 1 ? transposed(a, m, k) : a;
      const actual = product(runner, { a: stored, b, bias, m, transposeA: transposes & 1, ...ints }, c);

      const rows = Array.from({ length: m }, (_, i) => i).filter((i) => i % 7 === 0 || i === m - 1);
      const pick = (values: Float32Array, width: number) =>
        Float32Array.from(
          { length: rows.length * width },
          (_, i) => values[rows[Math.floor(i / width)]! * width + (i % width)]!,
        );
      const [someA, someC, some] = [pick(a, k), pick(c, n), { m: rows.length, transposeA: 0, ...ints }];
      const expected = product(exact, { a: rounded(someA, round), b: rounded(b, round), bias, ...some }, someC);
      const size = product(
        exact,
        { a: absolute(someA), b: absolute(b), bias: absolute(bias), ...some },
        absolute(someC),
      );
      expect(farthest(pick(actual as Float32Array, n), expected, size)).toBeLessThan(1e-5);
    },
  );

  test('NaN and infinities stay', () => {
    const ints = { m: 4, n: 4, k: 4, transposeA: 0, transposeB: 0, accumulate: 0, relu: 0 };
    const a = new Float32Array(16).fill(1);
    a.set([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].flatMap((v) => [v, 1, 1, 1]));
    const c = product(runner, { a, b: new Float32Array(16).fill(1), ...ints }, new Float32Array(16));
    expect([...c].filter((_, i) => i % 4 === 0)).toEqual([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      4,
    ]);
  });

  test('the bits of a row do not depend on how many there are', () => {
    const random = new RandomStream(2026, 9);
    const [n, k] = [70, 200];
    const [a, b] = [draw(random, 300 * k), draw(random, k * n)];
    const ints = { n, k, transposeA: 0, transposeB: 0, accumulate: 0, relu: 0 };
    const all = product(runner, { a, b, m: 300, ...ints }, new Float32Array(300 * n));
    const some = product(runner, { a: a.slice(31 * k, 80 * k), b, m: 49, ...ints }, new Float32Array(49 * n));
    expect(some).toEqual(all.slice(31 * n, 80 * n));
  });
});

/** Sizes of convolutions; with c or k no multiple of 4 numbers are copied one by one. */
const convolutions = [
  { n: 2, h: 9, w: 8, c: 16, k: 32, r: 3, stride: 1, padding: 1, pool: 0 },
  { n: 3, h: 8, w: 7, c: 3, k: 20, r: 5, stride: 1, padding: 2, pool: 2 },
  { n: 2, h: 11, w: 9, c: 8, k: 36, r: 3, stride: 2, padding: 1, pool: 0 },
  { n: 2, h: 7, w: 8, c: 12, k: 8, r: 3, stride: 1, padding: 0, pool: 3 },
  { n: 5, h: 6, w: 6, c: 4, k: 70, r: 1, stride: 2, padding: 0, pool: 0 },
].map((size) => ({ ...size, s: size.r, poolStride: size.pool, tile: 0 }));

describeEach(runs, 'tensor cores')('conv2d in $name, $on', ({ arithmetic, round, runner }) => {
  const exact = referenceRunner('float64');

  test.each(convolutions)('$n $h x $w x $c -> $k, filter $r, stride $stride, pool $pool', (ints) => {
    const { n, h, w, c, k, r, stride, padding, pool } = ints;
    const random = new RandomStream(2026, arithmetic, 100 + c);
    const [p, q] = [h, w].map((size) => Math.floor((size + 2 * padding - r) / stride) + 1) as [number, number];
    const outputs = n * (pool ? Math.floor(p / pool) * Math.floor(q / pool) : p * q) * k;
    const [x, filter, dy] = [draw(random, n * h * w * c), draw(random, r * r * c * k), draw(random, outputs)];
    const [bias, factor, addend] = [draw(random, k), draw(random, k), draw(random, n * p * q * k)];
    const argmax = pool ? Uint16Array.from({ length: outputs }, () => random.below(pool * pool)) : undefined;

    /** The outputs of the kernel for `inputs` to the product, rounded before or not. */
    const results = (on: Runner, inputs: (values: Float32Array) => Float32Array, own = (v: Float32Array) => v) => {
      const [a, f, g] = [x, filter, dy].map((values) => on.real(inputs(values)));
      const [b, t, s] = [bias, factor, addend].map((values) => on.real(own(values)));
      const [y, dx, dw] = [outputs, x.length, filter.length].map((length) => on.real({ length }));
      on.run('conv2d_forward', { x: a, filter: f, bias: b, factor: t, addend: s, y, ...ints, relu: 0 });
      on.run('conv2d_backward_input', { dy: g, filter: f, argmax, dx, ...ints });
      on.run('conv2d_backward_filter', { x: a, dy: g, argmax, dw, ...ints });
      return [y!, dx!, dw!];
    };
    const actual = results(runner, (values) => values);
    const expected = results(exact, (values) => rounded(values, round));
    const sizes = results(exact, absolute, absolute);
    for (const [i, values] of actual.entries())
      for (const [j, value] of Array.from(values).entries())
        expect(Math.abs(value - expected[i]![j]!)).toBeLessThanOrEqual(1e-5 * sizes[i]![j]!);
  });
});
