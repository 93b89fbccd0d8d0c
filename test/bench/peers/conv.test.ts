import { expect, test } from 'vitest';
import { timesOf } from '../../../bench/peers/compare.js';
import { batchesOf, convolutionsOf, convRow, readConvOptions } from '../../../bench/peers/conv.js';
import { buildLayers, sequence } from '../../../lib/layers/graph.js';
import { networkFrom } from '../../../lib/models/networks.js';

const convolutions = (name: 'lenet' | 'cnn4' | 'vgg11' | 'resnet18') => {
  const { inputShape, layers } = networkFrom(name);
  return convolutionsOf(name, inputShape, buildLayers(sequence(inputShape, layers)));
};

test('the convolutions of a network: sizes of what they read, and padding', () => {
  const common = { r: 5, s: 5, stride: 1, padding: 2 };
  expect(convolutions('lenet')).toEqual([
    { layer: 'lenet conv 1', first: true, h: 28, w: 28, c: 1, k: 32, ...common },
    { layer: 'lenet conv 2', first: false, h: 14, w: 14, c: 32, k: 64, ...common },
  ]);
});

test('each shape once: also those of shortcuts, with strides', () => {
  expect(convolutions('cnn4')).toHaveLength(3);
  const resnet = convolutions('resnet18');
  expect(resnet.filter(({ r }) => r === 1).map(({ h, c, k, stride }) => [h, c, k, stride])).toEqual([
    [32, 64, 128, 2],
    [16, 128, 256, 2],
    [8, 256, 512, 2],
  ]);
  const shapes = resnet.map(({ layer, ...shape }) => JSON.stringify(shape));
  expect(new Set(shapes).size).toBe(shapes.length);
  expect(resnet.filter(({ first }) => first)).toHaveLength(1);
});

test('the usual batch, and a large one of the large networks', () => {
  expect(batchesOf('lenet', 0)).toEqual([128]);
  expect(batchesOf('vgg11', 0)).toEqual([64, 256]);
  expect(batchesOf('resnet18', 32)).toEqual([32]);
});

test('a row: the shape, medians, and torch over steepest', () => {
  const [one] = convolutions('lenet');
  const where = { device: 'cuda', precision: 'bf16', torchDevice: 'cuda' } as const;
  expect(convRow('conv2d_forward', 128, one!, where, timesOf([1, 2, 9]), timesOf([3, 5, 4]))).toEqual({
    ...{ bench: 'conv-peer', kernel: 'conv2d_forward', layer: 'lenet conv 1', n: 128 },
    ...{ h: 28, w: 28, c: 1, k: 32, r: 5, s: 5, stride: 1, padding: 2 },
    ...{ device: 'cuda', precision: 'bf16', steepestMs: 2, torchMs: 4, ratio: 2 },
    differs: 'steepest reads and writes float32, torch bfloat16',
  });
});

test('options', () => {
  expect(readConvOptions('--conv --device cuda --precision tf32 --batch 8 --models vgg11'.split(' '))).toEqual({
    ...{ device: 'cuda', precision: 'tf32', torchDevice: 'cuda' },
    ...{ models: ['vgg11'], batch: 8, python: 'python3', repeats: 5, json: false },
  });
  expect(() => readConvOptions(['--conv'])).toThrow(/--conv: needs --device cuda/);
  expect(() => readConvOptions(['--conv', '--device', 'cuda', '--write'])).toThrow(/--write/);
});
