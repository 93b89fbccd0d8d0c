/** Training by native kernels: the same as the reference, and the same whatever the threads. */
import { describe, expect, test } from 'vitest';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { sequential } from '../../lib/train/model.js';
import { clusters, convnet, farFromReference, hasCpu, images, losses, mlp, twentySteps } from './tiny.js';

describe.skipIf(!hasCpu())('on the cpu', () => {
  test('20 steps lose as on the reference', async () => {
    const { steps, most } = await farFromReference('cpu');
    expect(steps).toBe(20);
    expect(most).toBeLessThan(1e-4);
  });

  test('one, two and three threads give bit-equal losses and weights', async () => {
    const models = [1, 2, 3].map((threads) => convnet({ device: 'cpu', threads }));
    const all = await Promise.all(models.map((model) => losses(model)));
    for (const other of all.slice(1)) expect(other).toEqual(all[0]);
    for (const model of models.slice(1)) expect(model.weights()).toEqual(models[0]!.weights());
  });

  test('the same seed repeats itself; chunks of steps change nothing', async () => {
    const one = await losses(convnet({ device: 'cpu' }));
    expect(await losses(convnet({ device: 'cpu' }))).toEqual(one);
    const model = convnet({ device: 'cpu' });
    const { epochs } = await model.fit(images, { ...twentySteps, every: 'epoch' });
    const mean = one.slice(0, 10).reduce((a, b) => a + b) / 10;
    expect(epochs[0]!.trainLoss).toBeCloseTo(mean, 12);
  });

  test('evaluates and predicts as the reference does', async () => {
    const [cpu, reference] = [convnet({ device: 'cpu' }), convnet()];
    const [a, b] = [await cpu.evaluate(images), await reference.evaluate(images)];
    expect(a.loss).toBeCloseTo(b.loss, 4);
    expect(a.accuracy).toBe(b.accuracy);
    const [p, q] = [await cpu.predict(images.x, { batchSize: 7 }), await reference.predict(images.x)];
    for (let i = 0; i < p.length; i++) expect(p[i]).toBeCloseTo(q[i]!, 4);
  });

  test('predictions and evaluations follow the weights, whose transformed filters they keep', async () => {
    const layers = () => [conv2d({ filters: 16, kernelSize: 3, padding: 1 }), flatten(), dense({ units: 3 })];
    const net = () => sequential({ inputShape: [8, 8, 16], seed: 1, device: 'cpu' }, layers());
    const data = { x: clusters(24, 1024).x, y: clusters(24, 4).y };
    const model = net();
    expect(model.plan({ training: false }).plan.prologue).toBe(1);
    expect(model.plan().plan.prologue).toBe(0);
    /** What the model gives, and a new one with the same weights. */
    const check = async () => {
      const other = net();
      other.setWeights(model.weights());
      const outputs = await model.predict(data.x, { batchSize: 7 });
      expect(outputs).toEqual(await other.predict(data.x));
      expect(await model.evaluate(data)).toEqual(await other.evaluate(data));
      other.dispose();
      return outputs;
    };
    const weights = model.weights();
    const first = await check();
    expect(await check()).toEqual(first);
    const seen: number[] = [];
    await model.fit(data, {
      epochs: 2,
      batchSize: 8,
      validationData: data,
      onEpochEnd: async ({ testLoss }) => {
        expect((await model.evaluate(data)).loss).toBe(testLoss);
        seen.push((await check())[0]!);
      },
    });
    expect(new Set([first[0], ...seen]).size).toBe(3);
    model.setWeights(weights);
    expect(await check()).toEqual(first);
  });

  test('four models at once are each as if alone', async () => {
    const data = clusters(64);
    const run = (seed: number) => mlp({ device: 'cpu', seed }).fit(data, { epochs: 20, batchSize: 8 });
    const alone = await run(3);
    const together = await Promise.all([run(3), run(4), run(3), run(5)]);
    for (const i of [0, 2]) expect(together[i]!.epochs.at(-1)!.trainLoss).toBe(alone.epochs.at(-1)!.trainLoss);
    expect(together[1]!.epochs.at(-1)!.trainLoss).not.toBe(alone.epochs.at(-1)!.trainLoss);
  });

  test('stop, abort and dispose end a run between two steps', async () => {
    const endless = { epochs: 1_000_000, batchSize: 16 };
    const stopped = convnet({ device: 'cpu' }).fit(images, endless);
    setTimeout(() => stopped.stop(), 20);
    expect((await stopped).stopped).toBe(true);
    const aborted = convnet({ device: 'cpu' }).fit(images, { ...endless, signal: AbortSignal.timeout(20) });
    await expect(aborted).rejects.toMatchObject({ name: 'TimeoutError' });
    const model = convnet({ device: 'cpu' });
    const disposed = model.fit(images, endless);
    setTimeout(() => model.dispose(), 20);
    await expect(disposed).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });
});

describe('the device', () => {
  test("'auto' says what it chose and why", () => {
    const { device } = mlp({ device: 'auto' });
    expect(device.name).toBe(hasCpu() ? 'cpu' : 'reference');
    expect(device.reason.length).toBeGreaterThan(5);
    expect(mlp({ device: 'auto', precision: 'float64' }).device).toMatchObject({
      name: 'reference',
      reason: expect.stringContaining('float64'),
    });
  });
});
