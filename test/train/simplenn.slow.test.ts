/**
 * The golden Newton-CG run of SimpleNN's demo: initial weights, samples and numbers that two independent programs agree on. In float64 on the
 * reference (some six minutes of computing, so only where STEEPEST_LONG=1 asks for it), in float32 on the cpu, and there on to where SimpleNN gets in 28 iterations.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readIdx } from '../../lib/data/idx.js';
import { readNpz } from '../../lib/formats/npz.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import type { ModelPrecision } from '../../lib/train/device.js';
import type { IterationRecord } from '../../lib/train/minimize-options.js';
import { sequential } from '../../lib/train/model.js';
import { dataFolder } from '../helpers/data.js';
import { hasCpu } from './tiny.js';

const data = dataFolder('mnist-demo');
const oracle = data && join(data, '../../oracles/simplenn/init.npz');
const missing = oracle === undefined || !existsSync(oracle);

/** x / 255 less each pixel's mean over the training images, of both parts. */
async function images() {
  const read = async (part: string) => (await readIdx(join(data!, `demo-${part}-ubyte.gz`))).data as Uint8Array;
  const [x, tested] = [await read('train-images-idx3'), await read('test-images-idx3')];
  const mean = new Float64Array(784);
  for (const [i, pixel] of x.entries()) mean[i % 784]! += pixel / 255 / 2000;
  const centred = (pixels: Uint8Array) => Float64Array.from(pixels, (pixel, i) => pixel / 255 - mean[i % 784]!);
  return {
    train: { x: centred(x), y: await read('train-labels-idx1') },
    test: { x: centred(tested), y: await read('test-labels-idx1') },
  };
}

async function golden(device: 'reference' | 'cpu', precision: ModelPrecision, iterations: number) {
  const initial = await readNpz(oracle!);
  const conv = (filters: number, kernelSize: number, padding: number) =>
    conv2d({ filters, kernelSize, padding, activation: 'relu' });
  const model = sequential({ inputShape: [28, 28, 1], device, precision }, [
    ...[conv(32, 5, 2), maxPool2d(), conv(64, 3, 1), maxPool2d(), conv(64, 3, 1), maxPool2d()],
    ...[flatten(), dense({ units: 10 })],
  ]);
  const names = { conv1: 'conv2d_1', conv2: 'conv2d_2', conv3: 'conv2d_3', dense: 'dense_1' };
  model.setWeights(
    Object.entries(names).map(([from, to]) => ({
      name: `${to}.weights`,
      values: Float64Array.from(initial[from]!.data as Float64Array),
    })),
  );
  const { train, test: validationData } = await images();
  const sample = (iteration: number) => {
    const order = initial[`order${Math.floor((iteration - 1) / 20) + 1}`]!.data as Int32Array;
    return order.subarray(((iteration - 1) % 20) * 100, ((iteration - 1) % 20) * 100 + 100);
  };
  const options = { loss: 'squaredError', iterations, sample, validationData } as const;
  const run = await model.minimize(train, options);
  model.dispose();
  return run.iterations;
}

/** What the oracle's table says, with its digits. */
const table = [
  { objective: '34.1304' },
  {
    ...{ objective: '11.0237', gradientNorm: '28.4272', alpha: '1', ratio: '0.991923', lambda: '0.666667' },
    ...{ cgSteps: '2', actred: '-23.1067', prered: '-23.2948', testAccuracy: '0.135' },
  },
  {
    ...{ objective: '9.07883', gradientNorm: '18.8608', alpha: '1', ratio: '0.204106', lambda: '1' },
    ...{ cgSteps: '18', actred: '-1.94489', prered: '-9.52885', testAccuracy: '0.325' },
  },
];

function compare(records: readonly IterationRecord[], digits: number): void {
  for (const [i, row] of table.entries())
    for (const [name, printed] of Object.entries(row)) {
      const value = records[i]![name as keyof IterationRecord] as number;
      const wanted = Number(printed);
      const message = `iteration ${i}, ${name}: ${value} and ${printed}`;
      expect(value.toPrecision(digits), message).toBe(wanted.toPrecision(digits));
    }
}

describe.skipIf(missing)('the golden run', () => {
  test.runIf(process.env.STEEPEST_LONG === '1')(
    'in float64 on the reference: six digits',
    async () => {
      compare(await golden('reference', 'float64', 2), 6);
    },
    3_600_000,
  );

  test.skipIf(!hasCpu()).each(['fp32', 'strict'] as const)(
    'in float32 on the cpu, %s: four digits',
    async (precision) => {
      compare(await golden('cpu', precision, 2), 4);
    },
  );

  test.skipIf(!hasCpu())('is below 0.45 with an accuracy of 0.95 after 28 iterations, in seconds', async () => {
    const records = await golden('cpu', 'fp32', 28);
    const { objective, testAccuracy } = records.at(-1)!;
    expect(objective).toBeLessThan(0.45);
    expect(testAccuracy).toBeGreaterThanOrEqual(0.95);
  });
});
