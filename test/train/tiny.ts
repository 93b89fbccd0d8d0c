/** Small networks and data for the tests of training, and the devices they run on. */

import type { Dataset } from '../../lib/data/dataset.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import { RandomStream } from '../../lib/random.js';
import { type Model, type SequentialOptions, sequential } from '../../lib/train/model.js';
import type { FitOptions } from '../../lib/train/options.js';

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

/** Images for `convnet`, and options of a fit of twenty steps on them. */
export const images = { x: clusters(160, 64).x, y: clusters(160, 4).y };
export const twentySteps: FitOptions = { epochs: 2, batchSize: 16, every: 'batch', C: 100 };

/** The losses of these steps. */
export async function losses(model: Model, data: Dataset = images, more: FitOptions = {}): Promise<number[]> {
  const seen: number[] = [];
  for await (const record of model.fit(data, { ...twentySteps, ...more }))
    if (record.kind === 'batch') seen.push(record.loss);
  return seen;
}

/** By how much the losses of twenty steps differ at most from the reference's, relative to them. */
export async function farFromReference(device: 'cpu' | 'cuda'): Promise<{ steps: number; most: number }> {
  const reference = await losses(convnet());
  const other = await losses(convnet({ device }));
  return { steps: other.length, most: Math.max(...other.map((loss, i) => Math.abs(loss / reference[i]! - 1))) };
}
