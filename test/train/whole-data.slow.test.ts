/** Whole-data methods against independent numbers, iteration by iteration (test/golden/whole-data.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import type { IterationRecord } from '../../lib/train/minimize-options.js';
import { sequential } from '../../lib/train/model.js';
import { hasCpu } from './tiny.js';

interface Golden {
  readonly start: Pick<IterationRecord, 'objective' | 'gradientNorm'>;
  readonly gradientDescent: readonly IterationRecord[];
  readonly newtonCg: readonly IterationRecord[];
}
const golden: Golden = JSON.parse(readFileSync(join(__dirname, '../golden/whole-data.json'), 'utf8'));

/** The problem of test/golden/whole-data.py. */
function goldenProblem(device: 'reference' | 'cpu') {
  let seed = 1;
  const draw = (count: number, factor = 1) =>
    Float64Array.from({ length: count }, () => {
      seed = (seed * 16807) % 2147483647;
      return ((2 * seed) / 2147483647 - 1) * factor;
    });
  const x = draw(30 * 9 * 8 * 2);
  const y = Int32Array.from(draw(30), (v) => Math.trunc((v + 1) * 1.5));
  const conv = (filters: number) => conv2d({ filters, kernelSize: 3, padding: 1, activation: 'relu' });
  const precision = device === 'reference' ? 'float64' : 'fp32';
  const model = sequential({ inputShape: [9, 8, 2], device, precision }, [
    ...[conv(4), maxPool2d(), conv(5), maxPool2d()],
    ...[flatten(), dense({ units: 3 })],
  ]);
  const sizes = [9 * 2 * 4, 4, 9 * 4 * 5, 5, 20 * 3, 3];
  const names = model.weights().map(({ name }) => name);
  model.setWeights(sizes.map((size, i) => ({ name: names[i]!, values: draw(size, i % 2 === 0 ? 0.5 : 0.1) })));
  return { model, data: { x, y }, options: { loss: 'squaredError', C: 6 } as const };
}

/** The numbers that both have, to a relative error. */
function same(record: IterationRecord, wanted: object, error: number): void {
  for (const [name, value] of Object.entries(wanted)) {
    const found = record[name as keyof IterationRecord] as number;
    expect(Math.abs(found / value - 1), `${name}: ${found} and ${value}`).toBeLessThan(error);
  }
}

/** A gradient; and after the start the products of CG, and a value for each step that the search tried: 1, 1/2, ..., alpha. */
function checkPasses(iterations: readonly IterationRecord[]): void {
  const passes = ({ alpha, cgSteps = 0 }: IterationRecord) =>
    alpha === undefined ? 1 : 2 + cgSteps - Math.log2(alpha);
  expect(iterations.map((record) => record.passes)).toEqual(iterations.map(passes));
}

const devices = [['reference', 1e-9, [7]] as const, ...(hasCpu() ? [['cpu', 1e-4, [7, 30]] as const] : [])];

describe.each(devices)('independent numbers on %s', (device, error, batchSizes) => {
  // Segments of 7 of 30 rows, the last of 2: it has its own weight.
  test.each(batchSizes)('gradient descent, by segments of %d rows', async (batchSize) => {
    const { model, data, options } = goldenProblem(device);
    const rest = { iterations: 4, beta: 0.5, nu: 0.1, batchSize };
    const { iterations } = await model.minimize(data, { method: 'gradient-descent', ...options, ...rest });
    expect(iterations.map(({ iteration }) => iteration)).toEqual([0, 1, 2, 3, 4]);
    for (const [i, wanted] of [golden.start, ...golden.gradientDescent].slice(0, 5).entries())
      same(iterations[i]!, wanted, error);
    checkPasses(iterations);
    model.dispose();
  });

  test.each(batchSizes)('Newton-CG, by segments of %d rows', async (batchSize) => {
    const { model, data, options } = goldenProblem(device);
    const sample = (iteration: number) => Array.from({ length: 10 }, (_, i) => i + ((iteration - 1) % 3) * 10);
    const { iterations } = await model.minimize(data, { ...options, iterations: 4, sample, batchSize });
    for (const [i, wanted] of [golden.start, ...golden.newtonCg].slice(0, 5).entries())
      same(iterations[i]!, wanted, error);
    checkPasses(iterations);
    model.dispose();
  });
});
