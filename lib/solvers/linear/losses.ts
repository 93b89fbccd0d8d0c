/**
 * Losses of a decision value u = w'x with a label y = +1 or -1, as functions of z = y u (lecture notes 1.1):
 *
 *   hinge (L1 loss)    max(0, 1 - z)
 *   squared hinge      max(0, 1 - z)^2
 *   logistic           log(1 + exp(-z))
 *
 * The smooth two come with derivatives, for all rows at once; the second of squared hinge is the generalised one (2 where z < 1).
 */

export const lossNames = ['hinge', 'squaredHinge', 'logistic'] as const;
export type LinearLossName = (typeof lossNames)[number];

/**
 * A loss with derivatives. Arrays have a number a row: y is +1 or -1, u are decision values. All functions take rows [begin, end) and
 * return sums over them; factor C is taken in.
 */
export interface SmoothLoss {
  /** C sum_i xi_i at u + step d. */
  value(y: Float64Array, u: Float64Array, d: Float64Array, step: number, C: number, begin: number, end: number): number;
  /** C sum_i xi_i at u; C times the first and second derivatives by u go to `slope` and `curvature`. */
  derive(
    y: Float64Array,
    u: Float64Array,
    C: number,
    slope: Float64Array,
    curvature: Float64Array,
    begin: number,
    end: number,
  ): number;
  /** Sum of the dual function -(C xi)*(scale slope_i), which bounds losses from below (see l1.ts), of slopes as `derive` gives them. */
  dual(slope: Float64Array, scale: number, C: number, begin: number, end: number): number;
}

export const squaredHinge: SmoothLoss = {
  value(y, u, d, step, C, begin, end) {
    let sum = 0;
    for (let i = begin; i < end; i++) {
      const short = 1 - y[i]! * (u[i]! + step * d[i]!);
      if (short > 0) sum += short * short;
    }
    return C * sum;
  },
  derive(y, u, C, slope, curvature, begin, end) {
    let sum = 0;
    for (let i = begin; i < end; i++) {
      const short = 1 - y[i]! * u[i]!;
      if (short > 0) {
        sum += short * short;
        slope[i] = -2 * C * y[i]! * short;
        curvature[i] = 2 * C;
      } else slope[i] = curvature[i] = 0;
    }
    return C * sum;
  },
  // a - a^2 / (4 C) with a = scale |slope|
  dual(slope, scale, C, begin, end) {
    let sum = 0;
    for (let i = begin; i < end; i++) {
      const a = scale * Math.abs(slope[i]!);
      sum += a - (a * a) / (4 * C);
    }
    return sum;
  },
};

export const logistic: SmoothLoss = {
  value(y, u, d, step, C, begin, end) {
    let sum = 0;
    for (let i = begin; i < end; i++) {
      const z = y[i]! * (u[i]! + step * d[i]!);
      sum += z > 0 ? Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z)) - z; // no overflow, and exact for large z
    }
    return C * sum;
  },
  derive(y, u, C, slope, curvature, begin, end) {
    let sum = 0;
    for (let i = begin; i < end; i++) {
      const z = y[i]! * u[i]!;
      const e = Math.exp(-Math.abs(z));
      const wrong = (z > 0 ? e : 1) / (1 + e); // 1 / (1 + exp(z))
      sum += Math.log1p(e) + (z > 0 ? 0 : -z);
      slope[i] = -C * y[i]! * wrong;
      curvature[i] = (C * e) / ((1 + e) * (1 + e));
    }
    return C * sum;
  },
  // C times the entropy of a = scale |slope| / C, in [0, 1]
  dual(slope, scale, C, begin, end) {
    let sum = 0;
    for (let i = begin; i < end; i++) {
      const a = Math.min(1, (scale * Math.abs(slope[i]!)) / C);
      if (a > 0) sum -= a * Math.log(a);
      if (a < 1) sum -= (1 - a) * Math.log1p(-a);
    }
    return C * sum;
  },
};

export const smoothLosses: Readonly<Record<Exclude<LinearLossName, 'hinge'>, SmoothLoss>> = { squaredHinge, logistic };
