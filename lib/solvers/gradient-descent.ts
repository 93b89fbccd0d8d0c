/** Gradient descent with a backtracking line search (lecture notes 2.1): theta <- theta - alpha g over the whole data. */
import { type ArmijoOptions, backtrack } from './armijo.js';
import type { Origin, Problem, Solver, SolverOptions } from './problem.js';
import { norm, scaled } from './vectors.js';

/** Every iteration tries alpha = 1, beta, beta^2, ... anew. */
export async function* gradientDescent(
  problem: Problem,
  origin: Origin,
  { iterations, tolerance, ...armijo }: SolverOptions & ArmijoOptions,
): Solver {
  let { theta } = origin;
  let { value, gradient } = await problem.gradient(theta);
  let gradientNorm = norm(gradient);
  const enough = origin.memory?.numbers.enough ?? tolerance * gradientNorm;
  const memory = { numbers: { enough }, vectors: [] };
  yield { iteration: origin.iteration, theta, memory, objective: value, gradientNorm };
  for (let iteration = origin.iteration + 1; iteration <= iterations; iteration++) {
    if (gradientNorm <= enough) return 'tolerance';
    const step = await backtrack(problem, { theta, value, slope: -(gradientNorm ** 2) }, scaled(gradient, -1), armijo);
    if (step === undefined) return 'line-search';
    theta = step.theta;
    ({ value, gradient } = await problem.gradient(theta));
    gradientNorm = norm(gradient);
    yield { iteration, theta, memory, objective: value, gradientNorm, alpha: step.alpha };
  }
  return gradientNorm <= enough ? 'tolerance' : 'iterations';
}
