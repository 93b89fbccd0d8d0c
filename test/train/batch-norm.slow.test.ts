/** Batch normalization in training: its running statistics are state of the model that steps move and nothing else touches. */
import { describe, expect, test } from 'vitest';
import { batchNorm } from '../../lib/layers/batch-norm.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import { type Model, type SequentialOptions, sequential } from '../../lib/train/model.js';
import type { FitOptions } from '../../lib/train/options.js';
import { clusters, hasCpu } from './tiny.js';

function net(options: Partial<SequentialOptions> = {}): Model {
  return sequential({ inputShape: [8, 8, 1], seed: 1, device: 'reference', ...options }, [
    conv2d({ filters: 5, kernelSize: 3, padding: 1, useBias: false }),
    batchNorm({ activation: 'relu' }),
    maxPool2d({ poolSize: 2 }),
    flatten(),
    dense({ units: 6 }),
    batchNorm(),
    dense({ units: 3 }),
  ]);
}
/** One batch normalization and no more: its output is the loss's. */
const bare = (options = {}, more: Partial<SequentialOptions> = {}) =>
  sequential({ inputShape: [2], device: 'reference', precision: 'float64', ...more }, [batchNorm(options)]);
const images = { x: clusters(160, 64).x, y: clusters(160, 4).y };
const few = { x: images.x.subarray(0, 40 * 64), y: images.y.subarray(0, 40) };
const values = (model: Model, name: string) => model.weights().find((w) => w.name === name)!.values;
const x = [
  [1, 10],
  [2, 10],
  [6, 10],
];
const y = [
  [0, 0],
  [0, 0],
  [0, 0],
];
const once: FitOptions = { epochs: 1, batchSize: 3, loss: 'squaredError', optimizer: 'sgd', shuffle: false };

async function losses(model: Model, options: FitOptions = {}, data = images): Promise<number[]> {
  const seen: number[] = [];
  for await (const r of model.fit(data, { epochs: 2, batchSize: 16, every: 'batch', ...options }))
    if (r.kind === 'batch') seen.push(r.loss);
  return seen;
}

describe('running statistics', () => {
  test('are weights with names, and no trainable values', () => {
    const model = net();
    expect(model.weights().map(({ name, shape }) => [name, shape])).toEqual([
      ['conv2d_1.weights', [3, 3, 1, 5]],
      ['batchNorm_1.scale', [5]],
      ['batchNorm_1.shift', [5]],
      ['batchNorm_1.runningMean', [5]],
      ['batchNorm_1.runningVariance', [5]],
      ['dense_1.weights', [80, 6]],
      ['dense_1.bias', [6]],
      ['batchNorm_2.scale', [6]],
      ['batchNorm_2.shift', [6]],
      ['batchNorm_2.runningMean', [6]],
      ['batchNorm_2.runningVariance', [6]],
      ['dense_2.weights', [6, 3]],
      ['dense_2.bias', [3]],
    ]);
    expect(model.parameterCount).toBe(45 + 10 + 486 + 12 + 21);
    expect(model.summary()).toMatch(
      /batchNorm_1 .* 10 {2}scale \[5\], shift \[5\], runningMean \[5\], runningVariance \[5\]/,
    );
    expect([...values(model, 'batchNorm_1.runningMean')]).toEqual([0, 0, 0, 0, 0]);
    expect([...values(model, 'batchNorm_1.runningVariance')]).toEqual([1, 1, 1, 1, 1]);
  });

  test('move by (1 - momentum) towards mean and unbiased variance of the batch, at each step', async () => {
    const model = bare({ momentum: 0.75 });
    await model.fit({ x, y }, once);
    // Channel 1: mean 3, variance (4 + 1 + 9) / 2 = 7; channel 2: mean 10, variance 0.
    expect([...values(model, 'batchNorm_1.runningMean')]).toEqual([0.75, 2.5]);
    expect([...values(model, 'batchNorm_1.runningVariance')]).toEqual([0.75 + 0.25 * 7, 0.75]);
    await model.fit({ x, y }, { ...once, epochs: 2 });
    expect(values(model, 'batchNorm_1.runningMean')[0]).toBeCloseTo(3 * (1 - 0.75 ** 3), 12);
  });

  test('are what evaluate and predict normalize by', async () => {
    const model = bare({ epsilon: 1e-3 });
    await model.fit({ x, y }, { ...once, epochs: 5 });
    const [scale, shift, mean, variance] = model.weights().map((w) => w.values);
    expect(mean![0]).toBeCloseTo(3 * (1 - 0.9 ** 5), 12);
    const wanted = x.flatMap((row) =>
      row.map((v, j) => ((v - mean![j]!) / Math.sqrt(variance![j]! + 1e-3)) * scale![j]! + shift![j]!),
    );
    for (const batchSize of [1, 3]) {
      const out = await model.predict(x, { batchSize });
      for (const [i, v] of wanted.entries()) expect(out[i]).toBeCloseTo(v, 10);
    }
    const { loss } = await model.evaluate({ x, y });
    expect((await model.evaluate({ x, y }, { batchSize: 1 })).loss).toBeCloseTo(loss, 12);
    model.setWeights([{ name: 'batchNorm_1.runningMean', values: Float64Array.of(100, 100) }]);
    expect((await model.predict(x))[0]).not.toBeCloseTo(wanted[0]!, 1);
  });

  test('are left alone by optimizer, decay, regulariser and evaluation', async () => {
    const run = async (options: FitOptions) => {
      const model = bare();
      await model.fit({ x, y }, { ...once, epochs: 3, ...options });
      await model.evaluate({ x, y });
      return ['Mean', 'Variance'].map((s) => [...values(model, `batchNorm_1.running${s}`)]);
    };
    const plain = await run({});
    for (const options of [{ optimizer: 'adamw' }, { optimizer: 'momentum', C: 0.01 }, { C: 1e-3 }] as const)
      expect(await run(options)).toEqual(plain);
    const model = bare();
    model.setWeights([{ name: 'batchNorm_1.runningMean', values: Float64Array.of(1e3, 1e3) }]);
    const { epochs } = await model.fit({ x, y }, { ...once, C: 10 });
    // theta'theta / (2 C) of scale and shift alone: 0.1 or less, where the means would make it 1e5.
    expect(epochs[0]!.objective! - epochs[0]!.trainLoss).toBeLessThan(1);
    expect(epochs[0]!.objective! - epochs[0]!.trainLoss).toBeGreaterThan(0);
  });

  test('carry a model over by weights() and setWeights()', async () => {
    const [a, b] = [net(), net({ seed: 2 })];
    await a.fit(few, { epochs: 1, batchSize: 16 });
    b.setWeights(a.weights());
    expect(await b.predict(few.x)).toEqual(await a.predict(few.x));
  });
});

test('learns', async () => {
  const model = net({ device: hasCpu() ? 'cpu' : 'reference' });
  await model.fit(images, { epochs: 8, batchSize: 16 });
  expect((await model.evaluate(images)).accuracy).toBeGreaterThan(0.9);
});

describe.each(['reference', 'cpu'] as const)('no NaN on %s', (device) => {
  const skip = device === 'cpu' && !hasCpu();
  test.skipIf(skip)('from a batch of one row, nor from inputs that are all the same', async () => {
    const model = sequential({ inputShape: [4], device, seed: 1 }, [
      batchNorm({ activation: 'relu' }),
      dense({ units: 3 }),
      batchNorm(),
    ]);
    const { epochs } = await model.fit(clusters(5), { epochs: 2, batchSize: 1 });
    expect(epochs[1]!.trainLoss).toBeLessThan(Number.POSITIVE_INFINITY);
    expect([...values(model, 'batchNorm_1.runningVariance')]).toEqual([1, 1, 1, 1]);
    const constant = { x: new Float32Array(64).fill(1e6), y: new Int32Array(16) };
    const { epochs: after } = await model.fit(constant, { epochs: 2, batchSize: 8 });
    expect(after[1]!.trainLoss).toBeLessThan(Number.POSITIVE_INFINITY);
    for (const { values } of model.weights()) expect(values.every(Number.isFinite)).toBe(true);
    expect((await model.predict(constant.x)).every(Number.isFinite)).toBe(true);
  });
});

describe.skipIf(!hasCpu())('on the cpu', () => {
  test.each(['sgd', 'adam'] as const)('15 steps of %s are those of the reference', async (optimizer) => {
    const [reference, cpu] = [net(), net({ device: 'cpu' })];
    const wanted = await losses(reference, { optimizer, C: 100, epochs: 5 }, few);
    const seen = await losses(cpu, { optimizer, C: 100, epochs: 5 }, few);
    expect(seen).toHaveLength(15);
    for (const [i, loss] of seen.entries()) expect(Math.abs(loss / wanted[i]! - 1)).toBeLessThan(1e-3);
    for (const [i, { name, values }] of cpu.weights().entries())
      if (name.includes('running'))
        for (const [j, v] of values.entries())
          expect(v, `${name}[${j}]`).toBeCloseTo(reference.weights()[i]!.values[j]!, 3);
  });

  test('sums in the convolutions: steps are those of the reference, bit-equal on one, two and three threads', async () => {
    const deep = (options: Partial<SequentialOptions>) =>
      sequential({ inputShape: [8, 8, 1], seed: 1, ...options }, [
        ...[1, 2].flatMap(() => [
          conv2d({ filters: 16, kernelSize: 3, padding: 1, useBias: false }),
          batchNorm({ activation: 'relu' }),
        ]),
        flatten(),
        dense({ units: 3 }),
      ]);
    const one = deep({ device: 'cpu', threads: 1 });
    expect(
      one
        .plan({ training: true })
        .toString()
        .match(/moments/g)!.length,
    ).toBeGreaterThanOrEqual(4);
    const data = { x: few.x.subarray(0, 12 * 64), y: few.y.subarray(0, 12) };
    const batch = { batchSize: 8 }; // and one of 4
    const seen = await losses(one, batch, data);
    const wanted = await losses(deep({ device: 'reference' }), batch, data);
    for (const [i, loss] of seen.entries()) expect(Math.abs(loss / wanted[i]! - 1)).toBeLessThan(1e-3);
    for (const threads of [2, 3]) {
      const more = deep({ device: 'cpu', threads });
      expect(await losses(more, batch, data)).toEqual(seen);
      expect(more.weights()).toEqual(one.weights());
    }
  });

  test('one and two threads give bit-equal losses and weights, of batches that are not whole too', async () => {
    const [a, b] = [net({ device: 'cpu', threads: 1 }), net({ device: 'cpu', threads: 2 })];
    expect(await losses(b, { batchSize: 37 })).toEqual(await losses(a, { batchSize: 37 }));
    expect(b.weights()).toEqual(a.weights());
    expect(await b.predict(images.x, { batchSize: 5 })).toEqual(await a.predict(images.x));
  });
});

test('relu joins the normalization, forward and backward', () => {
  const kernelsOf = (training: boolean) =>
    net()
      .plan({ training })
      .plan.calls.map(({ kernel }) => kernel);
  expect(kernelsOf(true).filter((k) => k.startsWith('batch_norm'))).toEqual([
    'batch_norm_forward',
    'batch_norm_average',
    'batch_norm_forward',
    'batch_norm_average',
    'batch_norm_backward',
    'batch_norm_backward',
  ]);
  expect(kernelsOf(true)).not.toContain('relu_forward');
  expect(kernelsOf(false)).not.toContain('relu_forward');
});
