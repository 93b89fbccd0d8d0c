import { describe, expect, it } from 'vitest';
import { backtrack } from '../../lib/solvers/armijo.js';
import { type LinePoint, strongWolfe } from '../../lib/solvers/wolfe.js';
import { problem } from './problems.js';

describe('backtracking', () => {
  const parabola = (scale: number) =>
    problem(
      ([t]) => scale * t! ** 2,
      ([t]) => [2 * scale * t!],
    );
  const search = (scale: number, options = { beta: 0.5, nu: 0.1 }) => {
    const theta = Float64Array.of(1);
    return backtrack(
      parabola(scale),
      { theta, value: scale, slope: -4 * scale * scale },
      Float64Array.of(-2 * scale),
      options,
    );
  };

  it('takes the first of 1, beta, beta^2, ... that meets the Armijo condition', async () => {
    // f(1 - 2 a c) - c = -4 a c^2 (1 - a c) <= -4 nu a c^2 where a c <= 1 - nu.
    expect((await search(0.89))!.alpha).toBe(1);
    expect((await search(0.91))!.alpha).toBe(0.5);
    expect((await search(10))!.alpha).toBe(2 ** -4);
    expect((await search(10, { beta: 0.1, nu: 0.1 }))!.alpha).toBe(0.1 * 0.1);
    expect((await search(10, { beta: 0.5, nu: 0.45 }))!.alpha).toBe(2 ** -5);
    const { theta, value, alpha } = (await search(10))!;
    expect([theta[0], value]).toEqual([1 - 20 * alpha, 10 * theta[0]! ** 2]);
  });

  it('goes back from where f is not defined', async () => {
    const logarithm = problem(
      ([t]) => t! - Math.log(t!),
      ([t]) => [1 - 1 / t!],
    );
    const from = { theta: Float64Array.of(3), value: 3 - Math.log(3), slope: -4 * (1 - 1 / 3) };
    expect((await backtrack(logarithm, from, Float64Array.of(-4), { beta: 0.5, nu: 0.1 }))!.alpha).toBe(0.5);
  });

  it('finds nothing uphill, at a minimum or where the slope is NaN', async () => {
    for (const slope of [1, 0, Number.NaN]) {
      const from = { theta: Float64Array.of(1), value: 1, slope };
      expect(await backtrack(parabola(1), from, Float64Array.of(1), { beta: 0.5, nu: 0.1 })).toBeUndefined();
    }
    const lying = { theta: Float64Array.of(1), value: 1, slope: -1 };
    expect(await backtrack(parabola(1), lying, Float64Array.of(1), { beta: 0.5, nu: 0.1 })).toBeUndefined();
  });
});

/** Moré and Thuente's test functions 1, 2 and 4 (1994), and others; each with phi'. */
const functions: Record<string, [(a: number) => number, (a: number) => number]> = {
  'moré 1': [(a) => -a / (a * a + 2), (a) => (a * a - 2) / (a * a + 2) ** 2],
  'moré 2': [(a) => (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4, (a) => 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3],
  'moré 4': [
    (a) => gamma(0.001) * Math.sqrt((1 - a) ** 2 + 1e-6) + gamma(0.001) * Math.sqrt(a * a + 1e-6),
    (a) => (-gamma(0.001) * (1 - a)) / Math.sqrt((1 - a) ** 2 + 1e-6) + (gamma(0.001) * a) / Math.sqrt(a * a + 1e-6),
  ],
  wall: [(a) => (a < 2 ? -a - Math.log(2 - a) / 5 : Number.NaN), (a) => -1 + 0.2 / (2 - a)],
};

function gamma(beta: number): number {
  return Math.sqrt(1 + beta * beta) - beta;
}

describe('strong Wolfe', () => {
  for (const [name, [value, slope]] of Object.entries(functions))
    for (const first of [1e-3, 0.1, 1, 10])
      for (const [c1, c2] of [
        [1e-4, 0.9],
        [1e-3, 0.1],
      ] as const)
        it(`holds on ${name} from ${first} with c2 = ${c2}`, async () => {
          let evaluations = 0;
          const phi = async (alpha: number): Promise<LinePoint> => {
            evaluations++;
            return { alpha, value: value(alpha), slope: slope(alpha) };
          };
          const start = { alpha: 0, value: value(0), slope: slope(0) };
          const found = (await strongWolfe(phi, start, first, { c1, c2 }))!;
          expect(found.value).toBeLessThanOrEqual(start.value + c1 * found.alpha * start.slope);
          expect(Math.abs(found.slope)).toBeLessThanOrEqual(Math.max(-c2 * start.slope, 1e-7)); // flatter, f's rounding hides
          expect(evaluations).toBeLessThan(30);
        });

  it('finds nothing where f does not fall, and a lower point where no slope is flat enough', async () => {
    const phi = (value: (a: number) => number, slope: number) => async (alpha: number) => ({
      alpha,
      value: value(alpha),
      slope,
    });
    const options = { c1: 1e-4, c2: 0.9 };
    const start = { alpha: 0, value: 0, slope: -1 };
    expect(
      await strongWolfe(
        phi((a) => a, -1),
        start,
        1,
        options,
      ),
    ).toBeUndefined();
    expect(
      await strongWolfe(
        phi((a) => -a, -1),
        { ...start, slope: 1 },
        1,
        options,
      ),
    ).toBeUndefined();
    expect(
      (await strongWolfe(
        phi((a) => -a, -1),
        start,
        1,
        options,
      ))!.alpha,
    ).toBeGreaterThan(1000);
  });
});
