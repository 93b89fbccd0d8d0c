/**
 * Coordinate descent for f(w) = |w|_1 + C sum_i xi(y_i w'x_i) with a smooth loss. Each iteration replaces the losses by their second-order
 * expansion at w, brings the sum of it and |w + d|_1 near its minimum (l1-model.ts), and goes to w + alpha d with the first alpha of 1,
 * 1/2, 1/4 ... that lets f fall enough. Source: Yuan, Ho and Lin, "An improved GLMNET for L1-regularized logistic regression" (JMLR 2012).
 *
 * When to stop is told by the dual: for any t with t |X's|_inf <= 1, where s are the slopes of C xi at the decision values,
 * sum_i -(C xi)*(t s_i) is at most min f.
 */
import { RandomStream } from '../../random.js';
import { add, dot } from '../vectors.js';
import type { Design } from './design.js';
import { Gram } from './gram.js';
import { L1Model } from './l1-model.js';
import type { SmoothLoss } from './losses.js';
import { ROUNDING, type Solution, type Stopping } from './newton.js';
import { RowLosses } from './row-losses.js';
import type { Work } from './work.js';

const ARMIJO = 1e-2;
const HALVINGS = 40;
/** Part of the violation that is left in the model's minimum. */
const ENOUGH = 0.1;

export function* solveL1(
  design: Design,
  y: Float64Array,
  loss: SmoothLoss,
  C: number,
  w: Float64Array,
  { tolerance, maxIterations, seed }: Stopping & { readonly seed: number },
): Work<Solution> {
  const losses = new RowLosses(design, y, loss, C);
  const random = new RandomStream(seed, 0);
  const gram = Gram.pays(design) ? new Gram(design) : undefined;
  const model = gram
    ? new L1Model(gram.columns, new Float64Array(design.size).fill(1), w, random)
    : new L1Model(yield* design.columns(), losses.curvature, w, random);
  const { d, g, h } = model;
  let [bound, wanted] = [0, Number.POSITIVE_INFINITY];
  for (let iterations = 0; ; iterations++) {
    yield* losses.derive();
    g.fill(0);
    h.fill(0);
    yield* design.addDerivatives(losses.slope, losses.curvature, g, h);
    const size = norm1(w, d, 0);
    const objective = losses.value + size;
    bound = Math.max(bound, yield* losses.dual(Math.min(1, 1 / largest(g))));
    const gap = Math.max(0, objective - bound);
    yield { iterations, objective, gap: gap / objective, problem: 0, problems: 1 };
    const enough = gap <= tolerance * objective || iterations === maxIterations;
    if (enough || gap > wanted) return { objective, gap, iterations };
    if (gram) yield* gram.factor(losses.curvature);
    yield* model.minimise(ENOUGH * model.begin());
    yield* design.times(d, losses.us);
    const promised = dot(g, d) + norm1(w, d, 1) - size;
    const trusted = -promised < ROUNDING * objective;
    wanted = trusted ? gap / 2 : Number.POSITIVE_INFINITY;
    const alpha = trusted ? 1 : yield* search(losses, w, d, size, promised);
    if (alpha === 0) return { objective, gap, iterations };
    add(w, alpha, d);
    add(losses.u, alpha, losses.us);
  }
}

/** The first alpha of 1, 1/2 ... that lets f fall enough along d; 0 where none does. `size`: |w|_1. */
function* search(losses: RowLosses, w: Float64Array, d: Float64Array, size: number, promised: number): Work<number> {
  if (!(promised < 0)) return 0;
  for (let [alpha, halvings] = [1, 0]; halvings < HALVINGS; alpha /= 2, halvings++) {
    const change = norm1(w, d, alpha) - size + ((yield* losses.along(alpha)) - losses.value);
    if (change <= ARMIJO * alpha * promised) return alpha;
  }
  return 0;
}

/** |w + alpha d|_1. */
function norm1(w: Float64Array, d: Float64Array, alpha: number): number {
  let sum = 0;
  for (let j = 0; j < w.length; j++) sum += Math.abs(w[j]! + alpha * d[j]!);
  return sum;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (let j = 0; j < values.length; j++) most = Math.max(most, Math.abs(values[j]!));
  return most;
}
