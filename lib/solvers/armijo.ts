/** Backtracking line search (lecture notes 2.1.1): alpha = 1, beta, beta^2, ... until the Armijo condition holds. */
import type { Problem, Vector } from './problem.js';
import { sum } from './vectors.js';

/** A shorter step is lost in rounding. */
const SHORTEST = 1e-12;

export interface ArmijoOptions {
  /** Factor of the step after each that was too long, in (0, 1). */
  readonly beta: number;
  /** Part of the slope's promise that must be kept, in (0, 1/2). */
  readonly nu: number;
}

export interface Step {
  readonly alpha: number;
  readonly theta: Vector;
  readonly value: number;
}

/**
 * The longest of these steps with f(theta + alpha s) - f(theta) <= nu alpha slope, slope = g's < 0; undefined where none is long enough
 * to matter. A value of NaN counts as too long.
 */
export async function backtrack(
  problem: Problem,
  from: { readonly theta: Vector; readonly value: number; readonly slope: number },
  s: Vector,
  { beta, nu }: ArmijoOptions,
): Promise<Step | undefined> {
  if (!(from.slope < 0)) return undefined;
  for (let alpha = 1; alpha >= SHORTEST; alpha *= beta) {
    const theta = sum(from.theta, alpha, s);
    const value = await problem.value(theta);
    if (value - from.value <= nu * alpha * from.slope) return { alpha, theta, value };
  }
  return undefined;
}
