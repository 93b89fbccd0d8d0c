/**
 * A line search for the strong Wolfe conditions (Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6): with
 * phi(alpha) = f(theta + alpha s), phi(alpha) <= phi(0) + c1 alpha phi'(0) and |phi'(alpha)| <= c2 |phi'(0)|.
 */

export interface WolfeOptions {
  /** 0 < c1 < c2 < 1. */
  readonly c1: number;
  readonly c2: number;
}

/** A place on the line. */
export interface LinePoint {
  readonly alpha: number;
  readonly value: number;
  readonly slope: number;
}

/** Evaluations of phi in one search. */
const MOST = 30;

/**
 * A point where both conditions hold, beginning with the step `first`. Where rounding leaves none in sight, a point where the first holds;
 * undefined where there is none of these either. A value of NaN counts as too far.
 */
export async function strongWolfe<P extends LinePoint>(
  phi: (alpha: number) => Promise<P>,
  start: P,
  first: number,
  { c1, c2 }: WolfeOptions,
): Promise<P | undefined> {
  const low = (p: LinePoint) => p.value <= start.value + c1 * p.alpha * start.slope;
  const flat = (p: LinePoint) => Math.abs(p.slope) <= -c2 * start.slope;
  let evaluations = 0;

  /** Between a point that is low and has the smallest value so far, and one on the other side of a point that will do. */
  async function zoom(best: P, other: LinePoint): Promise<P | undefined> {
    while (evaluations++ < MOST) {
      const alpha = between(best, other);
      if (alpha === best.alpha || alpha === other.alpha) break;
      const p = await phi(alpha);
      if (!low(p) || !(p.value < best.value)) {
        other = p;
        continue;
      }
      if (flat(p)) return p;
      if (p.slope * (other.alpha - best.alpha) >= 0) other = best;
      best = p;
    }
    return best.alpha > 0 ? best : undefined;
  }

  if (!(start.slope < 0)) return undefined;
  let before = start;
  for (let alpha = first; evaluations++ < MOST; alpha *= 2) {
    const p = await phi(alpha);
    if (!low(p) || (before !== start && !(p.value < before.value))) return zoom(before, p);
    if (flat(p)) return p;
    if (p.slope >= 0) return zoom(p, before);
    before = p;
  }
  return before.alpha > 0 ? before : undefined;
}

/** Where the cubic through both points' values and slopes is least, kept off the ends; the middle where that is nowhere. */
function between(a: LinePoint, b: LinePoint): number {
  const width = b.alpha - a.alpha;
  const d = a.slope + b.slope - (3 * (b.value - a.value)) / width;
  const root = Math.sign(width) * Math.sqrt(d * d - a.slope * b.slope);
  const place = 1 - (b.slope + root - d) / (b.slope - a.slope + 2 * root);
  return a.alpha + width * (Number.isFinite(place) ? Math.min(0.9, Math.max(0.1, place)) : 0.5);
}
