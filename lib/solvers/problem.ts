/**
 * What whole-data methods minimise, and what they tell. A vector holds all unknowns, flat, in float64 on the host; once a vector was given away
 * it is not changed any more, so a problem may take the same vector for the same point.
 */

export type Vector = Float64Array;

export interface Problem {
  /** f(theta). NaN or Infinity where it is not defined. */
  value(theta: Vector): Promise<number>;
  /** f(theta) and its gradient there. */
  gradient(theta: Vector): Promise<{ readonly value: number; readonly gradient: Vector }>;
}

/** A problem that knows an approximation of its second derivative which is positive semidefinite. */
export interface CurvedProblem extends Problem {
  /** The matrix at theta, as the function that multiplies by it. `iteration` counts from 1: each may see another sample of the data. */
  curvature(theta: Vector, iteration: number): Promise<(vector: Vector) => Promise<Vector>>;
}

/** What a method remembers beside the point it is at. */
export interface Memory {
  readonly numbers: Readonly<Record<string, number>>;
  readonly vectors: readonly Vector[];
}

/** Where a method begins: at a start, or where an iterate of the same method left it, with what it remembered. */
export interface Origin {
  readonly iteration: number;
  readonly theta: Vector;
  readonly memory?: Memory;
}

/** Where an iteration ended. */
export interface Iterate extends Origin {
  /** 0 is the start, which has none of the optional figures. */
  readonly iteration: number;
  readonly theta: Vector;
  readonly memory: Memory;
  /** f at theta: theta'theta / (2C) + mean loss of all rows. */
  readonly objective: number;
  /** Euclidean norm of its gradient. */
  readonly gradientNorm: number;
  /** Length of the step along the direction. */
  readonly alpha?: number;
  /** Newton-CG: actred / prered, the objective's change over what the quadratic model foretold. */
  readonly ratio?: number;
  /** Newton-CG: the damping after the iteration. */
  readonly lambda?: number;
  /** Newton-CG: steps of conjugate gradients, each one product with the Gauss-Newton matrix. */
  readonly cgSteps?: number;
  readonly actred?: number;
  readonly prered?: number;
}

/**
 * Why a method ended: the gradient is small enough ('tolerance'), the iterations are done ('iterations'), or no step along the direction lowers f
 * ('line-search'): at a minimum, as far as the precision tells.
 */
export type Ending = 'tolerance' | 'iterations' | 'line-search';

export interface SolverOptions {
  readonly iterations: number;
  /** Ends where the gradient's norm is at most this times that at the start. */
  readonly tolerance: number;
}

/** A method under way: an iterate for its origin and for each iteration. */
export type Solver = AsyncGenerator<Iterate, Ending>;
