/** Batch normalization against numbers worked by hand, and where means are far larger than deviations. */
import { describe, expect, test } from 'vitest';
import { kernelRunners, type Runner } from '../helpers/kernels.js';

/** Runs batch_norm_forward with scale 1, shift 0 on rows of k values. */
function forward(runner: Runner, x: number[], k: number, epsilon = 1e-5) {
  const rows = x.length / k;
  const [scale, shift] = [runner.real(new Array<number>(k).fill(1)), runner.real(new Array<number>(k).fill(0))];
  const [y, mean, variance] = [x.length, k, k].map((n) => runner.real(new Array<number>(n).fill(77)));
  const args = { x: runner.real(x), scale, shift, y: y!, mean: mean!, variance: variance! };
  runner.run('batch_norm_forward', { ...args, rows, k, relu: 0, h: 0, w: 0, epsilon });
  return { y: [...y!], mean: [...mean!], variance: [...variance!] };
}

describe.each(kernelRunners())('$name', (runner) => {
  test('two channels: mean, biased variance, values of mean 0 and variance 1', () => {
    // 1, 3: mean 2, variance 1. 10, 40: mean 25, variance 225.
    const { y, mean, variance } = forward(runner, [1, 10, 3, 40], 2, 1e-12);
    expect(mean).toEqual([2, 25]);
    expect(variance).toEqual([1, 225]);
    for (const [i, value] of [-1, -1, 1, 1].entries()) expect(y[i]).toBeCloseTo(value, 6);
  });

  test('a mean of 2^20 with a deviation of 1 costs no digits', () => {
    for (const rows of [6, 1000, 50_000]) {
      const values = Array.from({ length: rows }, (_, i) => 2 ** 20 + (i % 2 === 0 ? 1 : -1));
      const { y, mean, variance } = forward(runner, values, 1);
      expect(mean).toEqual([2 ** 20]);
      expect(variance[0]).toBeCloseTo(1, 6);
      for (const i of [0, 1, rows - 2, rows - 1]) expect(y[i]).toBeCloseTo(i % 2 === 0 ? 1 : -1, 4);
    }
  });

  test('a constant channel has variance 0 and gives the shift; one row too', () => {
    const alike = forward(runner, new Array<number>(300).fill(0.1), 3);
    expect([...alike.variance, ...alike.y].every((v) => Math.abs(v) < 1e-12)).toBe(true);
    expect(forward(runner, [5, -7, 1e30], 3)).toMatchObject({ y: [0, 0, 0], variance: [0, 0, 0] });
  });

  test('running statistics: old + (1 - momentum) (batch - old), the variance unbiased; of one row it stays', () => {
    const average = (rows: number) => {
      const [oldMean, oldVariance, newMean, newVariance] = [[4], [8], [77], [77]].map((v) => runner.real(v));
      const statistics = { mean: runner.real([8]), variance: runner.real([12]) };
      const buffers = { oldMean: oldMean!, oldVariance: oldVariance!, newMean: newMean!, newVariance: newVariance! };
      runner.run('batch_norm_average', { ...buffers, ...statistics, rows, k: 1, momentum: 0.75 });
      return [newMean![0], newVariance![0]];
    };
    expect(average(4)).toEqual([5, 10]); // 12 * 4 / 3 = 16
    expect(average(1)).toEqual([5, 8]);
  });
});
