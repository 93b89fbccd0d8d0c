/**
 * Limited-memory BFGS (Nocedal 1980; Liu and Nocedal 1989): the direction is -H g, where H, an approximation of the inverse Hessian, is made
 * anew from the last few steps s and changes y of the gradient, by two loops over them.
 */
import type { Memory, Origin, Problem, Solver, SolverOptions, Vector } from './problem.js';
import { add, dot, norm, scaled, sum } from './vectors.js';
import { type LinePoint, strongWolfe, type WolfeOptions } from './wolfe.js';

export interface LbfgsOptions extends SolverOptions, WolfeOptions {
  /** Pairs of s and y that are kept. */
  readonly memory: number;
}

interface Pair {
  readonly s: Vector;
  readonly y: Vector;
  /** s'y > 0. */
  readonly sy: number;
}

interface Point extends LinePoint {
  readonly theta: Vector;
  readonly gradient: Vector;
}

export async function* lbfgs(problem: Problem, origin: Origin, options: LbfgsOptions): Solver {
  const { iterations, tolerance, memory } = options;
  const { theta } = origin;
  let at: Point = { alpha: 0, slope: 0, theta, ...(await problem.gradient(theta)) };
  let gradientNorm = norm(at.gradient);
  const enough = origin.memory?.numbers.enough ?? tolerance * gradientNorm;
  let pairs = pairsOf(origin.memory?.vectors ?? []);
  const kept = (): Memory => ({ numbers: { enough }, vectors: pairs.flatMap(({ s, y }) => [s, y]) });
  yield { iteration: origin.iteration, theta, memory: kept(), objective: at.value, gradientNorm };
  for (let iteration = origin.iteration + 1; iteration <= iterations; iteration++) {
    if (gradientNorm <= enough) return 'tolerance';
    let next = await search(problem, at, pairs, options);
    if (next === undefined && pairs.length > 0) {
      pairs = []; // the pairs may be worn out: once more along the gradient alone
      next = await search(problem, at, pairs, options);
    }
    if (next === undefined) return 'line-search';
    pairs = remember(pairs, at, next, memory);
    at = next;
    gradientNorm = norm(at.gradient);
    yield { iteration, theta: at.theta, memory: kept(), objective: at.value, gradientNorm, alpha: at.alpha };
  }
  return gradientNorm <= enough ? 'tolerance' : 'iterations';
}

/** Pairs whose s and y take turns in a list. */
function pairsOf(vectors: readonly Vector[]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i + 1 < vectors.length; i += 2) {
    const [s, y] = [vectors[i]!, vectors[i + 1]!];
    pairs.push({ s, y, sy: dot(s, y) });
  }
  return pairs;
}

/** The next point along the direction of these pairs; without any, the first step is one of length 1 at most. */
function search(
  problem: Problem,
  at: Point,
  pairs: readonly Pair[],
  options: WolfeOptions,
): Promise<Point | undefined> {
  const direction = directionOf(at.gradient, pairs);
  const phi = async (alpha: number): Promise<Point> => {
    const theta = sum(at.theta, alpha, direction);
    const { value, gradient } = await problem.gradient(theta);
    return { alpha, value, slope: dot(gradient, direction), theta, gradient };
  };
  const first = pairs.length > 0 ? 1 : Math.min(1, 1 / norm(direction));
  return strongWolfe(phi, { ...at, alpha: 0, slope: dot(at.gradient, direction) }, first, options);
}

/** -H g by two loops; H begins as s'y / y'y of the newest pair. */
function directionOf(gradient: Vector, pairs: readonly Pair[]): Vector {
  const q = scaled(gradient, -1);
  const alphas: number[] = [];
  for (const { s, y, sy } of pairs.toReversed()) {
    const alpha = dot(s, q) / sy;
    alphas.unshift(alpha);
    add(q, -alpha, y);
  }
  const newest = pairs.at(-1);
  const direction = newest === undefined ? q : scaled(q, newest.sy / dot(newest.y, newest.y));
  for (const [i, { s, y, sy }] of pairs.entries()) add(direction, alphas[i]! - dot(y, direction) / sy, s);
  return direction;
}

/** The pairs with the newest, without the oldest beyond `memory`. One without curvature is left out. */
function remember(pairs: readonly Pair[], from: Point, to: Point, memory: number): Pair[] {
  const s = sum(to.theta, -1, from.theta);
  const y = sum(to.gradient, -1, from.gradient);
  const sy = dot(s, y);
  if (!(sy > Number.EPSILON * dot(y, y))) return [...pairs];
  return [...pairs, { s, y, sy }].slice(-memory);
}
