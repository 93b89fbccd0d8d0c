/** f(w) = w'w/2 + C sum_i xi(y_i w'x_i) for two classes and a smooth loss, as Newton's method sees it. */

import { add, dot } from '../vectors.js';
import type { Design } from './design.js';
import type { SmoothLoss } from './losses.js';
import type { NewtonObjective } from './newton.js';
import { RowLosses } from './row-losses.js';
import type { Work } from './work.js';

export class BinaryObjective implements NewtonObjective {
  readonly w: Float64Array;
  readonly #losses: RowLosses;
  #ww = 0;
  #ws = 0;
  #ss = 0;

  /** `y`: +1 or -1 for each row of X. */
  constructor(
    private readonly design: Design,
    y: Float64Array,
    loss: SmoothLoss,
    C: number,
  ) {
    this.w = new Float64Array(design.size);
    this.#losses = new RowLosses(design, y, loss, C);
  }

  *derive(g: Float64Array, diagonal: Float64Array): Work<number> {
    const losses = this.#losses;
    yield* losses.derive();
    g.set(this.w);
    diagonal.fill(1);
    yield* this.design.addDerivatives(losses.slope, losses.curvature, g, diagonal);
    this.#ww = dot(this.w, this.w);
    return this.#ww / 2 + losses.value;
  }

  *hessianTimes(v: Float64Array, out: Float64Array): Work<void> {
    out.set(v);
    yield* this.design.addGramTimes(this.#losses.curvature, v, out);
  }

  *setLine(s: Float64Array): Work<void> {
    yield* this.design.times(s, this.#losses.us);
    this.#ws = dot(this.w, s);
    this.#ss = dot(s, s);
  }

  along(alpha: number): Work<number> {
    return this.#losses.along(alpha, (this.#ww + 2 * alpha * this.#ws + alpha * alpha * this.#ss) / 2);
  }

  move(s: Float64Array, alpha: number): void {
    add(this.w, alpha, s);
    add(this.#losses.u, alpha, this.#losses.us);
  }
}
