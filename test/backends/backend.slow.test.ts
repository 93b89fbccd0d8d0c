/** Every backend: storages, and plans written by hand. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Backend, Plan, PlanBuffer, PlanCall, RunRequest, Storage } from '../../lib/backends/backend.js';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import type { KernelName } from '../../lib/backends/kernels.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { loadBinding } from '../../lib/binding.js';
import { RandomStream } from '../../lib/random.js';

const backends = [
  { name: 'reference', make: (): Backend => new ReferenceBackend('float32') },
  { name: 'cpu, 1 thread', make: () => createCpuBackend({ threads: 1 }) },
  { name: 'cpu, 2 threads', make: () => createCpuBackend({ threads: 2 }) },
];
const missing = (name: string) => name !== 'reference' && loadBinding().error !== undefined;
/** The backend under test. */
let backend: Backend;
const disposed = expect.objectContaining({ code: 'ERR_DISPOSED' });

function filled(values: readonly number[], dtype: 'real' | 'i32' = 'real', on = backend): Storage {
  const storage = on.allocate(dtype, values.length);
  storage.write(Float64Array.from(values));
  return storage;
}
function contents(storage: Storage): number[] {
  const values = new Float64Array(storage.length);
  storage.read(values);
  return [...values];
}

// ---- plans ----

const replaced = <T>(list: readonly T[], index: number, value: T): T[] =>
  list.map((old, i) => (i === index ? value : old));

const buffer = (region: number, sizes: Partial<PlanBuffer>, dtype: PlanBuffer['dtype'] = 'real'): PlanBuffer => ({
  dtype,
  region,
  offset: 0,
  fixed: 0,
  perImage: 0,
  perRow: 0,
  perStep: 0,
  ...sizes,
});
const call = (
  kernel: KernelName,
  buffers: number[],
  ints: PlanCall['ints'],
  reals: PlanCall['reals'] = [],
): PlanCall => ({
  kernel,
  buffers,
  ints,
  reals,
  segment: -1,
  label: kernel,
});
const images = { fixed: 0, perImage: 1 };

/**
 * Fits y = w x by least squares: rows of 2 values and a target are gathered by index, loss = mean (z - t)^2, and w takes an sgd step
 * with the learning rate of slot 0. Arena: x at 0, t at 64, z at 128, loss of each row at 192, dz at 256, 1/batch at 320, dw at 384.
 */
const batchSize = 2;
const training: Plan = {
  name: 'training',
  precision: 'float32',
  maxBatch: batchSize,
  regions: [
    { name: 'xs', dtype: 'real' },
    { name: 'ts', dtype: 'real' },
    { name: 'indices', dtype: 'i32' },
    { name: 'parameters', dtype: 'real' },
    { name: 'one', dtype: 'real' },
    { name: 'losses', dtype: 'real' },
  ],
  slots: ['learningRate', 'sourceRows'],
  arenaBytes: 448,
  buffers: [
    buffer(0, { fixed: 6 }), // 0: data
    buffer(2, { perImage: 1, perRow: 1 }, 'i32'), // 1: this step's indices
    buffer(-1, { offset: 0, perImage: 2 }), // 2: x
    buffer(1, { fixed: 3 }), // 3: targets
    buffer(-1, { offset: 64, perImage: 1 }), // 4: t
    buffer(3, { offset: 1, fixed: 2 }), // 5: w
    buffer(-1, { offset: 128, perImage: 1 }), // 6: z
    buffer(-1, { offset: 192, perImage: 1 }), // 7: loss of each row
    buffer(5, { fixed: 1, perStep: 1 }), // 8: loss of the step
    buffer(-1, { offset: 320, perImage: 1 }), // 9: dloss of each row
    buffer(-1, { offset: 256, perImage: 1 }), // 10: dz
    buffer(-1, { offset: 384, fixed: 2 }), // 11: dw
    buffer(4, { fixed: 1 }), // 12: 1
  ],
  calls: [
    call('gather_rows', [0, 1, 2], [images, { fixed: 2 }, { fixed: 0, slot: 1 }]),
    call('gather_rows', [3, 1, 4], [images, { fixed: 1 }, { fixed: 0, slot: 1 }]),
    call(
      'gemm',
      [2, 5, -1, 6],
      [images, { fixed: 1 }, { fixed: 2 }, { fixed: 0 }, { fixed: 0 }, { fixed: 0 }, { fixed: 0 }],
    ),
    call('squared_error_forward', [6, 4, 7], [images, { fixed: 1 }]),
    call('mean_forward', [7, 8], [images]),
    call('mean_backward', [12, 9], [images, { fixed: 0, perBatch: 1 }]),
    call('squared_error_backward', [6, 4, 9, 10], [images, { fixed: 1 }]),
    call(
      'gemm',
      [2, 10, -1, 11],
      [{ fixed: 2 }, { fixed: 1 }, images, { fixed: 1 }, { fixed: 0 }, { fixed: 0 }, { fixed: 0 }],
    ),
    call('sgd_step', [5, 11, -1], [{ fixed: 2 }], [{ slot: 0 }, 0, 0]),
  ],
};

const data = [1, 2, 3, -1, 0, 2];
const targets = [5, 1, 4];

function trainingRequest(order: number[], rates: number[]): RunRequest & { parameters: Storage; losses: Storage } {
  const parameters = filled([9, 0, 0]);
  const losses = backend.allocate('real', rates.length);
  const regions = [filled(data), filled(targets), filled(order, 'i32'), parameters, filled([1]), losses];
  return {
    regions,
    batch: batchSize,
    rows: order.length,
    slots: Float64Array.from(rates.flatMap((rate) => [rate, 3])),
    parameters,
    losses,
  };
}

/** The same training in plain arithmetic. */
function expectedTraining(order: number[], rates: number[]) {
  const w = [0, 0];
  const losses = rates.map((rate, step) => {
    const rows = order.slice(step * batchSize, (step + 1) * batchSize);
    const errors = rows.map((r) => data[2 * r]! * w[0]! + data[2 * r + 1]! * w[1]! - targets[r]!);
    for (const j of [0, 1])
      w[j]! -= rows.reduce((sum, r, i) => sum + (rate * 2 * errors[i]! * data[2 * r + j]!) / rows.length, 0);
    return errors.reduce((sum, e) => sum + (e * e) / rows.length, 0);
  });
  return { w, losses };
}

/** Dropout and max pooling of images 4 x 250 x 1, in one segment: a backend may share the images out among threads. */
const pixels = 1000;
const sliced: Plan = {
  name: 'sliced',
  precision: 'float32',
  maxBatch: 64,
  regions: [
    { name: 'x', dtype: 'real' },
    { name: 'y', dtype: 'real' },
    { name: 'places', dtype: 'u16' },
  ],
  slots: ['step'],
  arenaBytes: 64 * pixels * 4,
  buffers: [
    buffer(0, { perImage: pixels, perRow: pixels }),
    buffer(-1, { perImage: pixels }),
    buffer(1, { perImage: pixels / 4, perRow: pixels / 4 }),
    buffer(2, { perImage: pixels / 4, perRow: pixels / 4 }, 'u16'),
  ],
  calls: [
    call(
      'dropout_forward',
      [0, 1],
      [
        { fixed: 0, perImage: pixels },
        { fixed: 11 },
        { fixed: 3 },
        { fixed: 0, slot: 0 },
        { fixed: 5, perFirst: pixels },
      ],
      [0.5],
    ),
    call(
      'max_pool2d_forward',
      [1, 2, 3],
      [images, { fixed: 4 }, { fixed: 250 }, { fixed: 1 }, { fixed: 2 }, { fixed: 2 }],
    ),
  ].map((c) => ({ ...c, segment: 0 })),
};

describe.each(backends)('$name', ({ name, make }) => {
  const skip = missing(name);
  beforeAll(() => {
    if (!skip) backend = make();
  });
  describe.skipIf(skip)('storage', () => {
    test('is zero at birth, converts, reads and writes at offsets', () => {
      const storage = backend.allocate('i32', 5);
      expect(contents(storage)).toEqual([0, 0, 0, 0, 0]);
      storage.write(Float32Array.of(1, 2, 3), 2);
      const part = new Uint16Array(2);
      storage.read(part, 3);
      expect([...part]).toEqual([2, 3]);
      expect(contents(storage)).toEqual([0, 0, 1, 2, 3]);
    });

    test('holds float32', () => {
      expect(contents(filled([0.1]))).toEqual([Math.fround(0.1)]);
    });

    test('refuses what does not fit', () => {
      const storage = backend.allocate('real', 4);
      expect(() => storage.write(new Float32Array(3), 2)).toThrow(RangeError);
      expect(() => storage.read(new Float32Array(5))).toThrow(RangeError);
      expect(() => storage.write(new Float32Array(1), -1)).toThrow(RangeError);
      expect(() => storage.write([1, 2] as unknown as Float32Array)).toThrow(TypeError);
      expect(() => backend.allocate('real', -1)).toThrow(RangeError);
      expect(() => backend.allocate('real', Number.NaN)).toThrow(RangeError);
      expect(() => backend.allocate('f16' as 'real', 1)).toThrow(RangeError);
      expect(() => backend.allocate('real', 2 ** 50)).toThrow(expect.objectContaining({ code: 'ERR_DEVICE_OOM' }));
    });

    test('is gone after dispose()', () => {
      const storage = backend.allocate('real', 4);
      storage.dispose();
      storage.dispose();
      expect(() => storage.write(new Float32Array(1))).toThrow(disposed);
      expect(() => storage.read(new Float32Array(1))).toThrow(disposed);
    });
  });

  describe.skipIf(skip)('executable', () => {
    test('trains over several steps, the last with a smaller batch, slots anew for each step', async () => {
      const [order, rates] = [
        [2, 0, 1, 1, 2],
        [0.1, 0.05, 0.025],
      ];
      const request = trainingRequest(order, rates);
      const executable = backend.load(training);
      expect(await executable.run(request).done).toBe(3);
      const expected = expectedTraining(order, rates);
      expect(contents(request.parameters)[0]).toBe(9);
      for (const j of [0, 1]) expect(contents(request.parameters)[1 + j]).toBeCloseTo(expected.w[j]!, 5);
      for (const [i, loss] of contents(request.losses).entries()) expect(loss).toBeCloseTo(expected.losses[i]!, 4);
      expect(new Set(expected.losses).size).toBe(3);
    });

    test('`first` moves the buffers that follow the rows', async () => {
      const request = trainingRequest([0, 0, 2, 1], [0.1]);
      const executable = backend.load(training);
      await executable.run({ ...request, rows: 2, first: 2 }).done;
      expect(contents(request.losses)[0]).toBeCloseTo(expectedTraining([2, 1], [0.1]).losses[0]!, 5);
    });

    test('runs of one executable follow each other, and zero rows are no step', async () => {
      const executable = backend.load(training);
      const request = trainingRequest([0, 1], [0.1]);
      const runs = [
        executable.run(request),
        executable.run(request),
        executable.run({ ...request, rows: 0, slots: new Float64Array(0) }),
      ];
      expect(await Promise.all(runs.map((run) => run.done))).toEqual([1, 1, 0]);
      const twice = expectedTraining([0, 1, 0, 1], [0.1, 0.1]);
      expect(contents(request.parameters)[1]).toBeCloseTo(twice.w[0]!, 5);
    });

    test('stop() ends the run after a step, while timers go on', async () => {
      const rates = new Array<number>(400_000).fill(0.001);
      const request = trainingRequest(
        rates.flatMap(() => [0, 1]),
        rates,
      );
      const run = backend.load(training).run(request);
      let ticks = 0;
      const timer = setInterval(() => {
        if (++ticks === 2) run.stop();
      }, 1);
      const done = await run.done;
      clearInterval(timer);
      expect(ticks).toBeGreaterThanOrEqual(2);
      expect(done).toBeGreaterThan(0);
      expect(done).toBeLessThan(rates.length);
      expect(contents(request.losses).filter((loss) => loss !== 0)).toHaveLength(done);
    });

    test('refuses arguments that do not fit, at once', () => {
      const executable = backend.load(training);
      const request = trainingRequest([0, 1], [0.1]);
      const refuse = (change: Partial<RunRequest>) => expect(() => executable.run({ ...request, ...change }));
      refuse({ batch: 3 }).toThrow(RangeError);
      refuse({ batch: 0 }).toThrow(RangeError);
      refuse({ rows: -1 }).toThrow(RangeError);
      refuse({ rows: 1.5 }).toThrow(RangeError);
      refuse({ slots: new Float64Array(3) }).toThrow(RangeError);
      refuse({ slots: [0.1, 3] as unknown as Float64Array }).toThrow(TypeError);
      refuse({ regions: request.regions.slice(1) }).toThrow(RangeError);
      refuse({ first: 1 }).toThrow(/indices/);
      refuse({ regions: [request.regions[2]!, ...request.regions.slice(1)] }).toThrow(TypeError);
      refuse({ regions: [{} as Storage, ...request.regions.slice(1)] }).toThrow(TypeError);
      const other = new ReferenceBackend(backend.name === 'reference' ? 'float64' : 'float32');
      refuse({ regions: [other.allocate('real', 6), ...request.regions.slice(1)] }).toThrow(TypeError);
      expect(() => backend.load({ ...training, precision: 'float64' })).toThrow(RangeError);
    });

    test('a storage or executable that was disposed is refused; a run under way ends all the same', async () => {
      const executable = backend.load(training);
      const request = trainingRequest([0, 1, 2, 0], [0.1, 0.1]);
      const run = executable.run(request);
      request.regions[0]!.dispose();
      executable.dispose();
      executable.dispose();
      expect(() => executable.run(request)).toThrow(disposed);
      expect(() => backend.load(training).run(request)).toThrow(disposed);
      expect(await run.done).toBe(2);
    });

    test('a call whose numbers ask for more than its buffers hold rejects, and the executable goes on', async () => {
      const executable = backend.load(training);
      const request = trainingRequest([0, 1], [0.1]);
      const slots = Float64Array.of(0.1, 4);
      await expect(executable.run({ ...request, slots }).done).rejects.toThrow(/source needs 8 elements but has 6/);
      await expect(executable.run({ ...request, slots: Float64Array.of(0.1, Number.NaN) }).done).rejects.toThrow(
        RangeError,
      );
      await expect(executable.run({ ...request, slots: Float64Array.of(0.1, -1) }).done).rejects.toThrow(/sourceRows/);
      expect(await executable.run(request).done).toBe(1);
    });

    test('a call whose numbers are known beforehand is refused at once', () => {
      const calls = replaced(training.calls, 2, {
        ...training.calls[2]!,
        ints: replaced(training.calls[2]!.ints, 2, { fixed: 3 }),
      });
      const executable = backend.load({ ...training, calls });
      expect(() => executable.run(trainingRequest([0, 1], [0.1]))).toThrow(/gemm.*: a needs 6 elements but has 4/);
    });

    test('a buffer of neither fixed nor perImage elements is all that follows in its region', async () => {
      const buffers = replaced(training.buffers, 0, { ...training.buffers[0]!, fixed: 0 });
      const request = trainingRequest([2, 1], [0.1]);
      await backend.load({ ...training, buffers }).run(request).done;
      expect(contents(request.losses)[0]).toBeCloseTo(expectedTraining([2, 1], [0.1]).losses[0]!, 5);
    });

    test('a segment shared out among threads gives what the whole batch gives, at every step', async () => {
      const rows = 150;
      const random = new RandomStream(4, 4);
      const x = Array.from({ length: rows * pixels }, () => random.uniform(-1, 1));
      const results = [];
      for (const on of [backend, new ReferenceBackend('float32')]) {
        const [y, places] = [on.allocate('real', (rows * pixels) / 4), on.allocate('u16', (rows * pixels) / 4)];
        const regions = [filled(x, 'real', on), y, places];
        await on.load(sliced).run({ regions, batch: 64, rows, slots: Float64Array.of(8, 9, 10) }).done;
        results.push([contents(y), contents(places)]);
      }
      expect(results[0]).toEqual(results[1]);
      expect(new Set(results[0]![1])).toEqual(new Set([0, 1, 2, 3]));
    });
  });

  test.skipIf(skip)('runKernel calls a kernel by its lists', () => {
    const y = new Float32Array(2);
    backend.runKernel('scale_forward', [Float32Array.of(1, 2), y], [2], [3]);
    expect([...y]).toEqual([3, 6]);
  });
});

test('the reference backend in float64 holds and computes doubles', () => {
  const double = new ReferenceBackend('float64');
  expect(contents(filled([0.1], 'real', double))).toEqual([0.1]);
  const y = new Float64Array(1);
  double.runKernel('scale_forward', [Float64Array.of(0.1), y], [1], [3]);
  expect(y[0]).toBe(3 * 0.1);
  expect(() => double.load(training)).toThrow(RangeError);
  expect(() => new ReferenceBackend('float16' as 'float32')).toThrow(RangeError);
});
