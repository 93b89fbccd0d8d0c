/**
 * The losses C xi(y_i u_i) of all rows, with derivatives by the decision values u = X w, and their sum along a line u + alpha us, us = X s. Sums go
 * block by block, always in the same order.
 */
import type { Design } from './design.js';
import type { SmoothLoss } from './losses.js';
import { inBlocks, type Work } from './work.js';

export class RowLosses {
  readonly u: Float64Array;
  readonly us: Float64Array;
  /** First and second derivatives at u, and the sum of the losses there, as `derive` left them. */
  readonly slope: Float64Array;
  readonly curvature: Float64Array;
  value = 0;

  /** `y`: +1 or -1 for each row of X. */
  constructor(
    readonly design: Design,
    readonly y: Float64Array,
    readonly loss: SmoothLoss,
    readonly C: number,
  ) {
    const perRow = () => new Float64Array(design.rows);
    [this.u, this.us, this.slope, this.curvature] = [perRow(), perRow(), perRow(), perRow()];
  }

  *derive(): Work<void> {
    const { design, y, loss, C, u, slope, curvature } = this;
    this.value = 0;
    yield* inBlocks(design.blocks, (begin, end) => {
      this.value += loss.derive(y, u, C, slope, curvature, begin, end);
    });
  }

  /** `before` and the losses at u + alpha us. */
  *along(alpha: number, before = 0): Work<number> {
    const { design, y, loss, C, u, us } = this;
    let sum = before;
    yield* inBlocks(design.blocks, (begin, end) => {
      sum += loss.value(y, u, us, alpha, C, begin, end);
    });
    return sum;
  }

  /** Sum of the dual functions at the slopes times `scale`, which bounds losses from below (see l1.ts). */
  *dual(scale: number): Work<number> {
    const { design, loss, C, slope } = this;
    let sum = 0;
    yield* inBlocks(design.blocks, (begin, end) => {
      sum += loss.dual(slope, scale, C, begin, end);
    });
    return sum;
  }
}
