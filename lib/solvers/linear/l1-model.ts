/**
 * The quadratic model of l1.ts, and its minimum. With W = diag(curvature), slopes g and damping e,
 *
 *   q(d) = g'd + d'(X'WX + e I)d / 2 + |w + d|_1.
 *
 * Passes of coordinate descent find which w_j + d_j are 0 and the signs of the others; on those, q is a plain quadratic, and conjugate
 * gradients finish what coordinate descent would take very long for where columns depend on each other.
 */
import type { RandomStream } from '../../random.js';
import { add, dot, multiply, turn } from '../vectors.js';
import { type Columns, columnProducts, combineColumns } from './columns.js';
import { shuffle } from './shuffle.js';
import { BLOCK, PAUSE, type Work } from './work.js';

const MOST_PASSES = 50;
/** A pass is slow that leaves more than this part of the violation. */
const SLOW = 0.7;
/** Steps of conjugate gradients at a time. */
const FEWEST_CG = 16;
const MOST_CG = 128;
const HALVINGS = 20;
/** Least fall of q, as a part of what its slope promises. */
const SUFFICIENT = 0.01;
/** Least curvature along a column, relative to the largest. */
const DAMPING = 1e-12;
/** Curvature along a direction, relative to that of the diagonal, below which q is taken for linear. */
const FLAT = 1e-7;

/** By how much slope G of the smooth part breaks the condition of a minimum at w_j = x. */
const violationAt = (G: number, x: number) =>
  x > 0 ? Math.abs(G + 1) : x < 0 ? Math.abs(G - 1) : Math.max(0, Math.abs(G) - 1);

/** The step from x to the least value of G s + h s^2 / 2 + |x + s|. */
function softStep(G: number, h: number, x: number): number {
  if (G + 1 < h * x) return -(G + 1) / h;
  if (G - 1 > h * x) return -(G - 1) / h;
  return -x;
}

export class L1Model {
  readonly g: Float64Array;
  /** Diagonal of X'WX + e I. */
  readonly h: Float64Array;
  readonly d: Float64Array;
  /** W X d. */
  readonly #wxd: Float64Array;
  /** Columns that are visited: the first `active` of the list. */
  readonly #list: Int32Array;
  #active = 0;
  /** Columns at 0 whose slope is this much inside (-1, 1) are left out. */
  #slack = 0;
  #violation = 0;
  #damping = 0;
  /** Columns with w_j + d_j not 0, and vectors over them. */
  readonly #face: Int32Array;
  readonly #buffers: Float64Array[];
  readonly #perRow: Float64Array;

  constructor(
    readonly columns: Columns,
    readonly curvature: Float64Array,
    readonly w: Float64Array,
    readonly random: RandomStream,
  ) {
    const size = w.length;
    [this.g, this.h, this.d] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
    [this.#wxd, this.#perRow] = [new Float64Array(curvature.length), new Float64Array(curvature.length)];
    [this.#list, this.#face] = [new Int32Array(size), new Int32Array(size)];
    this.#buffers = Array.from({ length: 6 }, () => new Float64Array(size));
  }

  /**
   * Begins at d = 0, with g, curvature and the diagonal of X'WX (in h) as they are: chooses the columns to visit (those with a weight, and
   * those whose slope is near 1 or -1 or beyond), and returns the sum of violations.
   */
  begin(): number {
    const { w, g, h, d } = this;
    let [sum, most, largest] = [0, 0, 0];
    for (let j = 0; j < w.length; j++) {
      const violation = violationAt(g[j]!, w[j]!);
      sum += violation;
      most = Math.max(most, violation);
      largest = Math.max(largest, h[j]!);
    }
    this.#slack = Math.min(1, most);
    this.#damping = DAMPING * largest + Number.MIN_VALUE;
    this.#active = 0;
    for (let j = 0; j < w.length; j++) {
      h[j]! += this.#damping;
      if (w[j] !== 0 || Math.abs(g[j]!) >= 1 - this.#slack) this.#list[this.#active++] = j;
    }
    d.fill(0);
    this.#wxd.fill(0);
    return sum;
  }

  /**
   * Brings d near the minimum of q: until the sum of violations in a pass is at most `enough`. Conjugate gradients help where a pass
   * leaves much of the violation of the one before, with more steps each time.
   */
  *minimise(enough: number): Work<void> {
    let [before, steps] = [Number.POSITIVE_INFINITY, FEWEST_CG];
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      shuffle(this.#list, this.#active, 1, this.random.word());
      this.#violation = 0;
      for (let at = 0, block = 1; at < this.#active; block++) {
        at = this.#sweep(at);
        if (block % PAUSE === 0) yield;
      }
      if (this.#violation <= enough) return;
      const slow = this.#violation > SLOW * before;
      before = slow ? Number.POSITIVE_INFINITY : this.#violation;
      if (!slow) continue;
      yield* this.#finish(enough / 2, steps);
      steps = Math.min(2 * steps, MOST_CG);
    }
  }

  /** Visits columns from place `at` of the list on, some BLOCK entries of them; gives the place of the next. */
  #sweep(at: number): number {
    const { w, d, g, h, curvature } = this;
    const { starts, rows, values } = this.columns;
    const list = this.#list;
    const wxd = this.#wxd;
    const damping = this.#damping;
    const inside = 1 - this.#slack;
    let active = this.#active;
    let violation = 0;
    for (let budget = BLOCK; budget > 0 && at < active; ) {
      const j = list[at]!;
      const begin = starts[j]!;
      const end = starts[j + 1]!;
      let G = g[j]! + damping * d[j]!;
      for (let k = begin; k < end; k++) G += values[k]! * wxd[rows[k]!]!;
      budget -= end - begin + 1;
      const x = w[j]! + d[j]!;
      if (x === 0 && Math.abs(G) < inside) {
        active--;
        list[at] = list[active]!;
        list[active] = j;
        continue;
      }
      at++;
      violation += violationAt(G, x);
      const step = softStep(G, h[j]!, x);
      if (step === 0) continue;
      d[j] = step === -x ? -w[j]! : d[j]! + step;
      for (let k = begin; k < end; k++) wxd[rows[k]!]! += step * values[k]! * curvature[rows[k]!]!;
      budget -= end - begin;
    }
    this.#active = active;
    this.#violation += violation;
    return at;
  }

  /** Conjugate gradients over the columns with w_j + d_j not 0, with their signs; begun anew where one of them comes to 0. */
  *#finish(enough: number, most: number): Work<void> {
    for (let steps = 0; steps < most; ) {
      const size = this.#gather();
      if (size === 0) return;
      const face = this.#buffers.map((buffer) => buffer.subarray(0, size)) as unknown as FaceVectors;
      yield* this.#slopes(face);
      const { taken, t } = yield* this.#conjugateGradients(face, enough, most - steps);
      if (t === 0) return;
      yield* this.#search(face, t);
      steps += taken + 1;
    }
  }

  #gather(): number {
    let size = 0;
    for (let s = 0; s < this.#active; s++) {
      const j = this.#list[s]!;
      if (this.w[j]! + this.d[j]! !== 0) this.#face[size++] = j;
    }
    return size;
  }

  /** On the face: x = w + d, 1 / h, and r, the slopes of q turned round. */
  *#slopes([x, r, , , , m]: FaceVectors): Work<void> {
    const face = this.#face;
    yield* columnProducts(this.columns, face, x.length, this.#wxd, r);
    for (let s = 0; s < x.length; s++) {
      const j = face[s]!;
      x[s] = this.w[j]! + this.d[j]!;
      r[s] = -(r[s]! + this.g[j]! + this.#damping * this.d[j]! + Math.sign(x[s]!));
      m[s] = 1 / this.h[j]!;
    }
  }

  /**
   * Moves d, preconditioned by the diagonal, until the slopes are small or a sign would change: then t is how far along p the minimum, or
   * (where q falls as a straight line does, as it may where columns depend on each other) the last change of a sign is, else 0.
   */
  *#conjugateGradients(
    [x, r, z, p, q, m]: FaceVectors,
    enough: number,
    most: number,
  ): Work<{ taken: number; t: number }> {
    multiply(m, r, z);
    p.set(z);
    let rz = dot(r, z);
    let taken = 0;
    for (; taken < most && taken <= x.length && norm1(r) > enough; taken++) {
      yield* this.#times(p, q);
      const curvature = dot(p, q);
      if (curvature <= FLAT * scaledNorm(p, m)) return { taken, t: farthest(x, p) };
      const alpha = rz / curvature;
      if (crosses(x, p, alpha)) return { taken, t: alpha };
      this.#move(x, p, alpha);
      add(r, -alpha, q);
      multiply(m, r, z);
      const next = dot(r, z);
      turn(p, z, next / rz);
      rz = next;
    }
    return { taken, t: 0 };
  }

  /** out = (X'WX + e I) p on the face; W X p is left in perRow. */
  *#times(p: Float64Array, out: Float64Array): Work<void> {
    yield* combineColumns(this.columns, this.#face, p.length, p, this.#perRow);
    multiply(this.#perRow, this.curvature, this.#perRow);
    yield* columnProducts(this.columns, this.#face, p.length, this.#perRow, out);
    add(out, this.#damping, p);
  }

  /** d = d + alpha p on the face, where W X p is in perRow. Where the sum with w is to be 0, it is. */
  #move(x: Float64Array, p: Float64Array, alpha: number): void {
    add(this.#wxd, alpha, this.#perRow);
    add(x, alpha, p);
    for (let s = 0; s < x.length; s++) {
      const j = this.#face[s]!;
      this.d[j] = x[s]! - this.w[j]!;
    }
  }

  /** Goes along p, cut off where a sign would change: t times it, or half of that, and so on, until q falls enough. */
  *#search([x, r, , p, cut]: FaceVectors, first: number): Work<void> {
    for (let [t, halvings] = [first, 0]; halvings < HALVINGS; t /= 2, halvings++) {
      for (let s = 0; s < x.length; s++) cut[s] = (x[s]! + t * p[s]!) * x[s]! > 0 ? t * p[s]! : -x[s]!;
      const promised = dot(cut, r);
      yield* combineColumns(this.columns, this.#face, x.length, cut, this.#perRow);
      const curved = weighted(this.curvature, this.#perRow) + this.#damping * dot(cut, cut);
      if (!(promised > 0) || promised - curved / 2 < SUFFICIENT * promised) continue;
      multiply(this.#perRow, this.curvature, this.#perRow);
      this.#move(x, cut, 1);
      return;
    }
  }
}

/** Over the face: w + d, residuals, the same preconditioned, direction, its product (or its part without change of sign), 1 / h. */
type FaceVectors = readonly [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];

/** Whether the sign of some x_s differs in x + t p. */
function crosses(x: Float64Array, p: Float64Array, t: number): boolean {
  for (let s = 0; s < x.length; s++) if ((x[s]! + t * p[s]!) * x[s]! <= 0) return true;
  return false;
}

/** The t at which the last of x + t p that comes to 0 does; 1 where none does. */
function farthest(x: Float64Array, p: Float64Array): number {
  let far = 0;
  for (let s = 0; s < x.length; s++) if (x[s]! * p[s]! < 0) far = Math.max(far, -x[s]! / p[s]!);
  return far > 0 ? far : 1;
}

/** sum_s p_s^2 / m_s. */
function scaledNorm(p: Float64Array, m: Float64Array): number {
  let sum = 0;
  for (let s = 0; s < p.length; s++) sum += (p[s]! * p[s]!) / m[s]!;
  return sum;
}

/** sum_s |r_s|. */
function norm1(r: Float64Array): number {
  let sum = 0;
  for (let s = 0; s < r.length; s++) sum += Math.abs(r[s]!);
  return sum;
}

/** sum_i v_i u_i^2. */
function weighted(v: Float64Array, u: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < v.length; i++) sum += v[i]! * u[i]! * u[i]!;
  return sum;
}
