/** Optima on heart_scale (270 x 13) that were computed independently, C = 1, without bias and with bias 1: reached to a relative 1e-6. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fitLinear, readLibsvm } from '../../../lib/index.js';
import { dataFolder } from '../../helpers/data.js';

const folder = dataFolder('libsvm');

const oracles = [
  ['logistic', 'l2', 98.226799508, 95.493914724],
  ['squaredHinge', 'l2', 121.134724437, 115.137422875],
  ['hinge', 'l2', 96.498277995, 92.957716188],
  ['squaredHinge', 'l1', 123.36563221, 118.448202517],
  ['logistic', 'l1', 102.667827527, 100.819085073],
] as const;

describe.skipIf(folder === undefined)('on heart_scale', () => {
  const data = folder === undefined ? undefined : readLibsvm(join(folder, 'heart_scale'));

  it.each(oracles)('%s with %s: the least objective', async (loss, regularizer, ...least) => {
    for (const bias of [0, 1]) {
      const model = await fitLinear(await data!, { loss, regularizer, C: 1, bias, tolerance: 1e-8 });
      expect(model.converged).toBe(true);
      expect(Math.abs(model.objective / least[bias]! - 1)).toBeLessThan(1e-9);
      expect(model.gap).toBeLessThan(1e-8 * model.objective);
    }
  });

  it.each(oracles)('%s with %s: the tolerance holds at other C and other tolerances', async (loss, regularizer) => {
    for (const C of [1e-3, 30]) {
      const settings = { loss, regularizer, C, bias: 1 };
      const exact = await fitLinear(await data!, { ...settings, tolerance: 1e-10 });
      expect(exact.converged).toBe(true);
      for (const tolerance of [1e-1, 1e-3, 1e-5]) {
        const { objective, gap, converged } = await fitLinear(await data!, { ...settings, tolerance });
        expect(converged).toBe(true);
        expect(gap).toBeLessThanOrEqual(tolerance * objective);
        expect(objective - exact.objective).toBeLessThanOrEqual(gap + 1e-9 * objective);
        expect(objective).toBeGreaterThanOrEqual(exact.objective * (1 - 1e-9));
      }
    }
  });

  it('reaches the hinge loss at a large C, where coordinate descent alone takes millions of passes', async () => {
    const model = await fitLinear(await data!, { loss: 'hinge', C: 1000, tolerance: 1e-6 });
    expect(model.converged).toBe(true);
    expect(model.objective / 94_899.805221 - 1).toBeLessThan(1e-6); // the dual's value, to a relative 1e-10
  });

  it('runs the example of its description', async () => {
    const { x, y } = await readLibsvm(join(folder!, 'heart_scale'));
    expect([x.rows, x.columns, y.length]).toEqual([270, 13, 270]);
    const model = await fitLinear({ x, y }, { loss: 'squaredHinge', C: 1, bias: 1, tolerance: 1e-6 });
    expect(model.objective).toBeCloseTo(115.137422875, 3);
    const found = model.predict(x);
    expect(found.filter((label, i) => label === y[i]).length / 270).toBe(model.accuracy);
    expect(model.accuracy).toBeGreaterThan(0.84);
  });
});
