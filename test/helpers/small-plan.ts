/** A plan written by hand, small enough to check in the head: z = factor * x + x; the mean of each step; the places drawn by Philox. */
import type { Plan, PlanBuffer, PlanCall, Storage } from '../../lib/backends/backend.js';
import type { KernelName } from '../../lib/backends/kernels.js';

/** Values of an image. */
export const WIDTH = 4;

export const buffer = (region: number, sizes: Partial<PlanBuffer>): PlanBuffer => ({
  dtype: 'real',
  region,
  offset: 0,
  fixed: 0,
  perImage: 0,
  perRow: 0,
  perStep: 0,
  ...sizes,
});

export const call = (
  kernel: KernelName,
  segment: number,
  buffers: readonly number[],
  ints: PlanCall['ints'],
  reals: PlanCall['reals'] = [],
): PlanCall => ({ kernel, segment, buffers, ints, reals, label: `layer ${kernel}` });

/** Regions x [rows, 4], mean [steps], z [rows, 4], noise [rows, 4]; slots factor, step. */
export function smallPlan(maxBatch: number): Plan {
  const n = { fixed: 0, perImage: WIDTH };
  const arena = maxBatch * WIDTH * 4;
  return {
    name: 'small',
    precision: 'float32',
    maxBatch,
    regions: ['x', 'mean', 'z', 'noise'].map((name) => ({ name, dtype: 'real' as const })),
    slots: ['factor', 'step'],
    arenaBytes: arena,
    buffers: [
      buffer(0, { perImage: WIDTH, perRow: WIDTH }),
      buffer(-1, { perImage: WIDTH }),
      buffer(2, { perImage: WIDTH, perRow: WIDTH }),
      buffer(1, { fixed: 1, perStep: 1 }),
      buffer(3, { perImage: WIDTH, perRow: WIDTH }),
    ],
    calls: [
      call('scale_forward', 0, [0, 1], [n], [{ slot: 0 }]),
      call('add_forward', 0, [1, 0, 2], [n]),
      call(
        'random_uniform',
        0,
        [4],
        [n, { fixed: 7 }, { fixed: 3 }, { fixed: 0, slot: 1 }, { fixed: 0, perFirst: WIDTH }],
      ),
      call('mean_forward', -1, [2, 3], [n]),
    ],
  };
}

export function contents(storage: Storage): number[] {
  const values = new Float64Array(storage.length);
  storage.read(values);
  return [...values];
}
