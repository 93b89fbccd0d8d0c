/** ResNet-18 as a whole, by native kernels: it learns a few images by heart and is the same whatever the threads. */
import { expect, test } from 'vitest';
import { resnet18 } from '../../lib/models/resnet18.js';
import { sgd } from '../../lib/optimizers/sgd.js';
import { RandomStream } from '../../lib/random.js';
import { sequential } from '../../lib/train/model.js';
import { hasCpu } from '../train/tiny.js';

const rows = 6;
const random = new RandomStream(5, 1);
const images = {
  x: Float32Array.from({ length: rows * 16 * 16 * 3 }, () => random.normal()),
  y: Int32Array.from({ length: rows }, (_, i) => i % 3),
};
const make = (threads: number) => {
  const { inputShape, layers } = resnet18({ inputShape: [16, 16, 3], classes: 3 });
  return sequential({ inputShape, seed: 1, device: 'cpu', threads }, layers);
};

test.skipIf(!hasCpu())('learns a few images by heart', async () => {
  const model = make(2);
  expect(model.parameterCount).toBe(11_173_962 - 7 * 513);
  const { epochs } = await model.fit(images, { epochs: 20, batchSize: rows, optimizer: sgd({ learningRate: 0.02 }) });
  expect(epochs[0]!.trainLoss).toBeGreaterThan(0.9);
  expect(epochs.at(-1)!.trainLoss).toBeLessThan(0.1);
  expect((await model.evaluate(images)).accuracy).toBe(1);
  model.dispose();
});

test.skipIf(!hasCpu())('gives the same bits on one thread and on three, in one piece or in rows', async () => {
  const models = [1, 3].map(make);
  const losses = await Promise.all(
    models.map(async (model) => (await model.fit(images, { epochs: 2, batchSize: 4 })).epochs.map((e) => e.trainLoss)),
  );
  expect(losses[1]).toEqual(losses[0]);
  const whole = await models[0]!.predict(images.x);
  expect(await models[1]!.predict(images.x, { batchSize: 4 })).toEqual(whole);
  for (const model of models) model.dispose();
});

test.skipIf(!hasCpu())(
  'normalizations, sums and relu are parts of convolutions in inference, and of normalizations in training',
  () => {
    const model = make(1);
    const kernels = (training: boolean) => new Set(model.plan({ training }).plan.calls.map(({ kernel }) => kernel));
    expect(kernels(false)).toEqual(
      new Set([
        ...['batch_norm_affine', 'winograd_filter_forward', 'conv2d_forward'],
        ...['global_average_pool2d_forward', 'gemm'],
      ]),
    );
    for (const kernel of ['add_forward', 'relu_forward'] as const) expect(kernels(true)).not.toContain(kernel);
    model.dispose();
  },
);
