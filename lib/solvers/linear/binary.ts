/** f(w) = w'w/2 + C sum_i xi(y_i w'x_i) for two classes and a smooth loss, as Newton's method sees it. */

import { add, dot } from '../vectors.js';
import type { Design } from './design.js';
import type { SmoothLoss } from './losses.js';
import type { NewtonObjective } from './newton.js';
import { inBlocks, type Work } from './work.js';

export class BinaryObjective implements NewtonObjective {
  readonly w: Float64Array;
  /** Decision values X w, and X s of the line. */
  readonly #u: Float64Array;
  readonly #us: Float64Array;
  readonly #slope: Float64Array;
  readonly #curvature: Float64Array;
  #ww = 0;
  #ws = 0;
  #ss = 0;

  /** `y`: +1 or -1 for each row of X. */
  constructor(
    private readonly design: Design,
    private readonly y: Float64Array,
    private readonly loss: SmoothLoss,
    private readonly C: number,
  ) {
    this.w = new Float64Array(design.size);
    [this.#u, this.#us] = [new Float64Array(design.rows), new Float64Array(design.rows)];
    [this.#slope, this.#curvature] = [new Float64Array(design.rows), new Float64Array(design.rows)];
  }

  *derive(g: Float64Array, diagonal: Float64Array): Work<number> {
    const { design, y, loss, C, w } = this;
    const { blocks } = design;
    const [slope, curvature] = [this.#slope, this.#curvature];
    let value = 0;
    yield* inBlocks(blocks, (begin, end) => {
      value += loss.derive(y, this.#u, C, slope, curvature, begin, end);
    });
    g.set(w);
    diagonal.fill(1);
    yield* design.addDerivatives(slope, curvature, g, diagonal);
    this.#ww = dot(w, w);
    return this.#ww / 2 + value;
  }

  *hessianTimes(v: Float64Array, out: Float64Array): Work<void> {
    out.set(v);
    yield* this.design.addGramTimes(this.#curvature, v, out);
  }

  *setLine(s: Float64Array): Work<void> {
    yield* this.design.times(s, this.#us);
    this.#ws = dot(this.w, s);
    this.#ss = dot(s, s);
  }

  *along(alpha: number): Work<number> {
    const { design, y, loss, C } = this;
    const { blocks } = design;
    let value = (this.#ww + 2 * alpha * this.#ws + alpha * alpha * this.#ss) / 2;
    yield* inBlocks(blocks, (begin, end) => {
      value += loss.value(y, this.#u, this.#us, alpha, C, begin, end);
    });
    return value;
  }

  move(s: Float64Array, alpha: number): void {
    add(this.w, alpha, s);
    add(this.#u, alpha, this.#us);
  }
}
