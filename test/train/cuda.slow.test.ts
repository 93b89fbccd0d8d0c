/** Training by CUDA kernels, on a GPU or by the shim: the same as the reference, reproducible, replayed as recorded; and what goes wrong there. */

import { describe, expect, test } from 'vitest';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import { createCudaBackend } from '../../lib/backends/cuda.js';
import { loadBinding } from '../../lib/binding.js';
import { batchNorm } from '../../lib/layers/batch-norm.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import { globalAveragePool2d } from '../../lib/layers/global-average-pool2d.js';
import { relu } from '../../lib/layers/relu.js';
import { residual } from '../../lib/layers/residual.js';
import { momentum } from '../../lib/optimizers/momentum.js';
import { inverseSqrt } from '../../lib/optimizers/schedules.js';
import { devices } from '../../lib/train/device.js';
import { type Model, type SequentialOptions, sequential } from '../../lib/train/model.js';
import type { FitOptions } from '../../lib/train/options.js';
import { cudaName, noCuda } from '../helpers/cuda.js';
import { cases, difference, trajectory } from '../optimizers/trajectory.js';
import { clusters, convnet, farFromReference, images, losses, mlp, twentySteps } from './tiny.js';

/** Batch normalization, a shortcut, dropout: what the small networks of the other tests leave out. */
const resnet = (more: Partial<SequentialOptions> = {}) =>
  sequential({ inputShape: [8, 8, 1], seed: 1, device: 'reference', ...more }, [
    conv2d({ filters: 8, kernelSize: 3, padding: 1 }),
    batchNorm(),
    relu(),
    residual([conv2d({ filters: 8, kernelSize: 3, padding: 1 }), batchNorm()]),
    relu(),
    globalAveragePool2d(),
    dropout({ rate: 0.25 }),
    dense({ units: 3 }),
  ]);

describe.skipIf(noCuda)(`on cuda (${cudaName})`, () => {
  test.each(cases)('twenty updates, $name: the numbers of $from', async (c) => {
    expect(difference(await trajectory({ device: 'cuda' }, c), c)).toBeLessThan(1e-5);
  });

  test('20 steps lose as on the reference', async () => {
    const { steps, most } = await farFromReference('cuda');
    expect(steps).toBe(20);
    expect(most).toBeLessThan(1e-4);
  });

  test('batch normalization, shortcuts and dropout lose as on the reference', async () => {
    const reference = await losses(resnet());
    const cuda = await losses(resnet({ device: 'cuda' }));
    for (const [i, loss] of cuda.entries()) expect(Math.abs(loss / reference[i]! - 1)).toBeLessThan(1e-3);
  });

  test('the same seed repeats itself, bit for bit; chunks of steps and a last smaller batch change nothing', async () => {
    const odd = { x: images.x.subarray(0, 150 * 64), y: images.y.subarray(0, 150) };
    const one = await losses(convnet({ device: 'cuda' }), odd);
    expect(one).toHaveLength(20);
    expect(await losses(convnet({ device: 'cuda:0' }), odd)).toEqual(one);
    const model = convnet({ device: 'cuda' });
    const { epochs } = await model.fit(odd, { ...twentySteps, every: 'epoch' });
    const rows = one.slice(0, 10).map((loss, i) => loss * (i < 9 ? 16 : 6));
    expect(epochs[0]!.trainLoss).toBeCloseTo(rows.reduce((a, b) => a + b) / 150, 6);
  });

  test('updates by several batches, rows and classes with weights: the steps of the reference', async () => {
    const sampleWeights = Float32Array.from({ length: 160 }, (_, i) => 1 + (i % 3));
    const more: FitOptions = { accumulate: 3, clipNorm: 0.5, classWeights: [1, 2, 0.5], optimizer: 'adam' };
    const [a, b] = [convnet(), convnet({ device: 'cuda' })];
    const reference = await losses(a, { ...images, sampleWeights }, more);
    const cuda = await losses(b, { ...images, sampleWeights }, more);
    expect(cuda).toHaveLength(20);
    for (const [i, loss] of cuda.entries()) expect(Math.abs(loss / reference[i]! - 1)).toBeLessThan(1e-4);
    const again = convnet({ device: 'cuda' });
    await losses(again, { ...images, sampleWeights }, { ...more, every: 'epoch' });
    expect(again.weights()).toEqual(b.weights());
  });

  test.each([{ method: 'newton-cg', sampleSize: 40 }, { method: 'lbfgs' }, { method: 'gradient-descent' }] as const)(
    "whole data by $method: the reference's iterations",
    async (more) => {
      // Segments of 64, 64 and 32 rows.
      const run = async (model: Model) =>
        (await model.minimize(images, { ...more, C: 100, iterations: 2, batchSize: 64 })).iterations;
      const [reference, cuda] = [await run(resnet()), await run(resnet({ device: 'cuda' }))];
      expect(cuda).toHaveLength(3);
      for (const [i, { objective, gradientNorm }] of cuda.entries()) {
        expect(Math.abs(objective / reference[i]!.objective - 1)).toBeLessThan(1e-4);
        expect(Math.abs(gradientNorm / reference[i]!.gradientNorm - 1)).toBeLessThan(1e-2);
      }
    },
  );

  test('a schedule of learning rates, and clipping, reach the recorded launches', async () => {
    const learningRate = inverseSqrt(0.1);
    const more: FitOptions = { optimizer: momentum({ learningRate }), clipNorm: 0.5 };
    const reference = await losses(convnet(), images, more);
    const cuda = await losses(convnet({ device: 'cuda' }), images, more);
    for (const [i, loss] of cuda.entries()) expect(Math.abs(loss / reference[i]! - 1)).toBeLessThan(1e-4);
  });

  test('evaluates and predicts as the reference does', async () => {
    const [cuda, reference] = [convnet({ device: 'cuda' }), convnet()];
    const [a, b] = [await cuda.evaluate(images), await reference.evaluate(images)];
    expect(a.loss).toBeCloseTo(b.loss, 4);
    expect(a.accuracy).toBe(b.accuracy);
    const [p, q] = [await cuda.predict(images.x, { batchSize: 7 }), await reference.predict(images.x)];
    for (let i = 0; i < p.length; i++) expect(p[i]).toBeCloseTo(q[i]!, 4);
  });

  test.each(['tf32', 'bf16'] as const)('%s trains, near the losses of float32', async (precision) => {
    const reference = await losses(convnet());
    const cuda = await losses(convnet({ device: 'cuda', precision }));
    expect(cuda).not.toEqual(reference);
    const error = precision === 'tf32' ? 0.01 : 0.05;
    for (const [i, loss] of cuda.entries()) expect(Math.abs(loss / reference[i]! - 1)).toBeLessThan(error);
  });

  test('stop() ends a run, and the model goes on', async () => {
    const model = convnet({ device: 'cuda' });
    const run = model.fit(images, { ...twentySteps, epochs: 1000 });
    for await (const record of run) if (record.kind === 'batch' && record.step >= 3) run.stop();
    await run;
    expect((await model.evaluate(images)).loss).toBeGreaterThan(0);
  });

  test('a profile has the time of each call', async () => {
    const { profile } = await convnet({ device: 'cuda' }).fit(images, {
      ...twentySteps,
      epochs: 1,
      profile: '/dev/null',
    });
    expect(String(profile)).toContain('conv2d_forward');
  });

  test('devices() lists it; a device that is not there is ERR_NO_DEVICE', () => {
    const found = devices().filter(({ name }) => name.startsWith('cuda:'));
    expect(found[0]).toMatchObject({ name: 'cuda:0', model: expect.any(String), capability: expect.any(String) });
    expect(found[0]!.memory).toBeGreaterThan(1e6);
    expect(() => mlp({ device: 'cuda:63' })).toThrow(expect.objectContaining({ code: 'ERR_NO_DEVICE' }));
  });

  test('no room is ERR_DEVICE_OOM with the bytes, and what was there goes on', async () => {
    const binding = loadBinding().binding!;
    const backend = createCudaBackend();
    const model = mlp({ device: 'cuda' });
    const data = clusters(32);
    const before = await model.evaluate(data);
    const { bytes } = binding.memory(0);
    binding.limitMemory(0, bytes + 1000);
    try {
      const ask = () => backend.allocate('real', 1e6);
      expect(ask).toThrow(expect.objectContaining({ code: 'ERR_DEVICE_OOM' }));
      expect(ask).toThrow(/4000000 bytes were asked for, but cuda:0 has 1000 free/);
      await expect(model.fit(clusters(1000), { epochs: 1 })).rejects.toThrow(
        expect.objectContaining({ code: 'ERR_DEVICE_OOM' }),
      );
    } finally {
      binding.limitMemory(0, Number.MAX_SAFE_INTEGER);
    }
    expect(await model.evaluate(data)).toEqual(before);
    model.dispose();
  });

  test('memory is given back', async () => {
    const binding = loadBinding().binding!;
    const { bytes } = binding.memory(0);
    for (let i = 0; i < 3; i++) {
      const model = mlp({ device: 'cuda' });
      await model.fit(clusters(32), { epochs: 1 });
      const during = binding.memory(0).bytes;
      model.dispose();
      expect(binding.memory(0).bytes).toBeLessThan(during); // at once; other tests' models go when they are collected
    }
    expect(binding.memory(0).bytes).toBeLessThanOrEqual(bytes + 1e6); // scratch stays
  });

  test('storages of another device are refused', () => {
    const [cuda, cpu] = [createCudaBackend(), createCpuBackend()];
    const regions = [{ name: 'x', dtype: 'real' as const }];
    const plan = {
      name: 'p',
      precision: 'float32' as const,
      maxBatch: 1,
      calls: [],
      buffers: [],
      regions,
      slots: [],
      arenaBytes: 0,
    };
    const loaded = cuda.load(plan);
    const request = { batch: 1, rows: 0, slots: new Float64Array() };
    expect(() => loaded.run({ ...request, regions: [cpu.allocate('real', 1)] })).toThrow(/a storage of cuda:0/);
    loaded.dispose();
  });
});
