/** The real MNIST, where it lies beside the checkout (skipped, and counted as skipped, where it does not). */
import { expect, it } from 'vitest';
import { mnist } from '../../lib/data/mnist.js';
import { dataFolder } from '../helpers/data.js';

const dir = dataFolder('mnist');

it.skipIf(dir === undefined)('reads the 70,000 images of MNIST', async () => {
  const { train, test } = await mnist(dir!);
  expect([train.count, test.count, ...train.shape]).toEqual([60_000, 10_000, 28, 28, 1]);
  expect([...train.y.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  expect([...test.y.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
  const mean = train.x.reduce((sum, value) => sum + value, 0) / train.x.length / 255;
  expect(mean).toBeCloseTo(0.1307, 4);
});
