import { expect, test } from 'vitest';
import { learnRow, readLearnOptions } from '../../../bench/peers/learn.js';

test('options', () => {
  const options = readLearnOptions(['--learn', '--data-dir', 'd', '--limit', '640', '--python', 'p']);
  expect(options).toMatchObject({ model: 'resnet18', dataDir: 'd', limit: 640, epochs: 2, rate: 0.02, threads: 2 });
  expect(() => readLearnOptions(['--learn'])).toThrow(/--data-dir: expected the folder/);
  expect(() => readLearnOptions(['--data-dir', 'd', '--rate', '0'])).toThrow(/--rate: expected a number > 0/);
  expect(() => readLearnOptions(['--data-dir', 'd', '--epochs', '0'])).toThrow(
    /--epochs: expected a whole number >= 1/,
  );
  expect(() => readLearnOptions(['--data-dir', 'd', '--gemm'])).toThrow(/--gemm/);
});

test('a row: losses and seconds of both', () => {
  const options = readLearnOptions(['--data-dir', 'd']);
  expect(learnRow(options, 2, { loss: 1.5, seconds: 3 }, { loss: 1.25, seconds: 6 })).toEqual({
    ...{ bench: 'learn-peer', model: 'resnet18', threads: 2, images: 6400, epoch: 2, torchVariant: 'channels_last' },
    ...{ steepestLoss: 1.5, torchLoss: 1.25, steepestSeconds: 3, torchSeconds: 6 },
  });
});
