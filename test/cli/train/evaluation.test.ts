/** What the log tells of a network, by hand: its weights are set. */
import { expect, test } from 'vitest';
import type { Images } from '../../../lib/cli/train/data.js';
import { evaluationEvent } from '../../../lib/cli/train/evaluation.js';
import { decodePng } from '../../../lib/data/png.js';
import { conv2d } from '../../../lib/layers/conv2d.js';
import { dense } from '../../../lib/layers/dense.js';
import { flatten } from '../../../lib/layers/flatten.js';
import type { AnyLayer } from '../../../lib/layers/layer.js';
import { softmax } from '../../../lib/layers/softmax.js';
import { sequential } from '../../../lib/train/model.js';

/** The picture at such an address. */
function picture(url: string) {
  expect(url).toMatch(/^data:image\/png;base64,/);
  const { shape, data } = decodePng(Buffer.from(url.split(',')[1]!, 'base64'))!;
  return [shape, [...data]];
}

/** Two pixels, two classes: scores are the pixels (0 .. 1) times `factor`. */
function pixels(factor: number, last: readonly AnyLayer[] = []) {
  const layers = [flatten(), dense({ units: 2, useBias: false }), ...last];
  const model = sequential({ inputShape: [1, 2, 1], device: 'reference' }, layers);
  model.setWeights([{ name: 'dense_1.weights', values: Float32Array.of(factor, 0, 0, factor) }]);
  return model;
}
const images: Images = {
  x: Uint8Array.of(255, 0, 0, 255, 0, 51, 0, 102),
  y: Uint8Array.of(0, 1, 0, 0),
  ...{ count: 4, shape: [1, 2, 1], classes: 2 },
};

test('right and wrong answers, the surest mistakes first', async () => {
  const model = pixels(1);
  const event = await evaluationEvent(model, { ...images, classNames: ['left', 'right'] }, 'softmaxCrossEntropy');
  expect(event).toMatchObject({
    ...{ event: 'evaluation', images: 4, accuracy: 0.5, classNames: ['left', 'right'] },
    confusionMatrix: [
      [1, 2],
      [0, 1],
    ],
    classes: [
      { class: 0, precision: 1, recall: 1 / 3, support: 3 },
      { class: 1, precision: 1 / 3, recall: 1, support: 1 },
    ],
  });
  const probability = (score: number) => expect.closeTo(1 / (1 + Math.exp(-score)), 6);
  expect(event.misread.map(({ image: _, ...rest }) => rest)).toEqual([
    { label: 0, prediction: 1, probability: probability(0.4) },
    { label: 0, prediction: 1, probability: probability(0.2) },
  ]);
  expect(event.misread.map(({ image }) => picture(image))).toEqual([
    [
      [1, 2, 1],
      [0, 102],
    ],
    [
      [1, 2, 1],
      [0, 51],
    ],
  ]);
  // Each column of the weights is an image of the input: 0 is grey.
  expect(event.filters!.layer).toBe('dense_1');
  expect(event.filters!.images.map(picture)).toEqual([
    [
      [1, 2, 1],
      [255, 128],
    ],
    [
      [1, 2, 1],
      [128, 255],
    ],
  ]);
  model.dispose();
});

test('outputs that are probabilities stay; other losses have none', async () => {
  const model = pixels(1, [softmax()]);
  const { misread } = await evaluationEvent(model, images, 'softmaxCrossEntropy');
  expect(misread[0]!.probability).toBeCloseTo(1 / (1 + Math.exp(-0.4)), 6);
  const other = await evaluationEvent(model, images, 'squaredError');
  expect(other.misread.map(({ image: _, ...rest }) => rest)).toEqual(Array(2).fill({ label: 0, prediction: 1 }));
  expect(other).not.toHaveProperty('classNames');
  model.dispose();
});

test('images of numbers go from black to white, filters of three channels are in colour', async () => {
  const model = sequential({ inputShape: [1, 1, 3], device: 'reference' }, [
    conv2d({ filters: 2, kernelSize: 1, useBias: false }),
    flatten(),
  ]);
  const values = Float32Array.of(1, 0, -2, 0, 0, 0); // [1, 1, 3, 2]
  model.setWeights([{ name: 'conv2d_1.weights', values }]);
  const set: Images = {
    ...{ x: Float32Array.of(-3, 1, 5), y: Int32Array.of(0), count: 1, shape: [1, 1, 3], classes: 2 },
  };
  const { misread, filters } = await evaluationEvent(model, set, 'softmaxCrossEntropy');
  expect(picture(misread[0]!.image)).toEqual([
    [1, 1, 3],
    [0, 128, 255],
  ]);
  expect(filters!.images.map(picture)).toEqual([
    [
      [1, 1, 3],
      [191, 0, 128],
    ],
    [
      [1, 1, 3],
      [128, 128, 128],
    ],
  ]);
  model.dispose();
});
