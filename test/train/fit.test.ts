import { describe, expect, test } from 'vitest';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import { softmax } from '../../lib/layers/softmax.js';
import { adam } from '../../lib/optimizers/adam.js';
import { inverseTime } from '../../lib/optimizers/schedules.js';
import { sgd } from '../../lib/optimizers/sgd.js';
import { sequential } from '../../lib/train/model.js';
import type { FitOptions } from '../../lib/train/options.js';
import type { BatchRecord, EpochRecord, Progress } from '../../lib/train/records.js';
import { clusters, convnet, hasCpu, mlp, xor } from './tiny.js';

const losses = (epochs: readonly EpochRecord[]) => epochs.map((e) => e.trainLoss);

const devices = hasCpu() ? (['reference', 'cpu'] as const) : (['reference'] as const);

describe('fit', () => {
  test.each(['softmaxCrossEntropy', 'squaredError', 'hinge', 'logistic'] as const)(
    'learns xor with %s',
    async (loss) => {
      const model = sequential({ inputShape: [2], seed: 3, device: 'reference' }, [
        dense({ units: 8, activation: 'tanh' }),
        dense({ units: 2 }),
      ]);
      const { epochs } = await model.fit(xor, {
        epochs: 60,
        batchSize: 4,
        loss,
        optimizer: adam({ learningRate: 0.05 }),
      });
      expect(epochs).toHaveLength(60);
      expect(epochs.at(-1)!.trainLoss).toBeLessThan(0.3 * epochs[0]!.trainLoss);
      expect(epochs.at(-1)!.trainAccuracy).toBe(1);
      expect(await model.predictClasses(xor.x)).toEqual(Int32Array.from(xor.y));
    },
  );

  test.each([[[0, 1, 1, 0]], [[-1, 1, 1, -1]], [Float32Array.from([-1, 1, 1, -1])], [[[-1], [1], [1], [-1]]]])(
    'takes two classes with one output: %j',
    async (y) => {
      const model = sequential({ inputShape: [2], seed: 3, device: 'reference' }, [
        dense({ units: 8, activation: 'tanh' }),
        dense({ units: 1 }),
      ]);
      const optimizer = adam({ learningRate: 0.15 });
      const { epochs } = await model.fit({ x: xor.x, y }, { epochs: 30, batchSize: 4, loss: 'logistic', optimizer });
      expect(epochs.at(-1)!.trainAccuracy).toBe(1);
      expect([...(await model.predictClasses(xor.x))]).toEqual([0, 1, 1, 0]);
    },
  );

  test.each(devices)(
    'clipNorm on %s: a longer gradient is taken at that length, a shorter one as it is',
    async (device) => {
      /** How far one step of rate 1 goes. */
      const step = async (options: FitOptions) => {
        const model = convnet({ device });
        const before = model.weights();
        await model.fit(clusters(8, 64), { ...options, batchSize: 8, optimizer: sgd({ learningRate: 1 }) });
        return model.weights().flatMap(({ values }, i) => Array.from(values, (v, j) => v - before[i]!.values[j]!));
      };
      const length = (v: number[]) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
      const whole = await step({});
      const limit = length(whole) / 5;
      const clipped = await step({ clipNorm: limit });
      expect(length(clipped)).toBeCloseTo(limit, 6);
      for (const [i, v] of whole.entries()) expect(clipped[i]).toBeCloseTo(v / 5, 6);
      expect(await step({ clipNorm: 6 * limit })).toEqual(whole);
      // The regulariser's part is not clipped: without a gradient that counts it is all there is.
      const shrunk = await step({ clipNorm: 1e-12, C: 4 });
      const [weights] = convnet({ device }).weights();
      for (const [i, w] of weights!.values.entries()) expect(shrunk[i]).toBeCloseTo(-w / 4, 6);
    },
  );

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1'])('refuses clipNorm %s', async (clipNorm) => {
    await expect(mlp().fit(xor, { clipNorm: clipNorm as number })).rejects.toThrow(/fit: .*clipNorm/);
  });

  test('does regression on numbers, without an accuracy', async () => {
    const x = Float32Array.from({ length: 16 }, (_, i) => i / 8 - 1);
    const y = x.map((v) => 3 * v - 0.5);
    const model = sequential({ inputShape: [1], device: 'reference' }, [dense({ units: 1 })]);
    const { epochs } = await model.fit(
      { x, y },
      { epochs: 60, batchSize: 8, loss: 'squaredError', optimizer: sgd({ learningRate: 0.1 }) },
    );
    expect(epochs.at(-1)!.trainLoss).toBeLessThan(1e-6);
    expect(epochs.at(-1)).not.toHaveProperty('trainAccuracy');
    const [weights, bias] = model.weights();
    expect(weights!.values[0]).toBeCloseTo(3, 2);
    expect(bias!.values[0]).toBeCloseTo(-0.5, 2);
  });

  test('makes one plain gradient step as worked out by hand', async () => {
    // z = w x + b, loss (z - t)^2: dw = 2 (z - t) x, db = 2 (z - t), means over the batch; and theta/C beside it.
    const model = sequential({ inputShape: [1], device: 'reference', precision: 'float64' }, [dense({ units: 1 })]);
    model.setWeights([
      { name: 'dense_1.weights', values: Float64Array.of(2) },
      { name: 'dense_1.bias', values: Float64Array.of(1) },
    ]);
    const data = { x: [1, 3], y: [0, 10.5] };
    const options = { batchSize: 2, C: 4, loss: 'squaredError', optimizer: sgd({ learningRate: 0.1 }) } as const;
    const { epochs } = await model.fit(data, options);
    // z = 3, 7; z - t = 3, -3.5. loss = (9 + 12.25) / 2; dw = (6 - 21) / 2 + 2/4; db = (6 - 7) / 2 + 1/4.
    expect(epochs[0]!.trainLoss).toBeCloseTo(10.625, 12);
    const [w, b] = model.weights().map(({ values }) => values[0]!);
    expect(w).toBeCloseTo(2 - 0.1 * -7, 12);
    expect(b).toBeCloseTo(1 - 0.1 * -0.25, 12);
    expect(epochs[0]!.objective).toBeCloseTo(10.625 + (w! ** 2 + b! ** 2) / 8, 12);
  });

  test('gives the same weights with a last softmax layer as without', async () => {
    const data = clusters(20);
    const run = async (last: boolean) => {
      const layers = [dense({ units: 3 }), ...(last ? [softmax()] : [])];
      const model = sequential({ inputShape: [4], seed: 2, device: 'reference' }, layers);
      await model.fit(data, { epochs: 2, batchSize: 8 });
      return model.weights();
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test('repeats itself with the same seed, and not with another', async () => {
    const data = clusters(24);
    const run = async (seed: number, options: FitOptions = {}) =>
      losses((await convnetOn(seed).fit(images(24), { epochs: 2, batchSize: 8, ...options })).epochs);
    const convnetOn = (seed: number) => convnet({ seed });
    const images = (rows: number) => ({ x: clusters(rows, 64).x, y: data.y });
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
    expect(await run(1, { seed: 5 })).not.toEqual(first);
    expect(await run(1, { shuffle: false })).not.toEqual(first);
  });

  test('goes on where the last fit ended: two fits are one', async () => {
    const data = clusters(40);
    const model = () =>
      sequential({ inputShape: [4], seed: 1, device: 'reference' }, [
        dense({ units: 8, activation: 'relu' }),
        dropout({ rate: 0.3 }),
        dense({ units: 3 }),
      ]);
    const [one, two] = [model(), model()];
    const options = { batchSize: 16, optimizer: 'momentum' } as const;
    const whole = await one.fit(data, { ...options, epochs: 4 });
    const parts = [await two.fit(data, { ...options, epochs: 1 }), await two.fit(data, { ...options, epochs: 3 })];
    expect(losses(parts.flatMap((p) => p.epochs))).toEqual(losses(whole.epochs));
    expect(two.weights()).toEqual(one.weights());
  });

  test('draws new dropout at each step', async () => {
    const model = sequential({ inputShape: [4], seed: 1, device: 'reference' }, [
      dropout({ rate: 0.5 }),
      dense({ units: 3 }),
    ]);
    const options = { batchSize: 4, epochs: 6, shuffle: false, optimizer: sgd({ learningRate: 0 }) };
    const { epochs } = await model.fit(clusters(4), options);
    const more = await model.fit(clusters(4), options);
    expect(new Set(losses([...epochs, ...more.epochs])).size).toBeGreaterThan(9);
  });

  test('starts the state of another optimizer anew', async () => {
    const data = clusters(8);
    const rates: number[] = [];
    const onEpochEnd = ({ learningRate }: EpochRecord) => rates.push(learningRate);
    const model = mlp();
    const make = () => sgd({ learningRate: inverseTime(1, 1) });
    const optimizer = make();
    await model.fit(data, { epochs: 2, batchSize: 8, optimizer, onEpochEnd });
    await model.fit(data, { epochs: 1, batchSize: 8, optimizer, onEpochEnd });
    await model.fit(data, { epochs: 1, batchSize: 8, optimizer: make(), onEpochEnd });
    expect(rates).toEqual([1, 1 / 2, 1 / 3, 1]);
  });

  test('takes a smaller last batch, or leaves it out', async () => {
    const data = clusters(10);
    const batches: BatchRecord[] = [];
    const onBatchEnd = (record: BatchRecord) => batches.push(record);
    const { epochs } = await mlp().fit(data, { batchSize: 4, onBatchEnd });
    expect(epochs[0]!.steps).toBe(3);
    const mean = (4 * batches[0]!.loss + 4 * batches[1]!.loss + 2 * batches[2]!.loss) / 10;
    expect(epochs[0]!.trainLoss).toBeCloseTo(mean, 12);
    expect(batches.map((b) => [b.epoch, b.step])).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
    expect((await mlp().fit(data, { batchSize: 4, dropRemainder: true })).epochs[0]!.steps).toBe(2);
    expect((await mlp().fit(data, { batchSize: 100 })).epochs[0]!.steps).toBe(1);
  });

  test('gives a loss of a batch whatever the batch size: means of rows', async () => {
    const data = clusters(12);
    const still = { optimizer: sgd({ learningRate: 0 }) };
    const reference = await mlp().evaluate(data);
    for (const batchSize of [1, 5, 12]) {
      const { epochs } = await mlp().fit(data, { ...still, batchSize });
      expect(epochs[0]!.trainLoss).toBeCloseTo(reference.loss, 5);
      expect(epochs[0]!.trainAccuracy).toBeCloseTo(reference.accuracy!, 12);
    }
  });

  test('evaluates validation data after each epoch', async () => {
    const model = mlp();
    const test = clusters(30, 4, 9);
    const { epochs } = await model.fit(clusters(60), { epochs: 2, validationData: test });
    const after = await model.evaluate(test);
    expect(epochs[1]!.testLoss).toBe(after.loss);
    expect(epochs[1]!.testAccuracy).toBe(after.accuracy);
    expect(epochs[0]!.testLoss).not.toBe(after.loss);
  });

  test('keeps the last part of the data for validation', async () => {
    const { x, y } = clusters(20);
    const options = { shuffle: false, batchSize: 5 };
    const split = await mlp().fit({ x, y }, { ...options, validationSplit: 0.25 });
    const train = { x: x.subarray(0, 60), y: y.subarray(0, 15) };
    const held = { x: x.subarray(60), y: y.subarray(15) };
    const apart = await mlp().fit(train, { ...options, validationData: held });
    expect(split.epochs[0]!.steps).toBe(3);
    expect(split.epochs[0]!.trainLoss).toBe(apart.epochs[0]!.trainLoss);
    expect(split.epochs[0]!.testLoss).toBe(apart.epochs[0]!.testLoss);
  });

  test('sees pixels as value / 255', async () => {
    const y = Int32Array.of(0, 1, 2);
    const bytes = Uint8Array.from({ length: 12 }, (_, i) => i * 20);
    const reals = Float32Array.from(bytes, (v) => v * Math.fround(1 / 255));
    const [a, b] = [mlp(), mlp()];
    const options = { epochs: 3, batchSize: 2 };
    const [pixels, numbers] = [await a.fit({ x: bytes, y }, options), await b.fit({ x: reals, y }, options)];
    expect(pixels.epochs.at(-1)!.trainLoss).toBeCloseTo(numbers.epochs.at(-1)!.trainLoss, 6);
    const [p, q] = [await a.predict(bytes), await b.predict(reals)];
    for (let i = 0; i < 9; i++) expect(p[i]).toBeCloseTo(q[i]!, 5);
  });

  test('tells a NaN loss as it is', async () => {
    const x = Float32Array.from([Number.NaN, 0, 0, 0]);
    const { epochs } = await mlp().fit({ x, y: [0] });
    expect(epochs[0]!.trainLoss).toBeNaN();
    expect(epochs[0]!.trainAccuracy).toBe(0);
  });

  test('computes no accuracy where the metrics leave it out', async () => {
    const { epochs } = await mlp().fit(clusters(8), { metrics: ['loss'], validationData: clusters(8) });
    expect(epochs[0]).not.toHaveProperty('trainAccuracy');
    expect(epochs[0]).not.toHaveProperty('testAccuracy');
    expect(epochs[0]!.testLoss).toBeGreaterThan(0);
  });

  test('tells its progress, the end of each epoch included', async () => {
    const told: Progress[] = [];
    await mlp().fit(clusters(64), { epochs: 2, batchSize: 4, onProgress: (p) => told.push(p) });
    const ends = told.filter((p) => p.step === p.steps);
    expect(ends.map((p) => [p.epoch, p.epochs, p.steps])).toEqual([
      [1, 2, 16],
      [2, 2, 16],
    ]);
    expect(told.every((p) => p.loss > 0)).toBe(true);
  });

  test('counts images a second over its seconds', async () => {
    const { epochs, stopped } = await mlp().fit(clusters(30), { batchSize: 8 });
    const { seconds, imagesPerSecond } = epochs[0]!;
    expect(seconds).toBeGreaterThan(0);
    expect(imagesPerSecond * seconds).toBeCloseTo(30, 6);
    expect(stopped).toBe(false);
  });
});
