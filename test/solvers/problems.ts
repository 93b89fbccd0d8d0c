/** Functions for the tests of solvers. */
import type { CurvedProblem, Iterate, Solver, Vector } from '../../lib/solvers/problem.js';

/** A problem by its formulas; counts what was asked for. `hessian` is what curvature multiplies by. */
export function problem(
  value: (t: Vector) => number,
  gradient: (t: Vector) => number[],
  hessian?: (t: Vector) => number[][],
): CurvedProblem & { values: number; gradients: number; products: number } {
  const counted = {
    values: 0,
    gradients: 0,
    products: 0,
    async value(theta: Vector) {
      counted.values++;
      return value(theta);
    },
    async gradient(theta: Vector) {
      counted.gradients++;
      return { value: value(theta), gradient: Float64Array.from(gradient(theta)) };
    },
    async curvature(theta: Vector) {
      const H = hessian!(theta);
      return async (v: Vector) => {
        counted.products++;
        return times(H, v);
      };
    },
  };
  return counted;
}

export function times(matrix: readonly (readonly number[])[], v: Vector): Vector {
  return Float64Array.from(matrix, (row) => row.reduce((sum, a, i) => sum + a * v[i]!, 0));
}

/** Rosenbrock's valley: least, 0, at (1, 1). */
export const rosenbrock = () =>
  problem(
    ([x, y]) => (1 - x!) ** 2 + 100 * (y! - x! ** 2) ** 2,
    ([x, y]) => [-2 * (1 - x!) - 400 * x! * (y! - x! ** 2), 200 * (y! - x! ** 2)],
    ([x]) => [
      [2 + 800 * x! ** 2, -400 * x!],
      [-400 * x!, 200],
    ], // Gauss-Newton's
  );

/** Sum of scale_i (t_i - i)^2 / 2. */
export function bowl(...scales: number[]) {
  return problem(
    (t) => scales.reduce((sum, s, i) => sum + (s * (t[i]! - i) ** 2) / 2, 0),
    (t) => scales.map((s, i) => s * (t[i]! - i)),
    () => scales.map((s, i) => scales.map((_, j) => (i === j ? s : 0))),
  );
}

/** Runs a solver to its end. */
export async function finish(solver: Solver): Promise<{ iterates: Iterate[]; ending: string }> {
  const iterates: Iterate[] = [];
  for (;;) {
    const { done, value } = await solver.next();
    if (done) return { iterates, ending: value };
    iterates.push(value);
  }
}
