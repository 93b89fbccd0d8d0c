/**
 * Every kernel on every backend against the reference, on awkward shapes, between guard bytes, unaligned, with NaN and infinities; and
 * against itself: any number of threads and any slicing of the batch must give the same bits. The cases are data (cases/).
 */
import { describe, expect, test } from 'vitest';
import { kernelNames, kernelSpecs } from '../../lib/backends/kernels.js';
import { cpuRunners, describeEach, referenceRunner } from '../helpers/kernels.js';
import { batchKey, differences, type Prepared, prepare, run, runInSlices, unequal } from '../helpers/parity.js';
import { kernelCases } from './cases/index.js';

const SHIFTS = [0, 1, 3, 5];

describe.each(kernelNames)('%s', (kernel) => {
  const { slice } = kernelSpecs[kernel];
  const sliced = () => prepare(kernel).filter(({ case: { ints } }) => ints[batchKey(kernel)]! >= 2);

  test('has cases: real numbers, special ones, one of size 1 and one that is empty', () => {
    const { cases } = kernelCases[kernel];
    const fills = new Set(cases.map(({ fill }) => fill));
    expect(fills).toContain('real');
    if (kernel !== 'random_uniform') expect(fills).toContain('special');
    const size = { gemm: 'm', winograd_filter_forward: 'depth' }[kernel as string] ?? batchKey(kernel);
    const sizes = cases.map(({ ints }) => ints[size]);
    expect(sizes).toContain(0);
    expect(sizes).toContain(1);
  });

  test('reference: float32 agrees with float64', () => {
    const runner = referenceRunner('float32');
    expect(
      prepare(kernel).flatMap((p) => {
        const result = run(runner, kernel, p.case, p.inputs, SHIFTS[p.index % 4]);
        return [...result.problems, ...differences({ ...p, expected32: rounded(p) }, result)];
      }),
    ).toEqual([]);
  });

  if (slice)
    test('reference: a batch in slices gives the same bits', () => {
      const runner = referenceRunner('float32');
      expect(
        sliced().flatMap((p) => unequal(p, runInSlices(runner, p), run(runner, kernel, p.case, p.inputs))),
      ).toEqual([]);
    });
});

describeEach(cpuRunners(), 'cpu')('$name', (runner) => {
  describe.each(kernelNames)('%s', (kernel) => {
    const { slice } = kernelSpecs[kernel];
    const sliced = () => prepare(kernel).filter(({ case: { ints } }) => ints[batchKey(kernel)]! >= 2);

    test('agrees with the reference', () => {
      expect(
        prepare(kernel).flatMap((p) => {
          const result = run(runner.withThreads(1), kernel, p.case, p.inputs, SHIFTS[p.index % 4]);
          return [...result.problems, ...differences(p, result)];
        }),
      ).toEqual([]);
    });

    test('gives the same bits on 1, 2 and 3 threads', () => {
      expect(
        prepare(kernel).flatMap((p) => {
          const one = run(runner.withThreads(1), kernel, p.case, p.inputs);
          return [2, 3].flatMap((threads) => {
            const more = run(runner.withThreads(threads), kernel, p.case, p.inputs);
            return [...more.problems, ...unequal(p, one, more)];
          });
        }),
      ).toEqual([]);
    });

    if (slice)
      test('gives the same bits for a batch in slices', () => {
        const one = runner.withThreads(1);
        expect(
          sliced().flatMap((p) => {
            const result = runInSlices(one, p);
            return [...result.problems, ...unequal(p, result, run(one, kernel, p.case, p.inputs))];
          }),
        ).toEqual([]);
      });
  });
});

/** The float64 results in float32, for kernels that promise exact results. */
function rounded({ expected32, expected64 }: Prepared): Prepared['expected32'] {
  return Object.fromEntries(
    Object.entries(expected64).map(([name, values]) => [
      name,
      expected32[name] instanceof Float32Array ? Float32Array.from(values) : values,
    ]),
  );
}
