/**
 * Dual coordinate descent for f(w) = w'w/2 + C sum_i max(0, 1 - y_i w'x_i). Its dual,
 *
 *   max D(a) = sum_i a_i - |w|^2 / 2,   w = sum_i a_i y_i x_i,   0 <= a_i <= C,
 *
 * is raised one a_i at a time. Rows whose a_i seems to stay at 0 or C are visited less and less often, and then left out for a while
 * (shrinking). f(w) - D(a) bounds the distance to the least value and says when to stop. Where the free a_i (0 < a_i < C) converge slowly,
 * conjugate gradients on them alone take over now and then: see hinge-face.ts. Source: Hsieh, Chang, Lin, Keerthi and Sundararajan,
 * "A dual coordinate descent method for large-scale linear SVM" (ICML 2008).
 */
import type { SparseRows } from '../../data/sparse.js';
import { RandomStream } from '../../random.js';
import { dot, multiply } from '../vectors.js';
import type { Design } from './design.js';
import { Face } from './hinge-face.js';
import type { Solution, Stopping } from './newton.js';
import { shuffle } from './shuffle.js';
import { BLOCK, inBlocks, PAUSE, type Work } from './work.js';

/** f costs a pass over all entries: it is computed after so many passes, and a part of all work so far. */
const CHECK_PASSES = 3;
const CHECK_PART = 0.1;
/** Most epochs that a row sleeps. With 0, a9a takes 0.24 s to a gap of 1e-3 and 0.25 s to 1e-4; with 15 it takes 0.13 s and 0.17 s. */
const SLEEP = 15;
/**
 * While many rows are active, neighbours in memory are visited together: that takes a quarter off an epoch where the rows (100,000 of 40
 * values) do not fit the cache, and a tenth where they nearly do (a9a). The number of epochs is the same.
 */
const NEIGHBOURS = 8;
const MANY = 4096;
/** Violation that is no more than rounding. */
const ROUNDING = 1e-14;

/** The dual problem: a and w, and which rows are active. */
export class Dual {
  readonly alpha: Float64Array;
  readonly w: Float64Array;
  /** Rows; the first `active` are visited. */
  readonly order: Int32Array;
  active: number;
  /** Sum of alpha. */
  sum = 0;
  /** Entries visited since the beginning (a row counts as one more), and those of free rows in the last epoch. */
  work = 0;
  freeEntries = 0;
  /** |x_i|^2. */
  readonly #squares: Float64Array;
  /** Epochs that a row still sleeps, and slept last. */
  readonly #asleep: Uint8Array;
  readonly #sleep: Uint8Array;
  /** Rows at 0 whose slope is above, and at C whose slope is below, are left out. */
  #above = Number.POSITIVE_INFINITY;
  #below = Number.NEGATIVE_INFINITY;
  /** Largest and least projected slope of the epoch so far. */
  #max = 0;
  #min = 0;
  readonly #random: RandomStream;

  constructor(
    readonly design: Design,
    readonly y: Float64Array,
    readonly C: number,
    seed: number,
  ) {
    const { rows, size } = design;
    this.alpha = new Float64Array(rows);
    this.w = new Float64Array(size);
    this.#squares = new Float64Array(rows).fill(design.bias * design.bias);
    this.order = new Int32Array(rows);
    for (let i = 0; i < rows; i++) this.order[i] = i;
    this.active = rows;
    this.#asleep = new Uint8Array(rows);
    this.#sleep = new Uint8Array(rows);
    this.#random = new RandomStream(seed, 0);
  }

  /** Before the first epoch: computes |x_i|^2. */
  *prepare(): Work<void> {
    const { x, blocks } = this.design;
    yield* inBlocks(blocks, (begin, end) => addSquares(x, this.#squares, begin, end));
  }

  /** Visits each active row that is awake; gives the largest difference of slopes that were met (0 at the maximum of D). */
  *epoch(): Work<number> {
    const { active } = this;
    shuffle(this.order, active, active > MANY ? NEIGHBOURS : 1, this.#random.word());
    this.#max = Number.NEGATIVE_INFINITY;
    this.#min = Number.POSITIVE_INFINITY;
    this.freeEntries = 0;
    const { x, rows } = this.design;
    const block = Math.ceil((BLOCK * rows) / (x.values.length + rows));
    for (let at = 0, blocks = 1; at < this.active; blocks++) {
      at = this.#sweep(at, block);
      if (blocks % PAUSE === 0) yield;
    }
    const [max, min] = [this.#max, this.#min];
    this.#above = max <= 0 ? Number.POSITIVE_INFINITY : max;
    this.#below = min >= 0 ? Number.NEGATIVE_INFINITY : min;
    return max - min;
  }

  /** Visits up to `count` rows from place `at` of the order on; gives the place of the next. */
  #sweep(at: number, count: number): number {
    const { alpha, w, order, y, C } = this;
    const { bias } = this.design;
    const { starts, indices, values } = this.design.x;
    const squares = this.#squares;
    const asleep = this.#asleep;
    const sleep = this.#sleep;
    const above = this.#above;
    const below = this.#below;
    const last = w.length - 1;
    let active = this.active;
    let max = this.#max;
    let min = this.#min;
    let work = 0;
    let free = 0;
    let risen = 0;
    for (let visits = 0; visits < count && at < active; visits++) {
      const i = order[at]!;
      if (asleep[i]! > 0) {
        asleep[i]!--;
        at++;
        continue;
      }
      const begin = starts[i]!;
      const end = starts[i + 1]!;
      const a = alpha[i]!;
      let u = bias === 0 ? 0 : bias * w[last]!;
      for (let k = begin; k < end; k++) u += values[k]! * w[indices[k]!]!;
      work += end - begin + 1;
      let slope = y[i]! * u - 1;
      if ((a === 0 && slope > above) || (a === C && slope < below)) {
        active--;
        order[at] = order[active]!;
        order[active] = i;
        continue;
      }
      at++;
      if ((a === 0 && slope >= 0) || (a === C && slope <= 0)) {
        slope = 0;
        asleep[i] = sleep[i] = Math.min(SLEEP, 2 * sleep[i]! + 1);
      } else sleep[i] = 0;
      if (slope > max) max = slope;
      if (slope < min) min = slope;
      if (slope === 0) continue;
      if (a > 0 && a < C) free += end - begin + 1;
      const next = Math.min(C, Math.max(0, a - slope / squares[i]!));
      if (next === a) continue;
      const step = (next - a) * y[i]!;
      alpha[i] = next;
      risen += next - a;
      for (let k = begin; k < end; k++) w[indices[k]!]! += step * values[k]!;
      if (bias !== 0) w[last]! += step * bias;
      work += end - begin + 1;
    }
    this.active = active;
    this.#max = max;
    this.#min = min;
    this.work += work;
    this.freeEntries += free;
    this.sum += risen;
    return at;
  }

  /** All rows are active and awake again, and w is computed anew: what many small steps lost is made good. */
  *restore(): Work<void> {
    const { alpha, y, w } = this;
    this.active = alpha.length;
    this.#asleep.fill(0);
    this.#above = Number.POSITIVE_INFINITY;
    this.#below = Number.NEGATIVE_INFINITY;
    const signed = new Float64Array(alpha.length);
    multiply(alpha, y, signed);
    this.sum = dot(signed, y);
    w.fill(0);
    yield* this.design.addTransposeTimes(signed, w);
  }

  /** D(a). */
  value(): number {
    return this.sum - dot(this.w, this.w) / 2;
  }

  /** f(w). */
  *primal(u: Float64Array): Work<number> {
    const { design, y, w, C } = this;
    yield* design.times(w, u);
    return dot(w, w) / 2 + C * hingeSum(y, u);
  }
}

/** Sum of max(0, 1 - y_i u_i). */
function hingeSum(y: Float64Array, u: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) {
    const short = 1 - y[i]! * u[i]!;
    if (short > 0) sum += short;
  }
  return sum;
}

/** out_i = out_i + |x_i|^2 for rows [begin, end). */
function addSquares({ starts, values }: SparseRows, out: Float64Array, begin: number, end: number): void {
  for (let i = begin; i < end; i++)
    for (let k = starts[i]!; k < starts[i + 1]!; k++) out[i]! += values[k]! * values[k]!;
}

/** Puts the w with the least f that was met into `best`. */
export function* solveHinge(
  design: Design,
  y: Float64Array,
  C: number,
  best: Float64Array,
  { tolerance, maxIterations, seed }: Stopping & { readonly seed: number },
): Work<Solution> {
  const dual = new Dual(design, y, C, seed);
  yield* dual.prepare();
  const face = new Face(dual);
  const u = new Float64Array(design.rows);
  const pass = design.x.values.length + design.rows;
  let [objective, wanted, checkAt] = [Number.POSITIVE_INFINITY, 0.1, 0];
  for (let epoch = 1; ; epoch++) {
    const whole = dual.active === design.rows;
    const violation = yield* dual.epoch();
    const settled = violation <= wanted;
    if (settled) {
      wanted *= 0.3;
      yield* dual.restore();
    }
    if (settled || dual.work >= checkAt || epoch === maxIterations) {
      checkAt = (1 + CHECK_PART) * dual.work + CHECK_PASSES * pass;
      const value = yield* dual.primal(u);
      if (value < objective) {
        objective = value;
        best.set(dual.w);
      }
      const gap = Math.max(0, objective - dual.value());
      yield { iterations: epoch, objective, gap: gap / objective, problem: 0, problems: 1 };
      const over = epoch === maxIterations || (whole && violation <= ROUNDING);
      if (gap <= tolerance * objective || over) return { objective, gap, iterations: epoch };
    }
    yield* face.improve();
  }
}
