import { describe, expect, it } from 'vitest';
import { gradientDescent } from '../../lib/solvers/gradient-descent.js';
import { lbfgs } from '../../lib/solvers/lbfgs.js';
import { newtonCg } from '../../lib/solvers/newton-cg.js';
import { bowl, finish, problem, rosenbrock } from './problems.js';

const wolfe = { memory: 5, c1: 1e-4, c2: 0.9 };
const newton = { xi: 1e-10, cgMax: 99, lambda: 0, drop: 2 / 3, boost: 3 / 2, eta: 1e-4 };
const start = () => Float64Array.of(-1.2, 1);
const from = (theta: Float64Array) => ({ iteration: 0, theta });

describe('gradient descent', () => {
  it('halves the step until f falls enough', async () => {
    const { iterates, ending } = await finish(
      gradientDescent(bowl(1, 10), from(Float64Array.of(1, 0)), { iterations: 2, tolerance: 0, beta: 0.5, nu: 0.1 }),
    );
    expect(ending).toBe('iterations');
    // alpha = 1, 1/2, 1/4 leave 10 (1 - 10 alpha)^2 / 2 too large; 1/8 leaves (7/8, 10/8).
    expect(iterates.map(({ alpha }) => alpha)).toEqual([undefined, 1 / 8, 1 / 8]);
    expect([...iterates[1]!.theta]).toEqual([7 / 8, 10 / 8]);
    expect(iterates[1]!.objective).toBe((7 / 8) ** 2 / 2 + (10 * (1 / 4) ** 2) / 2);
    expect(iterates[1]!.gradientNorm).toBe(Math.hypot(7 / 8, 10 / 4));
  });

  it('ends at the tolerance, and at once where it begins at the minimum', async () => {
    const options = { iterations: 500, tolerance: 1e-3, beta: 0.5, nu: 0.1 };
    const { iterates, ending } = await finish(gradientDescent(bowl(1, 10), from(Float64Array.of(1, 0)), options));
    expect(ending).toBe('tolerance');
    expect(iterates.at(-1)!.gradientNorm).toBeLessThanOrEqual(1e-3 * iterates[0]!.gradientNorm);
    expect(iterates.at(-2)!.gradientNorm).toBeGreaterThan(1e-3 * iterates[0]!.gradientNorm);
    expect(await finish(gradientDescent(bowl(1, 10), from(Float64Array.of(0, 1)), options))).toMatchObject({
      ending: 'tolerance',
      iterates: [{ iteration: 0, objective: 0, gradientNorm: 0 }],
    });
  });
});

describe('L-BFGS', () => {
  it("finds the floor of Rosenbrock's valley in a few dozen gradients", async () => {
    const valley = rosenbrock();
    const { iterates, ending } = await finish(
      lbfgs(valley, from(start()), { iterations: 100, tolerance: 1e-10, ...wolfe }),
    );
    expect(ending).toBe('tolerance');
    for (const t of iterates.at(-1)!.theta) expect(t).toBeCloseTo(1, 8);
    expect(valley.gradients).toBeLessThan(60);
    for (const [i, { objective }] of iterates.entries())
      if (i > 0) expect(objective).toBeLessThan(iterates[i - 1]!.objective);
  });

  it('remembers no more pairs than it may, and needs more steps with fewer', async () => {
    const scales = Array.from({ length: 30 }, (_, i) => 1 + i ** 2);
    const steps = async (memory: number) => {
      const options = { iterations: 400, tolerance: 1e-8, ...wolfe, memory };
      const { iterates, ending } = await finish(lbfgs(bowl(...scales), from(new Float64Array(30)), options));
      expect(ending).toBe('tolerance');
      return iterates.length;
    };
    expect(await steps(20)).toBeLessThan(await steps(1));
  });

  it('is steepest descent at first, then has the curvature of the last step', async () => {
    const { iterates } = await finish(
      lbfgs(bowl(4), from(Float64Array.of(1)), { iterations: 2, tolerance: 0, ...wolfe }),
    );
    expect(iterates[1]!.theta[0]).toBe(0); // a first step of length 1
    expect(
      (await finish(lbfgs(bowl(4), from(Float64Array.of(3)), { iterations: 2, tolerance: 0, ...wolfe }))).iterates[2]!
        .theta[0],
    ).toBeCloseTo(0, 14);
  });

  it('says so where no step helps', async () => {
    const liar = problem(
      ([t]) => Math.abs(t!),
      () => [-1],
    );
    expect(
      await finish(lbfgs(liar, from(Float64Array.of(0)), { iterations: 9, tolerance: 0, ...wolfe })),
    ).toMatchObject({
      ending: 'line-search',
    });
  });
});

describe('Newton-CG', () => {
  it('solves a quadratic in one iteration, foretold exactly', async () => {
    const { iterates, ending } = await finish(
      newtonCg(bowl(1, 10, 100), from(new Float64Array(3)), { iterations: 5, tolerance: 1e-6, ...newton }),
    );
    expect(ending).toBe('tolerance');
    expect(iterates).toHaveLength(2);
    for (const [i, t] of iterates[1]!.theta.entries()) expect(t).toBeCloseTo(i, 12);
    expect(iterates[1]).toMatchObject({ alpha: 1, cgSteps: 2, lambda: 0 });
    expect(iterates[1]!.ratio).toBeCloseTo(1, 12);
    expect(iterates[1]!.actred).toBeCloseTo(-205, 9);
    expect(iterates[1]!.prered).toBeCloseTo(-205, 9);
  });

  it("goes down Rosenbrock's valley with Gauss-Newton's matrix", async () => {
    const { iterates, ending } = await finish(
      newtonCg(rosenbrock(), from(start()), { iterations: 60, tolerance: 1e-8, ...newton, lambda: 0.1 }),
    );
    expect(ending).toBe('tolerance');
    for (const t of iterates.at(-1)!.theta) expect(t).toBeCloseTo(1, 5);
  });

  it('damps: lambda falls where the model is right, rises where it is wrong, and stays 0', async () => {
    const lambdas = async (f: ReturnType<typeof bowl>, lambda: number) =>
      (
        await finish(newtonCg(f, from(Float64Array.of(3)), { iterations: 2, tolerance: 0, ...newton, lambda }))
      ).iterates.map((iterate) => iterate.lambda);
    expect(await lambdas(bowl(1), 9)).toEqual([9, 6, 4]);
    expect(await lambdas(bowl(1), 0)).toEqual([0, 0]);
    const wrong = { ...bowl(1), curvature: async () => async (v: Float64Array) => v.map((x) => x / 1.9) };
    expect((await lambdas(wrong, 1e-9))[1]).toBeCloseTo(1.5e-9, 20);
  });

  it('gives up where the matrix sends it nowhere', async () => {
    const flat = { ...bowl(1), curvature: async () => async (v: Float64Array) => v.map(() => 0) };
    expect(
      await finish(newtonCg(flat, from(Float64Array.of(3)), { iterations: 2, tolerance: 0, ...newton })),
    ).toMatchObject({
      ending: 'line-search',
    });
  });
});
