/** Updates by several batches: those of one batch of all their rows, up to rounding. */
import { describe, expect, test } from 'vitest';
import { schedules } from '../../lib/index.js';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import type { OptimizerName } from '../../lib/optimizers/optimizer.js';
import { optimizerFrom, optimizerNames } from '../../lib/optimizers/registry.js';
import { type Model, sequential } from '../../lib/train/model.js';
import type { FitOptions } from '../../lib/train/options.js';
import { clusters, convnet, hasCpu, mlp } from './tiny.js';

const data = clusters(46);
const values = (model: Model) => model.weights().flatMap(({ values }) => [...values]);

function expectClose(a: Model, b: Model, digits: number): void {
  const wanted = values(b);
  for (const [i, v] of values(a).entries()) expect(v).toBeCloseTo(wanted[i]!, digits);
}

describe('with k batches an update', () => {
  test.each(optimizerNames)('%s steps as with batches k times as large', async (name: OptimizerName) => {
    const [whole, parts] = [mlp({ precision: 'float64' }), mlp({ precision: 'float64' })];
    const optimizer = () =>
      optimizerFrom(name, { learningRate: schedules.cosine(0.05, { steps: 12, warmup: 2 }), weightDecay: 0.01 });
    const options: FitOptions = { epochs: 3, C: 20, clipNorm: 0.4 };
    // 46 rows: an epoch has updates of 15, 15, 15 and 1 row, or of 3, 3, 3 and 1 batches.
    const one = await whole.fit(data, { ...options, optimizer: optimizer(), batchSize: 15 });
    const other = await parts.fit(data, { ...options, optimizer: optimizer(), batchSize: 5, accumulate: 3 });
    expectClose(parts, whole, 10);
    for (const [i, { trainLoss, learningRate, steps }] of other.epochs.entries()) {
      expect(trainLoss).toBeCloseTo(one.epochs[i]!.trainLoss, 10);
      expect([learningRate, steps]).toEqual([one.epochs[i]!.learningRate, 10]);
    }
  });

  test('rows count the same in batches of different sizes, in streams too', async () => {
    const part = (begin: number, end: number) => ({
      ...{ x: data.x.subarray(4 * begin, 4 * end), y: data.y.subarray(begin, end) },
    });
    const [whole, parts] = [mlp({ precision: 'float64' }), mlp({ precision: 'float64' })];
    await whole.fit([part(0, 14), part(14, 20)], { epochs: 2 });
    await parts.fit([part(0, 9), part(9, 10), part(10, 14), part(14, 20)], { epochs: 2, accumulate: 3 });
    expectClose(parts, whole, 12);
  });

  test('what stop() leaves is not taken up by the next fit', async () => {
    const [stopped, plain] = [mlp(), mlp()];
    const options: FitOptions = { batchSize: 4, accumulate: 4, optimizer: 'sgd' };
    const onBatchEnd = ({ step }: { step: number }) => step === 2 && run.stop();
    const run = stopped.fit(data, { ...options, onBatchEnd });
    expect((await run).epochs[0]!.steps).toBe(2);
    expect(stopped.weights()).toEqual(plain.weights());
    await stopped.fit(data, { ...options, shuffle: false });
    await plain.fit(data, { ...options, shuffle: false });
    expect(stopped.weights()).toEqual(plain.weights());
  });

  test('each batch has random numbers of its own', async () => {
    const net = () =>
      sequential({ inputShape: [4], seed: 1, device: 'reference' }, [dropout({ rate: 0.5 }), dense({ units: 3 })]);
    const same = { x: new Float32Array(16).fill(1), y: new Int32Array(4) };
    const losses: number[] = [];
    const onBatchEnd = ({ loss }: { loss: number }) => losses.push(loss);
    await net().fit(same, { batchSize: 1, accumulate: 4, onBatchEnd });
    expect(new Set(losses).size).toBeGreaterThan(1);
  });

  test('is profiled as a whole', async () => {
    const { profile } = await mlp().fit(data, { batchSize: 10, accumulate: 3, profile: () => {} });
    const kernels = profile!.kernels().map(({ kernel, calls }) => [kernel, calls]);
    expect(kernels).toContainEqual(['adam_step', 2]);
  });

  test.each([0, 1.5, '2'])('not %j', async (accumulate) => {
    await expect(mlp().fit(data, { accumulate: accumulate as never })).rejects.toThrow(
      'expected a positive integer for accumulate',
    );
  });
});

describe.skipIf(!hasCpu())('on the cpu', () => {
  const images = { x: clusters(160, 64).x, y: clusters(160, 4).y };

  test.each(['sgd', 'adam'] as const)('%s steps as on the reference, whatever the threads', async (optimizer) => {
    const options: FitOptions = { epochs: 2, batchSize: 9, accumulate: 4, optimizer, C: 50, clipNorm: 1 };
    const models = [convnet(), convnet({ device: 'cpu', threads: 1 }), convnet({ device: 'cpu', threads: 2 })];
    const losses = [];
    for (const model of models) losses.push((await model.fit(images, options)).epochs.map((e) => e.trainLoss));
    for (const [i, loss] of losses[1]!.entries()) expect(loss).toBeCloseTo(losses[0]![i]!, 4);
    expect(losses[2]).toEqual(losses[1]);
    expect(models[2]!.weights()).toEqual(models[1]!.weights());
    const whole = convnet({ device: 'cpu' });
    await whole.fit(images, { ...options, batchSize: 36, accumulate: 1 });
    expectClose(models[1]!, whole, 3);
  });
});
