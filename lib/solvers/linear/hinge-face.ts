/**
 * Conjugate gradients on a face of the dual problem of hinge.ts: the a_i at 0 and C stay, the free ones, F, move together by b_i = y_i
 * (change of a_i). As a function of b,
 *
 *   D = D(a) + sum_F b_i (y_i - w'x_i) - |v|^2 / 2,   v = sum_F b_i x_i,
 *
 * is a quadratic whose products with vectors go through v. The step found is cut off at 0 and C, and halved until D rises enough.
 * Source: More and Toraldo, "On the solution of large quadratic programming problems with bound constraints" (SIAM J. Optim. 1991).
 */

import { add, dot, turn } from '../vectors.js';
import type { Dual } from './hinge.js';
import { addListed, timesListed } from './rows.js';
import { PAUSE, type Work } from './work.js';

const FEWEST_STEPS = 10;
const HALVINGS = 30;
/** Least rise, as a part of what the slope promises. */
const SUFFICIENT = 0.01;
/** Curvature, relative to the largest, below which D is taken for linear along a direction. */
const FLAT = 1e-13;
/** Rows of a block. */
const PART = 256;

export class Face {
  /** Rows of F, and, at the same places, residuals, directions, products and the step. */
  readonly #rows: Int32Array;
  readonly #buffers: Float64Array[];
  readonly #v: Float64Array;
  #size = 0;
  /** Work that may be spent, by that of the epochs: it grows while it raises D more than theirs does. */
  #share = 1 / 4;
  #seenWork = 0;
  #value = 0;

  constructor(private readonly dual: Dual) {
    const { rows, size } = dual.design;
    this.#rows = new Int32Array(rows);
    this.#buffers = Array.from({ length: 4 }, () => new Float64Array(rows));
    this.#v = new Float64Array(size);
  }

  /** Moves the free a_i, where enough work was done since the last time to pay for it. */
  *improve(): Work<void> {
    const { dual } = this;
    const epochs = dual.work - this.#seenWork;
    const perStep = 2 * dual.freeEntries;
    const credit = this.#share * epochs;
    if (perStep === 0 || credit < FEWEST_STEPS * perStep) return;
    this.#gather();
    if (this.#size === 0) return;
    const before = dual.value();
    const most = Math.min(this.#size, dual.design.size + FEWEST_STEPS, Math.floor(credit / perStep));
    const [r, p, q, step] = this.#buffers.map((buffer) => buffer.subarray(0, this.#size)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const flat = yield* this.#conjugateGradients(most, r, p, q, step);
    yield* this.#search(flat, step, p);
    const after = dual.value();
    const spent = dual.work - this.#seenWork - epochs;
    const better = (after - before) / spent > (before - this.#value) / epochs;
    this.#share = better ? Math.min(2, 2 * this.#share) : Math.max(1 / 32, this.#share / 2);
    this.#seenWork = dual.work;
    this.#value = after;
  }

  #gather(): void {
    const { order, active, alpha, C } = this.dual;
    let size = 0;
    for (let s = 0; s < active; s++) {
      const i = order[s]!;
      if (alpha[i]! > 0 && alpha[i]! < C) this.#rows[size++] = i;
    }
    this.#size = size;
  }

  /** v = sum_F b_i x_i. */
  *#combine(b: Float64Array): Work<void> {
    const { x, bias } = this.dual.design;
    this.#v.fill(0);
    for (let s = 0, block = 1; s < b.length; s += PART, block++) {
      this.dual.work += addListed(x, bias, this.#rows, b, this.#v, s, Math.min(b.length, s + PART));
      if (block % PAUSE === 0) yield;
    }
  }

  /** out_i = x_i'v for i in F. */
  *#products(v: Float64Array, out: Float64Array): Work<void> {
    const { x, bias } = this.dual.design;
    for (let s = 0, block = 1; s < out.length; s += PART, block++) {
      this.dual.work += timesListed(x, bias, this.#rows, v, out, s, Math.min(out.length, s + PART));
      if (block % PAUSE === 0) yield;
    }
  }

  /** Puts the step into b. True where D rises along it without end, as it does where the quadratic is flat. */
  *#conjugateGradients(
    most: number,
    r: Float64Array,
    p: Float64Array,
    q: Float64Array,
    b: Float64Array,
  ): Work<boolean> {
    yield* this.#products(this.dual.w, q);
    for (let s = 0; s < r.length; s++) r[s] = this.dual.y[this.#rows[s]!]! - q[s]!;
    p.set(r);
    b.fill(0);
    let rr = dot(r, r);
    const enough = 1e-20 * rr;
    let steepest = 0;
    for (let step = 0; step < most && rr > enough; step++) {
      yield* this.#combine(p);
      const curvature = dot(this.#v, this.#v);
      const pp = dot(p, p);
      steepest = Math.max(steepest, curvature / pp);
      if (curvature <= FLAT * steepest * pp) {
        b.set(p);
        return true;
      }
      yield* this.#products(this.#v, q);
      const alpha = rr / curvature;
      add(b, alpha, p);
      add(r, -alpha, q);
      const next = dot(r, r);
      turn(p, r, next / rr);
      rr = next;
    }
    return false;
  }

  /** Takes the step, cut off at 0 and C: whole (as far as any a_i goes where D is flat), or half of it, and so on, until D rises enough. */
  *#search(flat: boolean, b: Float64Array, cut: Float64Array): Work<void> {
    const { w } = this.dual;
    let t = flat ? this.#farthest(b) : 1;
    for (let halvings = 0; halvings < HALVINGS; halvings++, t /= 2) {
      const linear = this.#cut(t, b, cut);
      yield* this.#combine(cut);
      const promised = linear - dot(w, this.#v);
      if (!(promised > 0) || promised - dot(this.#v, this.#v) / 2 < SUFFICIENT * promised) continue;
      this.#take(t, b);
      add(w, 1, this.#v);
      return;
    }
  }

  /** cut = the part of t b that stays within 0 and C; returns sum_F cut_i y_i. */
  #cut(t: number, b: Float64Array, cut: Float64Array): number {
    const { alpha, y, C } = this.dual;
    let sum = 0;
    for (let s = 0; s < b.length; s++) {
      const i = this.#rows[s]!;
      const change = Math.min(C, Math.max(0, alpha[i]! + t * b[s]! * y[i]!)) - alpha[i]!;
      cut[s] = change * y[i]!;
      sum += change;
    }
    return sum;
  }

  #take(t: number, b: Float64Array): void {
    const { alpha, y, C } = this.dual;
    for (let s = 0; s < b.length; s++) {
      const i = this.#rows[s]!;
      const next = Math.min(C, Math.max(0, alpha[i]! + t * b[s]! * y[i]!));
      this.dual.sum += next - alpha[i]!;
      alpha[i] = next;
    }
  }

  /** The step at which the last a_i meets 0 or C. */
  #farthest(b: Float64Array): number {
    const { alpha, y, C } = this.dual;
    let far = 0;
    for (let s = 0; s < b.length; s++) {
      const a = alpha[this.#rows[s]!]!;
      const change = b[s]! * y[this.#rows[s]!]!;
      if (change !== 0) far = Math.max(far, change > 0 ? (C - a) / change : -a / change);
    }
    return Number.isFinite(far) ? far : 1;
  }
}
