/** Sizes that only large calls reach: products whose packed operand comes in rounds, weight gradients whose partial sums are too many. */
import { expect, test } from 'vitest';
import type { KernelName } from '../../lib/backends/kernels.js';
import { cpuRunners, describeEach } from '../helpers/kernels.js';
import { differences, prepareCase, run } from '../helpers/parity.js';
import type { Ints } from './cases/case.js';

const large: [KernelName, Ints][] = [
  ['gemm', { m: 29, n: 2100, k: 4100, transposeA: 0, transposeB: 0, accumulate: 0, relu: 0 }],
  ['gemm', { m: 30, n: 8300, k: 1030, transposeA: 1, transposeB: 1, accumulate: 1, relu: 1 }],
  [
    'conv2d_backward_filter',
    { n: 17, h: 3, w: 3, c: 250, k: 260, r: 3, s: 3, stride: 1, padding: 1, pool: 0, poolStride: 0, tile: 0 },
  ],
  [
    'conv2d_forward',
    { n: 2, h: 150, w: 146, c: 3, k: 17, r: 3, s: 3, stride: 1, padding: 1, relu: 1, pool: 2, poolStride: 2, tile: 0 },
  ],
  ['squared_norm_forward', { n: 3_000_001 }],
];

// Integers, so that the results are exact (moments are divided). Each is prepared once, for all instruction sets.
const prepared = large.map(([kernel, ints]) =>
  prepareCase(kernel, { ints, fill: 'integers', without: ['moments'] }, 0),
);

describeEach(cpuRunners(), 'cpu')('$name', (runner) => {
  test.each(prepared)('$kernel $case.ints', (p) => {
    for (const threads of [1, 2]) {
      const result = run(runner.withThreads(threads), p.kernel, p.case, p.inputs);
      expect([...result.problems, ...differences(p, result)]).toEqual([]);
    }
  });
});
