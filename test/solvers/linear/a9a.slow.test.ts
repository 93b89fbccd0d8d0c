/** a9a (32,561 x 123, packed by xz) and pendigits (ten classes): optima and accuracies. Times are in docs/measured.md, not here. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fitLinear, readLibsvm } from '../../../lib/index.js';
import { dataFolder } from '../../helpers/data.js';

const folder = dataFolder('libsvm');

describe.skipIf(folder === undefined)('a9a', () => {
  const files = folder === undefined ? [] : [join(folder, 'a9a.xz'), join(folder, 'a9a.t.xz')];

  it('is read from its xz files', async () => {
    const [train, test] = [await readLibsvm(files[0]!), await readLibsvm(files[1]!)];
    expect([train.x.rows, train.x.columns, train.x.values.length]).toEqual([32_561, 123, 451_592]);
    expect([test.x.rows, test.x.columns, test.x.values.length]).toEqual([16_281, 122, 225_731]);
    expect(train.y.reduce((sum, y) => sum + y, 0)).toBe(7841 - 24_720);
  });

  // LIBLINEAR 2.30 with -e 1e-10 (-s 0, -s 2), 1e-7 (-s 6); hinge: its dual value after 1000 passes (-s 3 -e 1e-4), a lower bound.
  const optima = [
    ['logistic', 'l2', 10_529.562584638, 1e-6],
    ['squaredHinge', 'l2', 13_742.397304375, 1e-6],
    ['logistic', 'l1', 10_558.723371, 1e-6],
    ['hinge', 'l2', 11_433.753836, 1e-5],
  ] as const;
  it.each(optima)('%s with %s: the optimum that LIBLINEAR finds', async (loss, regularizer, least, within) => {
    const [train, test] = [await readLibsvm(files[0]!), await readLibsvm(files[1]!)];
    const model = await fitLinear(train, { loss, regularizer, tolerance: 1e-7 });
    expect(model.converged).toBe(true);
    expect(Math.abs(model.objective / least - 1)).toBeLessThan(within);
    expect(model.evaluate({ ...test, x: { ...test.x, columns: 123 } }).accuracy).toBeGreaterThan(0.849);
  });
});

describe.skipIf(folder === undefined)('pendigits', () => {
  it('is told apart by one-vs-rest and by softmax', async () => {
    const train = await readLibsvm(join(folder!, 'pendigits.scale'));
    const test = await readLibsvm(join(folder!, 'pendigits.scale.t'));
    expect([train.x.rows, test.x.rows]).toEqual([7494, 3498]);
    const accuracy = async (options: object) =>
      (await fitLinear(train, { bias: 1, ...options })).evaluate(test).accuracy;
    // Softmax separates classes that no line separates from all others.
    expect(await accuracy({ loss: 'logistic' })).toBeGreaterThan(0.86);
    expect(await accuracy({ loss: 'hinge' })).toBeGreaterThan(0.86);
    expect(await accuracy({ multiClass: 'softmax' })).toBeGreaterThan(0.89);
  });
});
