/** Weights of rows and of classes: sum_i w_i loss_i / sum_i w_i, in training, evaluation and whole-data methods, on every device. */
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../lib/data/dataset.js';
import { dense } from '../../lib/layers/dense.js';
import { sgd } from '../../lib/optimizers/sgd.js';
import { type Model, type SequentialOptions, sequential } from '../../lib/train/model.js';
import type { FitOptions } from '../../lib/train/options.js';
import { clusters, hasCpu, mlp } from './tiny.js';

const rows = 12;
const data = clusters(rows);
const sampleWeights = Float64Array.from({ length: rows }, (_, i) => [0, 1, 2.5, 0.3][i % 4]! * 1e3);
const weighted: Dataset = { ...data, sampleWeights };

function net(options: Partial<SequentialOptions> = {}): Model {
  return sequential({ inputShape: [4], seed: 3, device: 'reference', precision: 'float64', ...options }, [
    dense({ units: 5, activation: 'tanh' }),
    dense({ units: 3 }),
  ]);
}

type Name = 'softmaxCrossEntropy' | 'squaredError' | 'squaredHinge' | 'logistic';

/** The loss of a row of scores, by its formula. */
function lossOf(name: Name, scores: readonly number[], label: number): number {
  if (name === 'softmaxCrossEntropy') return Math.log(scores.reduce((sum, z) => sum + Math.exp(z), 0)) - scores[label]!;
  return scores.reduce((sum, z, k) => {
    const sign = k === label ? 1 : -1;
    if (name === 'squaredError') return sum + (z - (k === label ? 1 : 0)) ** 2;
    return sum + (name === 'squaredHinge' ? Math.max(0, 1 - sign * z) ** 2 : Math.log1p(Math.exp(-sign * z)));
  }, 0);
}

/** sum_i w_i loss_i / sum_i w_i, from the network's outputs. */
async function byHand(model: Model, name: Name, weights: ArrayLike<number>): Promise<number> {
  const outputs = await model.predict(data.x);
  let [sum, total] = [0, 0];
  for (let i = 0; i < rows; i++) {
    sum += weights[i]! * lossOf(name, [...outputs.subarray(3 * i, 3 * i + 3)], data.y[i]!);
    total += weights[i]!;
  }
  return sum / total;
}

/** The gradient that one full step of sgd with learning rate 1 took. */
async function gradientOf(model: Model, set: Dataset, options: FitOptions): Promise<number[]> {
  const before = model.weights().flatMap(({ values }) => [...values]);
  const optimizer = sgd({ learningRate: 1 });
  await model.fit(set, { batchSize: rows, optimizer, ...options });
  return model
    .weights()
    .flatMap(({ values }) => [...values])
    .map((v, i) => before[i]! - v);
}

describe.each(['softmaxCrossEntropy', 'squaredError', 'squaredHinge', 'logistic'] as const)('with %s', (loss) => {
  test('the loss is the weighted mean, and the gradient is its derivative', async () => {
    const model = net();
    const wanted = await byHand(model, loss, sampleWeights);
    expect((await model.evaluate(weighted, { loss })).loss).toBeCloseTo(wanted, 12);
    const numeric: number[] = [];
    const h = 1e-5;
    for (const { name, values } of model.weights())
      for (let i = 0; i < values.length; i++) {
        const at = async (step: number) => {
          const moved = values.slice();
          moved[i]! += step;
          model.setWeights([{ name, values: moved }]);
          return byHand(model, loss, sampleWeights);
        };
        numeric.push(((await at(h)) - (await at(-h))) / (2 * h));
        model.setWeights([{ name, values }]);
      }
    const gradient = await gradientOf(net(), weighted, { loss });
    expect(gradient).toHaveLength(numeric.length);
    for (const [i, g] of gradient.entries()) expect(g).toBeCloseTo(numeric[i]!, 7);
  });
});

describe('weights', () => {
  test('count as copies of rows would', async () => {
    const copies = Array.from({ length: rows }, (_, i) => i % 3);
    const of = copies.flatMap((count, i) => new Array<number>(count).fill(i));
    const copied = { x: of.map((i) => data.x.subarray(4 * i, 4 * i + 4)), y: of.map((i) => data.y[i]!) };
    const [a, b] = [net(), net()];
    const options = { epochs: 5, batchSize: 12, shuffle: false, C: 3 };
    const one = await a.fit({ ...data, sampleWeights: copies }, options);
    const other = await b.fit(copied, { ...options, batchSize: of.length });
    for (const [i, { trainLoss, objective }] of one.epochs.entries()) {
      expect(trainLoss).toBeCloseTo(other.epochs[i]!.trainLoss, 12);
      expect(objective).toBeCloseTo(other.epochs[i]!.objective!, 12);
    }
    for (const [i, { values }] of a.weights().entries())
      for (const [j, v] of values.entries()) expect(v).toBeCloseTo(b.weights()[i]!.values[j]!, 10);
  });

  test('that are all the same change no bit', async () => {
    const [plain, same] = [mlp(), mlp()];
    await plain.fit(data, { epochs: 3, batchSize: 5 });
    await same.fit({ ...data, sampleWeights: new Array(rows).fill(0.3) }, { epochs: 3, batchSize: 5 });
    expect(same.weights()).toEqual(plain.weights());
  });

  test('of batches add up to the weighted mean of the epoch', async () => {
    const model = net();
    const wanted = await byHand(model, 'softmaxCrossEntropy', sampleWeights);
    const still = sgd({ learningRate: 0 });
    const { epochs } = await model.fit(weighted, { batchSize: 5, optimizer: still, validationData: weighted });
    expect(epochs[0]!.trainLoss).toBeCloseTo(wanted, 12);
    expect(epochs[0]!.testLoss).toBeCloseTo(wanted, 12);
    expect(epochs[0]!.trainAccuracy).toBe((await model.evaluate(data)).accuracy);
  });

  test('of a stream are relative to their batch', async () => {
    const weights = [1, 3];
    const part = (first: number, sampleWeights: number[]) => ({
      ...{ x: data.x.subarray(4 * first, 4 * first + 8), y: data.y.subarray(first, first + 2), sampleWeights },
    });
    const model = net();
    const still = sgd({ learningRate: 0 });
    const { epochs } = await model.fit([part(0, weights), part(2, [20, 20])], { optimizer: still });
    const each = await Promise.all(
      [0, 1, 2, 3].map((i) => model.evaluate({ x: data.x.subarray(4 * i, 4 * i + 4), y: data.y.subarray(i, i + 1) })),
    );
    const [a, b, c, d] = each.map(({ loss }) => loss) as [number, number, number, number];
    expect(epochs[0]!.trainLoss).toBeCloseTo(((a + 3 * b) / 4 + (c + d) / 2) / 2, 12);
  });

  test('go with the rows that validationSplit keeps', async () => {
    const model = net();
    const still = sgd({ learningRate: 0 });
    const { epochs } = await model.fit(weighted, { optimizer: still, validationSplit: 0.5 });
    const half = (from: number) => sampleWeights.map((w, i) => (i < from || i >= from + 6 ? 0 : w));
    expect(epochs[0]!.trainLoss).toBeCloseTo(await byHand(model, 'softmaxCrossEntropy', half(0)), 12);
    expect(epochs[0]!.testLoss).toBeCloseTo(await byHand(model, 'softmaxCrossEntropy', half(6)), 12);
  });

  test.each(['newton-cg', 'lbfgs', 'gradient-descent'] as const)('are those of %s too', async (method) => {
    const copies = Array.from({ length: rows }, (_, i) => i % 3);
    const of = copies.flatMap((count, i) => new Array<number>(count).fill(i));
    const copied = { x: of.map((i) => data.x.subarray(4 * i, 4 * i + 4)), y: of.map((i) => data.y[i]!) };
    const all = (count: number) => (method === 'newton-cg' ? { sampleSize: count } : {});
    const options = { method, C: 1, iterations: 3, tolerance: 0 } as const;
    const one = await net().minimize({ ...data, sampleWeights: copies }, { ...options, ...all(rows), batchSize: 5 });
    const other = await net().minimize(copied, { ...options, ...all(of.length) });
    for (const [i, { objective, gradientNorm }] of one.iterations.entries()) {
      expect(objective).toBeCloseTo(other.iterations[i]!.objective, 7);
      expect(gradientNorm).toBeCloseTo(other.iterations[i]!.gradientNorm, 7);
    }
  });

  test.each([
    [[1, 2], 'x has 12 rows, so sampleWeights needs 12 values, but it has 2'],
    [
      Array.from({ length: rows }, (_, i) => i - 1),
      'expected a number in [0, Infinity) for sampleWeights[0] but received -1',
    ],
    [new Float32Array(rows).fill(Number.NaN), 'for sampleWeights[0] but received NaN'],
    [new Array(rows).fill(Number.POSITIVE_INFINITY), 'for sampleWeights[0] but received Infinity'],
    [new Array(rows).fill(0), 'expected a weight above 0 but those of all 12 rows are 0'],
    ['heavy', 'sampleWeights'],
  ])('%j are refused', async (given, message) => {
    const model = net();
    const set = { ...data, sampleWeights: given as never };
    for (const use of ['fit', 'evaluate', 'minimize'] as const) await expect(model[use](set)).rejects.toThrow(message);
  });

  test('as large and as small as there are', async () => {
    const model = net();
    const { loss } = await model.evaluate(data);
    for (const size of [Number.MAX_VALUE, Number.MIN_VALUE])
      expect((await model.evaluate({ ...data, sampleWeights: new Array(rows).fill(size) })).loss).toBeCloseTo(loss, 12);
  });
});

describe('class weights', () => {
  const classWeights = [1, 0.2, 4];
  const ofRows = [...data.y].map((k) => classWeights[k]!);

  test('weigh the rows of each class, beside the weights of rows', async () => {
    const options = { epochs: 2, batchSize: 5 };
    const [a, b] = [net(), net()];
    await a.fit(data, { ...options, classWeights });
    await b.fit({ ...data, sampleWeights: ofRows }, options);
    expect(a.weights()).toEqual(b.weights());
    const [c, d] = [net(), net()];
    await c.fit(weighted, { ...options, classWeights });
    const both = sampleWeights.map((w, i) => w * ofRows[i]!);
    await d.fit({ ...data, sampleWeights: both }, options);
    for (const [i, { values }] of c.weights().entries())
      for (const [j, v] of values.entries()) expect(v).toBeCloseTo(d.weights()[i]!.values[j]!, 12);
  });

  test('balanced: all classes count the same', async () => {
    const counts = [0, 1, 2].map((k) => data.y.filter((label) => label === k).length);
    const [a, b] = [net(), net()];
    await a.fit(data, { classWeights: 'balanced' });
    await b.fit(data, { classWeights: counts.map((count) => rows / (3 * count)) });
    for (const [i, { values }] of a.weights().entries())
      for (const [j, v] of values.entries()) expect(v).toBeCloseTo(b.weights()[i]!.values[j]!, 12);
  });

  test('leave the validation data alone, and are those of streams and minimize too', async () => {
    const model = net();
    const still = sgd({ learningRate: 0 });
    const { epochs } = await model.fit(data, { classWeights, optimizer: still, validationData: data });
    expect(epochs[0]!.testLoss).toBe((await model.evaluate(data)).loss);
    expect(epochs[0]!.trainLoss).toBeCloseTo(await byHand(model, 'softmaxCrossEntropy', ofRows), 12);
    const stream = await model.fit([data], { classWeights, optimizer: still });
    expect(stream.epochs[0]!.trainLoss).toBeCloseTo(epochs[0]!.trainLoss, 12);
    const { iterations } = await model.minimize(data, { classWeights, C: Number.POSITIVE_INFINITY, iterations: 1 });
    expect(iterations[0]!.objective).toBeCloseTo(epochs[0]!.trainLoss, 12);
  });

  test('of one output are those of 0 and 1', async () => {
    const make = () =>
      sequential({ inputShape: [2], device: 'reference', precision: 'float64' }, [dense({ units: 1 })]);
    const [a, b] = [make(), make()];
    const set = { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 1] }; // biome-ignore format: a table
    await a.fit(set, { loss: 'logistic', classWeights: 'balanced' });
    await b.fit({ ...set, sampleWeights: [3, 1, 1, 1] }, { loss: 'logistic' });
    expect(a.weights()).toEqual(b.weights());
  });

  test.each([
    [[1, 2], 'expected 3 classWeights, one for each class, but received 2'],
    [[1, 2, -1], 'for classWeights[2] but received -1'],
    [[1, 2, '3'], 'for classWeights[2] but received "3"'],
    ['even', 'expected \'balanced\' or an array of numbers for classWeights but received "even"'],
    [[0, 0, 0], 'expected a weight above 0'],
  ])('%j are refused', async (given, message) => {
    await expect(net().fit(data, { classWeights: given as never })).rejects.toThrow(message);
  });

  test('need labels', async () => {
    const targets = { x: data.x, y: new Float32Array(3 * rows).fill(0.5) };
    await expect(net().fit(targets, { loss: 'squaredError', classWeights })).rejects.toThrow(
      'fit: classWeights need labels, but y has rows of numbers',
    );
    await expect(net().fit([data], { classWeights: 'balanced' })).rejects.toThrow(TypeError);
  });
});

describe.skipIf(!hasCpu())('on the cpu', () => {
  test('loss and gradient are those of the reference', async () => {
    const [reference, cpu] = [net(), net({ device: 'cpu', precision: 'fp32' })];
    const { loss } = await reference.evaluate(weighted);
    expect((await cpu.evaluate(weighted)).loss).toBeCloseTo(loss, 5);
    const wanted = await gradientOf(reference, weighted, {});
    for (const [i, g] of (await gradientOf(cpu, weighted, {})).entries()) expect(g).toBeCloseTo(wanted[i]!, 5);
  });
});
