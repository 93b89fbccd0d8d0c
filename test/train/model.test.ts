import { describe, expect, test } from 'vitest';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import { softmax } from '../../lib/layers/softmax.js';
import { sequential } from '../../lib/train/model.js';
import { clusters, convnet, mlp } from './tiny.js';

describe('a model', () => {
  test('knows its shapes, parameters and device', () => {
    const model = convnet();
    expect(model.inputShape).toEqual([8, 8, 1]);
    expect(model.outputShape).toEqual([3]);
    expect(model.parameterCount).toBe(3 * 3 * 4 + 4 + 64 * 3 + 3);
    expect(model.device).toMatchObject({ name: 'reference', reason: 'asked for' });
    expect(model.weights().map(({ name, shape }) => [name, shape])).toEqual([
      ['conv2d_1.weights', [3, 3, 1, 4]],
      ['conv2d_1.bias', [4]],
      ['dense_1.weights', [64, 3]],
      ['dense_1.bias', [3]],
    ]);
  });

  test('starts from its seed', () => {
    expect(convnet({ seed: 1 }).weights()).toEqual(convnet({ seed: 1 }).weights());
    const [a, b] = [convnet({ seed: 1 }).weights(), convnet({ seed: 2 }).weights()];
    expect(a[0]!.values).not.toEqual(b[0]!.values);
    expect(new Set([...a[0]!.values]).size).toBe(36);
    expect(a[1]!.values.every((v) => v === 0)).toBe(true);
  });

  test('prints a summary', () => {
    expect(convnet({ name: 'small' }).summary().split('\n')).toEqual([
      'small',
      'layer        output     parameters',
      expect.stringMatching(/^-+$/),
      'input        [8, 8, 1]',
      'conv2d_1     [8, 8, 4]          40  weights [3, 3, 1, 4], bias [4]',
      'maxPool2d_1  [4, 4, 4]           0',
      'flatten_1    [64]                0',
      'dense_1      [3]               195  weights [64, 3], bias [3]',
      expect.stringMatching(/^-+$/),
      '235 parameters, float32, on reference (TypeScript, float32)',
    ]);
  });

  test('prints its plans', () => {
    const model = convnet();
    const training = String(model.plan({ batchSize: 64, optimizer: 'momentum', pixels: true }));
    expect(training).toContain('batch up to 64');
    for (const kernel of ['gather_bytes', 'conv2d_forward', 'conv2d_backward_filter', 'momentum_step'])
      expect(training).toContain(kernel);
    const prediction = model.plan({ training: false });
    expect(String(prediction)).not.toContain('backward');
    expect(prediction.plan.maxBatch).toBe(32);
    expect(() => model.plan({ batchSize: 0 })).toThrow('batchSize');
    expect(() => model.plan({ batch: 2 } as never)).toThrow("unknown option 'batch'");
  });

  test('predicts row by row, whatever the batch size', async () => {
    const model = convnet();
    const { x } = clusters(7, 64);
    const whole = await model.predict(x);
    expect(whole).toBeInstanceOf(Float32Array);
    expect(whole).toHaveLength(21);
    for (const batchSize of [1, 3, 7, 1000]) expect(await model.predict(x, { batchSize })).toEqual(whole);
    expect(await model.predict(x.subarray(64, 128))).toEqual(whole.subarray(3, 6));
    const classes = await model.predictClasses(x);
    for (let i = 0; i < 7; i++) expect(whole[i * 3 + classes[i]!]).toBe(Math.max(...whole.subarray(i * 3, i * 3 + 3)));
  });

  test('predicts what dense layers are: x W + b', async () => {
    const model = sequential({ inputShape: [2], device: 'reference' }, [dense({ units: 2 })]);
    model.setWeights([
      { name: 'dense_1.bias', values: Float32Array.of(10, 20) },
      { name: 'dense_1.weights', values: Float32Array.of(1, 2, 3, 4) },
    ]);
    expect([
      ...(await model.predict([
        [1, 1],
        [2, 0.5],
      ])),
    ]).toEqual([14, 26, 13.5, 26]);
  });

  test('applies the last activation, and no dropout', async () => {
    const model = sequential({ inputShape: [4], device: 'reference' }, [
      dropout({ rate: 0.9 }),
      dense({ units: 3 }),
      softmax(),
    ]);
    const { x } = clusters(5);
    const y = await model.predict(x);
    for (let i = 0; i < 5; i++) expect(y[3 * i]! + y[3 * i + 1]! + y[3 * i + 2]!).toBeCloseTo(1, 6);
    expect(await model.predict(x)).toEqual(y);
  });

  test('takes its own weights back', async () => {
    const data = clusters(20);
    const [a, b] = [mlp({ seed: 1 }), mlp({ seed: 2 })];
    await a.fit(data);
    b.setWeights(a.weights());
    expect(await b.predict(data.x)).toEqual(await a.predict(data.x));
    expect(await b.evaluate(data)).toEqual(await a.evaluate(data));
  });

  test('refuses weights that do not fit, all of them', () => {
    const model = mlp();
    const before = model.weights();
    const good = { name: 'dense_1.bias', values: new Float32Array(8).fill(1) };
    const set =
      (...entries: unknown[]) =>
      () =>
        model.setWeights(entries as never);
    expect(set(good, { name: 'dense_3.bias', values: good.values })).toThrow(/weights\[1\]\.name/);
    expect(set(good, { name: 'dense_2.bias', values: new Float32Array(4) })).toThrow(/dense_2.bias has 3 values/);
    expect(set(good, { name: 'dense_2.bias', values: [1, 2, 3] })).toThrow(TypeError);
    expect(set(good, null)).toThrow(TypeError);
    expect(() => model.setWeights({} as never)).toThrow(TypeError);
    expect(model.weights()).toEqual(before);
  });

  test('computes in float64 on the reference, where wanted', async () => {
    const model = mlp({ precision: 'float64' });
    const { x } = clusters(4);
    const y = await model.predict(x);
    expect(y).toBeInstanceOf(Float64Array);
    expect(y.some((v) => v !== Math.fround(v))).toBe(true);
    const single = await mlp().predict(x);
    for (let i = 0; i < y.length; i++) expect(single[i]).toBeCloseTo(y[i]!, 5);
  });

  test('evaluates with the loss it was trained with', async () => {
    const model = mlp();
    const data = clusters(9);
    expect(await model.evaluate(data)).toEqual(await model.evaluate(data, { loss: 'softmaxCrossEntropy' }));
    await model.fit(data, { loss: 'hinge' });
    const trained = await model.evaluate(data);
    expect(trained).toEqual(await model.evaluate(data, { loss: 'hinge' }));
    expect(trained).not.toEqual(await model.evaluate(data, { loss: 'logistic' }));
    expect(await model.evaluate(data, { metrics: ['loss'] })).toEqual({ loss: trained.loss, rows: 9 });
  });
});
