/** Whole-data methods against published optima: linear classification is a dense layer of one unit, w'w/2 + C sum loss is C l times the objective. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dense } from '../../lib/layers/dense.js';
import { sequential } from '../../lib/train/model.js';
import { dataFolder } from '../helpers/data.js';

const folder = dataFolder('libsvm');

function heartScale(): { x: Float64Array; y: number[] } {
  const lines = readFileSync(join(folder!, 'heart_scale'), 'utf8').trim().split('\n');
  const x = new Float64Array(13 * lines.length);
  const y = lines.map((line, row) => {
    const [label, ...features] = line.trim().split(' ');
    for (const feature of features) {
      const [index, value] = feature.split(':').map(Number);
      x[13 * row + index! - 1] = value!;
    }
    return Number(label);
  });
  return { x, y };
}

test.skipIf(folder === undefined).each([
  ['logistic', false, 98.226799508],
  ['logistic', true, 95.493914724],
  ['squaredHinge', false, 121.134724437],
  ['squaredHinge', true, 115.137422875],
] as const)('%s, bias %s: the optimum %d of heart_scale', async (loss, useBias, optimum) => {
  const data = heartScale();
  const rows = data.y.length;
  for (const method of ['newton-cg', 'lbfgs'] as const) {
    const model = sequential({ inputShape: [13], device: 'reference', precision: 'float64' }, [
      dense({ units: 1, useBias, weightsInitializer: 'zeros' }),
    ]);
    const options = { loss, C: rows, tolerance: 1e-7 };
    const run = await (method === 'lbfgs'
      ? model.minimize(data, { ...options, method })
      : model.minimize(data, { ...options, method, sampleSize: rows, lambda: 0 }));
    expect(run.objective * rows).toBeCloseTo(optimum, 8);
    expect(run.iterations.length).toBeLessThan(method === 'lbfgs' ? 60 : 15);
    model.dispose();
  }
});
