/**
 * f(W) = sum_k |w_k|^2 / 2 + C sum_i (log sum_k exp(w_k'x_i) - w_y'x_i), y the class of row i, as Newton's method sees it. The weights lie
 * feature after feature, the classes of a feature together. With p = softmax(W'x), the Hessian of a row's loss by its decision values is
 * diag(p) - p p'.
 */

import { add, dot } from '../vectors.js';
import type { Design } from './design.js';
import type { NewtonObjective } from './newton.js';
import { addRowsWide, timesRowsWide } from './wide-rows.js';
import { inBlocks, PAUSE, type Work } from './work.js';

export class SoftmaxObjective implements NewtonObjective {
  readonly w: Float64Array;
  /** Decision values, those of the line, and probabilities: a number for each row and class. */
  readonly #u: Float64Array;
  readonly #us: Float64Array;
  readonly #p: Float64Array;
  readonly #t: Float64Array;
  #ww = 0;
  #ws = 0;
  #ss = 0;

  /** `y`: the class of each row, 0 .. K - 1. */
  constructor(
    private readonly design: Design,
    private readonly y: Int32Array,
    private readonly K: number,
    private readonly C: number,
  ) {
    this.w = new Float64Array(design.size * K);
    const perRow = () => new Float64Array(design.rows * K);
    [this.#u, this.#us, this.#p, this.#t] = [perRow(), perRow(), perRow(), perRow()];
  }

  *derive(g: Float64Array, diagonal: Float64Array): Work<number> {
    const { w, K, C, y } = this;
    const { x, bias } = this.design;
    const [u, p, t] = [this.#u, this.#p, this.#t];
    this.#ww = dot(w, w);
    let value = this.#ww / 2;
    g.set(w);
    diagonal.fill(1);
    yield* this.#inBlocks((begin, end) => {
      value += C * deriveRows(y, u, p, t, K, C, begin, end);
      addRowsWide(x, bias, K, t, g, begin, end);
      curvatures(p, t, C, begin * K, end * K);
      addRowsWide(x, bias, K, t, diagonal, begin, end, true);
    });
    return value;
  }

  *hessianTimes(v: Float64Array, out: Float64Array): Work<void> {
    const { K, C } = this;
    const { x, bias } = this.design;
    out.set(v);
    yield* this.#inBlocks((begin, end) => {
      timesRowsWide(x, bias, K, v, this.#t, begin, end);
      curveRows(this.#p, this.#t, K, C, begin, end);
      addRowsWide(x, bias, K, this.#t, out, begin, end);
    });
  }

  *setLine(s: Float64Array): Work<void> {
    const { x, bias } = this.design;
    yield* this.#inBlocks((begin, end) => timesRowsWide(x, bias, this.K, s, this.#us, begin, end));
    this.#ws = dot(this.w, s);
    this.#ss = dot(s, s);
  }

  *along(alpha: number): Work<number> {
    let value = (this.#ww + 2 * alpha * this.#ws + alpha * alpha * this.#ss) / 2;
    yield* this.#inBlocks((begin, end) => {
      value += this.C * lossOfRows(this.y, this.#u, this.#us, alpha, this.K, begin, end);
    });
    return value;
  }

  move(s: Float64Array, alpha: number): void {
    add(this.w, alpha, s);
    add(this.#u, alpha, this.#us);
  }

  /** Blocks take as many times longer as there are classes: so much more often there is a pause. */
  #inBlocks(part: (begin: number, end: number) => void): Work<void> {
    return inBlocks(this.design.blocks, part, Math.max(1, Math.floor(PAUSE / this.K)));
  }
}

/** Losses of rows [begin, end) at u; p = softmax(u), t = C (p - one hot y). */
function deriveRows(
  y: Int32Array,
  u: Float64Array,
  p: Float64Array,
  t: Float64Array,
  K: number,
  C: number,
  begin: number,
  end: number,
): number {
  let loss = 0;
  for (let i = begin; i < end; i++) {
    const first = i * K;
    let most = u[first]!;
    for (let c = 1; c < K; c++) most = Math.max(most, u[first + c]!);
    let sum = 0;
    for (let c = first; c < first + K; c++) {
      p[c] = Math.exp(u[c]! - most);
      sum += p[c]!;
    }
    for (let c = first; c < first + K; c++) {
      p[c]! /= sum;
      t[c] = C * p[c]!;
    }
    t[first + y[i]!]! -= C;
    loss += Math.log(sum) + most - u[first + y[i]!]!;
  }
  return loss;
}

/** t = C p (1 - p) from place `begin` to `end`. */
function curvatures(p: Float64Array, t: Float64Array, C: number, begin: number, end: number): void {
  for (let k = begin; k < end; k++) t[k] = C * p[k]! * (1 - p[k]!);
}

/** t = C (diag(p) - p p') t, row by row. */
function curveRows(p: Float64Array, t: Float64Array, K: number, C: number, begin: number, end: number): void {
  for (let i = begin; i < end; i++) {
    let mean = 0;
    for (let c = i * K; c < (i + 1) * K; c++) mean += p[c]! * t[c]!;
    for (let c = i * K; c < (i + 1) * K; c++) t[c] = C * p[c]! * (t[c]! - mean);
  }
}

/** Losses of rows [begin, end) at u + alpha us. */
function lossOfRows(
  y: Int32Array,
  u: Float64Array,
  us: Float64Array,
  alpha: number,
  K: number,
  begin: number,
  end: number,
): number {
  let loss = 0;
  for (let i = begin; i < end; i++) {
    const first = i * K;
    let most = Number.NEGATIVE_INFINITY;
    for (let c = first; c < first + K; c++) most = Math.max(most, u[c]! + alpha * us[c]!);
    let sum = 0;
    for (let c = first; c < first + K; c++) sum += Math.exp(u[c]! + alpha * us[c]! - most);
    const right = first + y[i]!;
    loss += Math.log(sum) + most - (u[right]! + alpha * us[right]!);
  }
  return loss;
}
