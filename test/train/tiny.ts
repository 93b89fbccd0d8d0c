/** Small networks and data for the tests of training, and the devices they run on. */
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import { RandomStream } from '../../lib/random.js';
import { type Model, type SequentialOptions, sequential } from '../../lib/train/model.js';

export const xor = {
  x: [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ],
  y: [0, 1, 1, 0],
};

/** A perceptron 4 - 8 - 3. */
export function mlp(options: Partial<SequentialOptions> = {}): Model {
  return sequential({ inputShape: [4], seed: 1, device: 'reference', ...options }, [
    dense({ units: 8, activation: 'relu' }),
    dense({ units: 3 }),
  ]);
}

/** A convolutional network on 8 x 8 images. */
export function convnet(options: Partial<SequentialOptions> = {}): Model {
  return sequential({ inputShape: [8, 8, 1], seed: 1, device: 'reference', ...options }, [
    conv2d({ filters: 4, kernelSize: 3, padding: 1, activation: 'relu' }),
    maxPool2d({ poolSize: 2 }),
    flatten(),
    dense({ units: 3 }),
  ]);
}

/** Rows around one of three centres, and the number of the centre. */
export function clusters(rows: number, size = 4, seed = 1): { x: Float32Array; y: Int32Array } {
  const random = new RandomStream(seed, 77);
  const y = Int32Array.from({ length: rows }, () => random.below(3));
  const x = new Float32Array(rows * size);
  for (let i = 0; i < x.length; i++)
    x[i] = ((i % size) % 3 === y[Math.floor(i / size)]! ? 1 : 0) + random.normal(0, 0.3);
  return { x, y };
}

/** Whether the native addon is there. Tests that need it are skipped, and counted as such, where it is not. */
export function hasCpu(): boolean {
  try {
    mlp({ device: 'cpu' }).dispose();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_NO_DEVICE') return false;
    throw error;
  }
}
