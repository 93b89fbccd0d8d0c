import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../lib/random.js';
import { conjugateGradient } from '../../lib/solvers/conjugate-gradient.js';
import { dot, norm, sum } from '../../lib/solvers/vectors.js';
import { times } from './problems.js';

const random = new RandomStream(3, 5);
const drawn = (n: number) => Float64Array.from({ length: n }, () => random.normal(0, 1));

describe('conjugate gradients', () => {
  const A = [
    [4, 1, 0],
    [1, 3, 1],
    [0, 1, 2],
  ];
  const g = Float64Array.of(1, 1, 3);

  it('solve A s = -g in as many steps as there are unknowns', async () => {
    const { s, steps, curvature } = await conjugateGradient(async (v) => times(A, v), g, {
      tolerance: 1e-12,
      most: 99,
    });
    expect(steps).toBe(3);
    // By Cramer's rule: det A = 18, s = -adj(A) g / 18.
    for (const [i, value] of [-6 / 18, 6 / 18, -30 / 18].entries()) expect(s[i]).toBeCloseTo(value, 12);
    expect(curvature).toBeCloseTo(dot(s, times(A, s)), 12);
  });

  it('end at the tolerance or the most steps, whichever is first', async () => {
    const product = async (v: Float64Array) => times(A, v);
    const stopped = async (options: { tolerance: number; most: number }) => {
      const { s, steps, curvature } = await conjugateGradient(product, g, options);
      expect(curvature).toBeCloseTo(dot(s, times(A, s)), 12);
      return { steps, residual: norm(sum(times(A, s), 1, g)) / norm(g) };
    };
    const [one, two] = [await stopped({ tolerance: 0, most: 1 }), await stopped({ tolerance: 0, most: 2 })];
    expect([one.steps, two.steps]).toEqual([1, 2]);
    expect((await stopped({ tolerance: one.residual * 1.001, most: 99 })).steps).toBe(1);
    expect((await stopped({ tolerance: one.residual * 0.999, most: 99 })).steps).toBe(2);
    expect((await stopped({ tolerance: 0.5, most: 0 })).steps).toBe(0);
  });

  it('begin at 0, and stop where A is not positive', async () => {
    const { s, steps } = await conjugateGradient(async (v) => v.map((x) => -x), g, { tolerance: 0.1, most: 9 });
    expect([steps, [...s]]).toEqual([1, [0, 0, 0]]);
  });

  it('take no more steps where products are rounded to float32: residuals are kept orthogonal', async () => {
    // Eigenvalues 1 .. 1e5 in random directions: (I - 2uu') D (I - 2uu').
    const n = 60;
    const u = drawn(n);
    const unit = u.map((x) => x / norm(u));
    const reflect = (v: Float64Array) => sum(v, -2 * dot(unit, v), unit);
    const product = (v: Float64Array) => reflect(reflect(v).map((x, i) => x * (i < 4 ? 1e5 * (i + 1) : 1 + i / 10)));
    const b = drawn(n);
    const options = { tolerance: 1e-3, most: 250 };
    const exact = await conjugateGradient(async (v) => product(v), b, options);
    const rounded = await conjugateGradient(async (v) => Float64Array.from(Float32Array.from(product(v))), b, options);
    expect(rounded.steps).toBe(exact.steps);
    expect(norm(sum(rounded.s, -1, exact.s)) / norm(exact.s)).toBeLessThan(1e-4);
  });
});
