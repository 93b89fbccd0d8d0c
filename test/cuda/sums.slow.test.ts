/** Sums by the CUDA kernels on the host (cuda/shim) of sizes that take several blocks or a second launch, and normalizations that take moments. */
import { describe, expect, test } from 'vitest';
import type { KernelName } from '../../lib/backends/kernels.js';
import { forSquares } from '../../lib/backends/reference/conv2d.js';
import { squares } from '../../lib/geometry.js';
import { RandomStream } from '../../lib/random.js';
import { type Runner, referenceRunner, shim, shimRunner } from '../helpers/kernels.js';
import { expectClose } from '../helpers/near.js';
import { differences, prepareCase, run, unequal } from '../helpers/parity.js';
import type { Case } from '../kernels/cases/case.js';

const norm = (rows: number, k: number, without: string[] = []): Case => ({
  ints: { rows, k, relu: 1, h: 0, w: 0 },
  reals: { epsilon: 1e-5 },
  without: ['moments', ...without],
  fill: 'real',
});

const large: [KernelName, Case][] = [
  ['sum_forward', { ints: { n: 4_300_003 }, fill: 'integers' }],
  ['squared_norm_forward', { ints: { n: 4_300_003 }, fill: 'integers' }],
  ['clip_norm', { ints: { n: 70_001 }, reals: { limit: 1 }, fill: 'real' }],
  ['batch_norm_forward', norm(20_011, 1)],
  ['batch_norm_forward', norm(5003, 64, ['addend'])],
  ['batch_norm_forward', norm(67, 2048)],
  ['batch_norm_forward', norm(64, 512)], // one launch
  ['batch_norm_backward', norm(20_011, 1)],
  ['batch_norm_backward', norm(5003, 64)],
  ['batch_norm_backward', norm(67, 2048, ['y'])],
  ['batch_norm_backward', norm(64, 512)],
  ['bias_backward', { ints: { rows: 20_011, k: 1 }, fill: 'integers' }],
  ['bias_backward', { ints: { rows: 5003, k: 64 }, fill: 'integers' }],
  ['bias_backward', { ints: { rows: 67, k: 2050 }, fill: 'integers' }],
  ['global_average_pool2d_forward', { ints: { n: 2, h: 17, w: 16, c: 512 }, fill: 'integers' }],
  ['global_average_pool2d_forward', { ints: { n: 3, h: 101, w: 100, c: 3 }, fill: 'integers' }],
];

const shapes = [
  { n: 3, h: 8, w: 8, k: 32 },
  { n: 2, h: 7, w: 10, k: 48 },
  { n: 70, h: 9, w: 6, k: 5 },
  { n: 5, h: 2, w: 2, k: 20 },
  { n: 40, h: 8, w: 8, k: 200 },
  { n: 0, h: 4, w: 4, k: 8 },
];

/** Mean and variance of x[rows, k] with a large mean, from its moments. */
function normalize(runner: Runner, { n, h, w, k }: (typeof shapes)[number], bias: number) {
  const [rows, random] = [n * h * w, new RandomStream(11, k, n)];
  const x = runner.real(Array.from({ length: rows * k }, () => Math.fround(bias + random.uniform(-1, 1))));
  const moments = runner.real({ length: squares(rows, h, w) * 2 * k });
  forSquares(n, h, w, k, (at, square) => {
    const mean = square.reduce((sum, i) => sum + x[i]! / square.length, 0);
    moments[at] = mean;
    moments[at + k] = square.reduce((sum, i) => sum + (x[i]! - mean) ** 2, 0);
  });
  const [scale, shift] = [2, 0.5].map((v) => runner.real(new Array<number>(k).fill(v)));
  const [y, mean, variance] = [rows * k, k, k].map((length) => runner.real(new Array<number>(length).fill(77)));
  const args = { x, moments, scale, shift, y, mean, variance, rows, k, relu: 0, h, w, epsilon: 1e-5 };
  runner.run('batch_norm_forward', args);
  return { y: y!, mean: mean!, variance: variance! };
}

// Skipped, and counted, where the shim is not built.
describe.skipIf(shim === undefined)('shim', () => {
  const runner = shimRunner();
  const exact = referenceRunner('float64');

  test.each(large.map(([kernel, c], i) => ({ kernel, c, i })))('$kernel $c.ints', ({ kernel, c, i }) => {
    const prepared = prepareCase(kernel, c, i);
    const result = run(runner, kernel, c, prepared.inputs);
    expect([...result.problems, ...differences(prepared, result)]).toEqual([]);
    // A sum does not depend on how its array is aligned.
    expect(unequal(prepared, result, run(runner, kernel, c, prepared.inputs, 1))).toEqual([]);
  });

  test.each(shapes)('moments of $n images of $h x $w, $k channels', (shape) => {
    for (const bias of [0, 1000]) {
      const [seen, wanted] = [normalize(runner, shape, bias), normalize(exact, shape, bias)];
      expectClose(seen.mean, wanted.mean, 1e-6);
      expectClose(seen.variance, wanted.variance, bias === 0 ? 2e-6 : 1e-4);
      expectClose(seen.y, wanted.y, bias === 0 ? 1e-5 : 1e-3);
    }
  });
});
