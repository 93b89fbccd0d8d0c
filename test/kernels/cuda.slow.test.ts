/**
 * The CUDA kernels, run on the host (cuda/shim) and on a GPU where there is one, against the reference: the cases of parity.slow, between guard
 * bytes, unaligned. The shim draws the order of a block's threads anew each time, so twice the same bits means that no result hangs on it.
 */
import { describe, expect, test } from 'vitest';
import { type KernelName, kernelNames, kernelSpecs } from '../../lib/backends/kernels.js';
import { cudaRunners, describeEach, hasCudaForm } from '../helpers/kernels.js';
import { batchKey, differences, prepare, run, runInSlices, unequal } from '../helpers/parity.js';

const SHIFTS = [0, 1, 3, 5];
const runners = cudaRunners();

/** The cases of a kernel that are run again and again: by the shim those of so many operations at most, which take it some 25 ms. */
const SHIM_FLOPS = 1e6;
const repeated = (name: string, kernel: KernelName) =>
  prepare(kernel).filter(
    ({ case: { ints } }) => name !== 'shim' || kernelSpecs[kernel].flops({ ...ints }) <= SHIM_FLOPS,
  );

describeEach(runners, 'cuda')('$name', (runner) => {
  describe.each(kernelNames.filter(hasCudaForm))('%s', (kernel) => {
    test('agrees with the reference', () => {
      expect(
        prepare(kernel).flatMap((p) => {
          const result = run(runner, kernel, p.case, p.inputs, SHIFTS[p.index % 4]);
          return [...result.problems, ...differences(p, result)];
        }),
      ).toEqual([]);
    });

    test('gives the same bits in another order of its threads', () => {
      expect(
        repeated(runner.name, kernel).flatMap((p) => {
          const once = run(runner, kernel, p.case, p.inputs);
          return unequal(p, once, run(runner, kernel, p.case, p.inputs));
        }),
      ).toEqual([]);
    });

    if (kernelSpecs[kernel].slice)
      test('gives the same bits for a batch in slices', () => {
        const several = repeated(runner.name, kernel).filter(({ case: { ints } }) => ints[batchKey(kernel)]! >= 2);
        expect(
          several.flatMap((p) => unequal(p, runInSlices(runner, p), run(runner, kernel, p.case, p.inputs))),
        ).toEqual([]);
      });
  });
});
