/** Gradient descent with a backtracking line search (lecture notes 2.1): theta <- theta - alpha g over the whole data. */
import { type ArmijoOptions, backtrack } from './armijo.js';
import type { Problem, Solver, SolverOptions, Vector } from './problem.js';
import { norm, scaled } from './vectors.js';

/** Every iteration tries alpha = 1, beta, beta^2, ... anew. */
export async function* gradientDescent(
  problem: Problem,
  start: Vector,
  { iterations, tolerance, ...armijo }: SolverOptions & ArmijoOptions,
): Solver {
  let theta = start;
  let { value, gradient } = await problem.gradient(theta);
  let gradientNorm = norm(gradient);
  const enough = tolerance * gradientNorm;
  yield { iteration: 0, theta, objective: value, gradientNorm };
  for (let iteration = 1; iteration <= iterations; iteration++) {
    if (gradientNorm <= enough) return 'tolerance';
    const step = await backtrack(problem, { theta, value, slope: -(gradientNorm ** 2) }, scaled(gradient, -1), armijo);
    if (step === undefined) return 'line-search';
    theta = step.theta;
    ({ value, gradient } = await problem.gradient(theta));
    gradientNorm = norm(gradient);
    yield { iteration, theta, objective: value, gradientNorm, alpha: step.alpha };
  }
  return gradientNorm <= enough ? 'tolerance' : 'iterations';
}
