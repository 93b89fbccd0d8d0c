/** The plan runner of the cpu backend: a plan written by hand, against the reference, and everything a run may be asked wrongly. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Backend, Executable, Plan, RunRequest, Storage } from '../../lib/backends/backend.js';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import { encodePlan } from '../../lib/backends/native.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { loadBinding } from '../../lib/binding.js';
import { buffer, call, contents, smallPlan, WIDTH } from '../helpers/small-plan.js';

const { binding } = loadBinding();
const error = (code: string) => expect.objectContaining({ code });

/** What a test made; freed at its end, so that memory can be compared. */
const made: (Storage | Executable)[] = [];
afterEach(() => {
  for (const one of made.splice(0)) one.dispose();
});
function load(backend: Backend, plan: Plan): Executable {
  const executable = backend.load(plan);
  made.push(executable);
  return executable;
}

function storages(backend: Backend, rows: number, steps: number) {
  const [x, mean, z, noise] = [rows * WIDTH, steps, rows * WIDTH, rows * WIDTH].map((n) => backend.allocate('real', n));
  x!.write(Float32Array.from({ length: rows * WIDTH }, (_, i) => Math.fround(Math.sin(i))));
  made.push(x!, mean!, z!, noise!);
  return [x!, mean!, z!, noise!];
}

const slotsFor = (steps: number) =>
  Float64Array.from({ length: 2 * steps }, (_, i) => (i % 2 === 0 ? 1 + i / 2 : i >> 1));

/** Runs the small plan over `rows` rows and gives what it wrote. */
async function runSmall(backend: Backend, { rows = 10, batch = 4, maxBatch = 6, first = 0 } = {}) {
  const steps = Math.ceil(rows / batch);
  const regions = storages(backend, first + rows, steps);
  const executable = load(backend, smallPlan(maxBatch));
  expect(await executable.run({ regions, batch, rows, first, slots: slotsFor(steps) }).done).toBe(steps);
  return regions.slice(1).map(contents);
}

describe.skipIf(binding === undefined)('plan runner', () => {
  const cpu = () => createCpuBackend({ threads: 2 });

  test('computes what the reference does: whole and partial batches, a start in the middle, more images than threads or fewer', async () => {
    for (const sizes of [
      { rows: 10, batch: 4 },
      { rows: 6, batch: 6 },
      { rows: 1, batch: 1 },
      { rows: 3, batch: 5, first: 2 },
      { rows: 9000, batch: 4000, maxBatch: 5000 },
    ]) {
      const [mean, z, noise] = await runSmall(cpu(), sizes);
      const [expectedMean, expectedZ, expectedNoise] = await runSmall(new ReferenceBackend(), sizes);
      expect(z).toEqual(expectedZ);
      expect(noise).toEqual(expectedNoise);
      for (const [i, value] of mean!.entries()) expect(value).toBeCloseTo(expectedMean![i]!, 6);
    }
  });

  test('is bit-equal for any number of threads', async () => {
    const sizes = { rows: 20000, batch: 7001, maxBatch: 8000 };
    const one = await runSmall(createCpuBackend({ threads: 1 }), sizes);
    for (const threads of [2, 3, 16]) expect(await runSmall(createCpuBackend({ threads }), sizes)).toEqual(one);
  });

  test('a run of no rows takes no steps', async () => {
    const backend = cpu();
    const executable = load(backend, smallPlan(4));
    const regions = storages(backend, 4, 1);
    expect(await executable.run({ regions, batch: 4, rows: 0, slots: new Float64Array(0) }).done).toBe(0);
  });

  test('runs of one plan follow each other, whatever they are asked together with', async () => {
    const backend = cpu();
    const executable = load(backend, smallPlan(8));
    const regions = storages(backend, 8, 1);
    const order: number[] = [];
    const runs = [0, 1, 2, 3].map((i) =>
      executable.run({ regions, batch: 8, rows: 8, slots: Float64Array.of(i, 0) }).done.then(() => order.push(i)),
    );
    await Promise.all(runs);
    expect(order).toEqual([0, 1, 2, 3]);
    const x = contents(regions[0]!);
    expect(contents(regions[2]!)).toEqual(x.map((v) => Math.fround(Math.fround(3 * v) + v)));
  });

  test('records as many events as it is asked for, the first ones, and counts the others', async () => {
    const [rows, batch, steps] = [9000, 4000, 3];
    for (const threads of [1, 2]) {
      const backend = createCpuBackend({ threads });
      const regions = storages(backend, rows, steps);
      const executable = load(backend, smallPlan(batch));
      const request = { regions, batch, rows, slots: slotsFor(steps) };
      const events = async (most: number) => {
        const run = executable.run({ ...request, events: most });
        if (most > 0) expect(() => run.events()).toThrow('the run has not ended');
        await run.done;
        const { numbers, dropped } = run.events();
        return {
          dropped,
          list: Array.from({ length: numbers.length / 6 }, (_, i) => [...numbers.subarray(6 * i, 6 * i + 6)]),
        };
      };
      // Three calls in a segment of 500 images a slice with two threads (images_per_block), one on the whole batch, and the step.
      const slices = threads === 1 ? [1, 1, 1] : [8, 8, 8];
      const { list: all, dropped } = await events(1e6);
      expect(all).toHaveLength(slices.reduce((sum, n) => sum + 3 * n + 2, 0));
      expect(dropped).toBe(0);
      expect(all.filter(([call]) => call === -1).map((event) => event.slice(1, 4))).toEqual([
        [0, 0, 4000],
        [0, 1, 4000],
        [0, 2, 1000],
      ]);
      for (const [, thread, , , begin, end] of all) {
        expect(thread).toBeLessThan(threads);
        expect(end).toBeGreaterThanOrEqual(begin!);
      }
      const few = await events(10);
      expect(few.list.map((event) => event.slice(0, 1))).toEqual(all.slice(0, 10).map((event) => event.slice(0, 1)));
      expect(few.dropped).toBe(all.length - 10);
      expect(await events(0)).toEqual({ list: [], dropped: all.length });
      expect(() => executable.run({ ...request, events: -1 })).toThrow('for events but received -1');
    }
  });

  test('stop() ends a run between steps; the plan stays usable', async () => {
    const backend = cpu();
    const executable = load(backend, smallPlan(64));
    const steps = 2_000_000;
    const regions = storages(backend, 64, steps);
    const plan = { ...smallPlan(64), buffers: smallPlan(64).buffers.map((b) => ({ ...b, perRow: 0 })) };
    const still = load(backend, plan);
    const run = still.run({ regions, batch: 64, rows: 64 * steps, slots: new Float64Array(2 * steps) });
    await new Promise((resolve) => setTimeout(resolve, 20));
    run.stop();
    const done = await run.done;
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(steps);
    run.stop();
    expect(await executable.run({ regions, batch: 64, rows: 64, slots: Float64Array.of(1, 0) }).done).toBe(1);
    const stopped = still.run({ regions, batch: 64, rows: 64, slots: Float64Array.of(1, 0) });
    stopped.stop();
    expect(await stopped.done).toBeLessThanOrEqual(1);
  });

  test('what is disposed in the middle of a run lives until its end, then its memory is free', async () => {
    const before = binding!.memory();
    const backend = cpu();
    const steps = 2000;
    const regions = storages(backend, 64, steps);
    const plan = { ...smallPlan(64), buffers: smallPlan(64).buffers.map((b) => ({ ...b, perRow: 0 })) };
    const executable = load(backend, plan);
    expect(binding!.memory().bytes - before.bytes).toBe((3 * 64 * WIDTH + steps) * 4 + plan.arenaBytes);
    const { done } = executable.run({ regions, batch: 64, rows: 64 * steps, slots: new Float64Array(2 * steps) });
    executable.dispose();
    executable.dispose();
    for (const storage of regions) storage.dispose();
    expect(await done).toBe(steps);
    const { bytes, storages: count, plans } = binding!.memory(); // less where others' garbage was collected meanwhile
    expect(bytes).toBeLessThanOrEqual(before.bytes);
    expect(count).toBeLessThanOrEqual(before.storages);
    expect(plans).toBeLessThanOrEqual(before.plans);
    expect(() => executable.run({ regions, batch: 1, rows: 1, slots: new Float64Array(2) })).toThrow(
      error('ERR_DISPOSED'),
    );
  });

  test('a buffer with neither fixed nor perImage is as long as its region', async () => {
    const backend = cpu();
    const plan: Plan = {
      name: 'gather',
      precision: 'float32',
      maxBatch: 4,
      arenaBytes: 0,
      slots: ['rows'],
      regions: [
        { name: 'data', dtype: 'real' },
        { name: 'indices', dtype: 'i32' },
        { name: 'out', dtype: 'real' },
      ],
      buffers: [
        buffer(0, {}),
        { ...buffer(1, { perImage: 1, perRow: 1 }), dtype: 'i32' },
        buffer(2, { perImage: 2, perRow: 2 }),
      ],
      calls: [call('gather_rows', 0, [0, 1, 2], [{ fixed: 0, perImage: 1 }, { fixed: 2 }, { fixed: 0, slot: 0 }])],
    };
    const executable = load(backend, plan);
    const data = backend.allocate('real', 6);
    data.write(Float32Array.of(0, 1, 10, 11, 20, 21));
    const indices = backend.allocate('i32', 5);
    made.push(data, indices);
    indices.write(Int32Array.of(2, 0, 1, 7, 2));
    const out = backend.allocate('real', 10);
    made.push(out);
    const regions = [data, indices, out];
    await executable.run({ regions, batch: 4, rows: 5, slots: Float64Array.of(3, 3) }).done;
    expect(contents(out)).toEqual([20, 21, 0, 1, 10, 11, Number.NaN, Number.NaN, 20, 21]);
    const tooMany = executable.run({ regions, batch: 4, rows: 4, slots: Float64Array.of(4) });
    await expect(tooMany.done).rejects.toThrow(/layer gather_rows.*source needs 8 elements but has 6/);
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])
      await expect(executable.run({ regions, batch: 4, rows: 4, slots: Float64Array.of(bad) }).done).rejects.toThrow(
        RangeError,
      );
    expect(await executable.run({ regions, batch: 4, rows: 4, slots: Float64Array.of(3) }).done).toBe(1);
  });

  describe('refuses', () => {
    const backend = binding && cpu();
    const executable = backend?.load(smallPlan(4)) as Executable;
    const good = () => ({
      regions: storages(backend!, 8, 2),
      batch: 4,
      rows: 8,
      slots: slotsFor(2),
    });
    const run = (change: object) => () => executable.run({ ...good(), ...change } as RunRequest);

    test('wrong numbers', () => {
      for (const change of [
        { batch: 0 },
        { batch: 5 },
        { batch: Number.NaN },
        { rows: -1 },
        { rows: 1.5 },
        { first: -1 },
        { slots: new Float64Array(3) },
      ])
        expect(run(change)).toThrow(RangeError);
      expect(run({ batch: '4' })).toThrow(TypeError);
      expect(run({ slots: [1, 2, 3, 4] })).toThrow(TypeError);
    });

    test('wrong regions', () => {
      const { regions } = good();
      expect(run({ regions: regions.slice(1) })).toThrow(RangeError);
      expect(run({ regions: undefined })).toThrow(TypeError);
      expect(run({ regions: [{}, ...regions.slice(1)] })).toThrow(/region 'x'/);
      expect(run({ regions: [new ReferenceBackend().allocate('real', 32), ...regions.slice(1)] })).toThrow(TypeError);
      expect(run({ regions: [backend!.allocate('i32', 32), ...regions.slice(1)] })).toThrow(
        /region 'x' must be of real/,
      );
      expect(run({ regions: [backend!.allocate('real', 31), ...regions.slice(1)] })).toThrow(error('ERR_SHAPE'));
      expect(run({ first: 1 })).toThrow(/region 'x' has 32 elements, but step 1 needs 36/);
      expect(run({ first: 2 ** 53 - 1 })).toThrow(RangeError);
      const gone = backend!.allocate('real', 32);
      gone.dispose();
      expect(run({ regions: [gone, ...regions.slice(1)] })).toThrow(error('ERR_DISPOSED'));
    });

    test('a buffer too short for its call, by name', async () => {
      const plan = smallPlan(4);
      const buffers = plan.buffers.map((b, i) => (i === 2 ? { ...b, perImage: 3 } : b));
      const short = load(backend!, { ...plan, buffers });
      expect(() => short.run(good())).toThrow(/layer add_forward \(add_forward\): y needs 16 elements but has 12/);
    });

    test('a prologue that depends on the step or the batch, or reads what the plan writes', () => {
      const shift = (prologue: number, region: number, n = [{ fixed: 4 }]): Plan => ({
        ...smallPlan(4),
        buffers: [buffer(region, { fixed: 4 }), buffer(-1, { fixed: 4 }), buffer(2, { fixed: 4 })],
        calls: [call('relu_forward', -1, [0, 1], n), call('relu_forward', -1, [1, 2], n)],
        prologue,
      });
      load(backend!, shift(1, 0));
      expect(() => load(backend!, shift(1, 2))).toThrow("the plan writes 'z', which its prologue reads");
      expect(() => load(backend!, shift(1, 0, [{ fixed: 4, perImage: 1 } as { fixed: number }]))).toThrow(
        'depends on the step',
      );
      expect(() => load(backend!, shift(2, 0))).toThrow('depends on the step');
      expect(() => load(backend!, shift(3, 0))).toThrow('out of range');
      expect(() => load(backend!, { ...smallPlan(4), prologue: 1 })).toThrow('depends on the step');
    });

    test('plans of another precision, or beyond memory', () => {
      expect(() => load(backend!, { ...smallPlan(4), precision: 'float64' })).toThrow(RangeError);
      expect(() => load(backend!, { ...smallPlan(4), arenaBytes: 2 ** 50 })).toThrow(error('ERR_DEVICE_OOM'));
    });

    test('a program with any number replaced by nonsense, without a crash', async () => {
      const plan = smallPlan(4);
      const program = encodePlan(plan);
      const labels = [...plan.calls.map((c) => c.label), ...plan.regions.map((r) => r.name)];
      const handle = (dtype: number, length: number) => binding!.createStorage(dtype, length);
      const regions = [handle(0, 32), handle(0, 2), handle(0, 32), handle(0, 32)];
      let refused = 0;
      const values = [
        -1,
        0,
        1,
        2,
        3,
        5,
        0.5,
        100,
        1e6,
        2 ** 31,
        2 ** 40,
        2 ** 53,
        -(2 ** 52),
        Number.NaN,
        Number.POSITIVE_INFINITY,
      ];
      for (let i = 0; i < program.length; i++)
        for (const value of values) {
          if (i === 2 && value > 1e9) continue; // the size of the arena, which a system may well grant
          const bad = program.slice();
          bad[i] = value;
          try {
            const loaded = binding!.loadPlan(bad, labels);
            await binding!.startRun(loaded, regions, 4, 8, 0, slotsFor(2), 2).done;
          } catch (reason) {
            expect(reason).toBeInstanceOf(Error);
            refused++;
          }
        }
      expect(refused).toBeGreaterThan(program.length * 5);
      for (let length = 0; length < program.length; length++)
        expect(() => binding!.loadPlan(program.slice(0, length), labels)).toThrow();
      expect(() => binding!.loadPlan(Float64Array.of(...program, 0), labels)).toThrow(/goes on/);
    });
  });
});
