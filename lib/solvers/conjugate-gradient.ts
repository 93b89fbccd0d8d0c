/**
 * The conjugate gradient method (Hestenes and Stiefel 1952) for A s = -g, A positive definite: A is only ever multiplied by. It begins at s = 0, so
 * each s it passes is a descent direction of g.
 */
import type { Vector } from './problem.js';
import { add, dot, scaled, turn } from './vectors.js';

/**
 * Residuals are orthogonal to each other until rounding mixes the largest eigenvalues' directions, which come first, into later ones again; CG then
 * does its work twice. Keeping each residual orthogonal to the first so many spares that (on the golden run in float32: 18 steps, as in
 * float64, in place of 20, and six equal digits of f in place of three).
 */
const KEPT = 32;

export interface CgResult {
  readonly s: Vector;
  /** Products with A. */
  readonly steps: number;
  /** s'A s. */
  readonly curvature: number;
}

/**
 * Ends where |A s + g| <= tolerance |g|, after `most` steps, or where rounding has made A look indefinite.
 */
export async function conjugateGradient(
  product: (vector: Vector) => Promise<Vector>,
  gradient: Vector,
  { tolerance, most }: { readonly tolerance: number; readonly most: number },
): Promise<CgResult> {
  const s = new Float64Array(gradient.length);
  const residual = scaled(gradient, -1);
  const direction: Vector = residual.slice();
  let square = dot(residual, residual);
  const enough = tolerance ** 2 * square;
  const kept: Vector[] = [];
  let steps = 0;
  while (steps < most && square > enough) {
    const image = await product(direction);
    steps++;
    const curvature = dot(direction, image);
    if (!(curvature > 0)) break;
    const alpha = square / curvature;
    if (kept.length < KEPT) kept.push(scaled(residual, 1 / Math.sqrt(square)));
    add(s, alpha, direction);
    add(residual, -alpha, image);
    for (const q of kept) add(residual, -dot(q, residual), q);
    const before = square;
    square = dot(residual, residual);
    turn(direction, residual, square / before);
  }
  // A s = -g - residual.
  return { s, steps, curvature: -dot(s, gradient) - dot(s, residual) };
}
