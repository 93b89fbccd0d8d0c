/**
 * Newton-CG with a sub-sampled Gauss-Newton matrix (Wang, Tan and Lin, "Newton methods for convolutional neural networks", 2020): each direction
 * solves (G + lambda I) s = -g roughly, by conjugate gradients, with G from a sample of the rows and g from all; a backtracking line search
 * on the full objective follows. lambda goes by Levenberg and Marquardt's rule: how well the quadratic model foretold f's change.
 */
import { backtrack } from './armijo.js';
import { conjugateGradient } from './conjugate-gradient.js';
import type { CurvedProblem, Origin, Solver, SolverOptions, Vector } from './problem.js';
import { dot, norm, sum } from './vectors.js';

export interface NewtonCgOptions extends SolverOptions {
  /** CG ends where |(G + lambda I) s + g| <= xi |g|, or after cgMax steps. */
  readonly xi: number;
  readonly cgMax: number;
  /** Damping at the start; 0: none, ever. */
  readonly lambda: number;
  /** Factors of lambda where the model did well (ratio >= 0.75) and badly (ratio < 0.25). */
  readonly drop: number;
  readonly boost: number;
  /** Of the line search, whose steps are halved. */
  readonly eta: number;
}

export async function* newtonCg(problem: CurvedProblem, origin: Origin, options: NewtonCgOptions): Solver {
  const { iterations, tolerance, xi, cgMax, drop, boost, eta } = options;
  let lambda = origin.memory?.numbers.lambda ?? options.lambda;
  let { theta } = origin;
  let { value, gradient } = await problem.gradient(theta);
  let gradientNorm = norm(gradient);
  const enough = origin.memory?.numbers.enough ?? tolerance * gradientNorm;
  const kept = () => ({ numbers: { enough, lambda }, vectors: [] });
  yield { iteration: origin.iteration, theta, memory: kept(), objective: value, gradientNorm, lambda };
  for (let iteration = origin.iteration + 1; iteration <= iterations; iteration++) {
    if (gradientNorm <= enough) return 'tolerance';
    const curvature = await problem.curvature(theta, iteration);
    const damped = async (v: Vector) => sum(await curvature(v), lambda, v);
    const cg = await conjugateGradient(damped, gradient, { tolerance: xi, most: cgMax });
    const slope = dot(gradient, cg.s);
    const step = await backtrack(problem, { theta, value, slope }, cg.s, { beta: 1 / 2, nu: eta });
    if (step === undefined) return 'line-search';
    const { alpha } = step;
    const undamped = cg.curvature - lambda * dot(cg.s, cg.s);
    const prered = alpha * slope + (alpha ** 2 / 2) * undamped;
    const actred = step.value - value;
    const ratio = actred / prered;
    if (ratio < 0.25) lambda *= boost;
    else if (ratio >= 0.75) lambda *= drop;
    theta = step.theta;
    ({ value, gradient } = await problem.gradient(theta));
    gradientNorm = norm(gradient);
    const { steps: cgSteps } = cg;
    const figures = { alpha, ratio, lambda, cgSteps, actred, prered };
    yield { iteration, theta, memory: kept(), objective: value, gradientNorm, ...figures };
  }
  return gradientNorm <= enough ? 'tolerance' : 'iterations';
}
