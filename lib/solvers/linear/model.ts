/** What fitLinear gives: weights, how good they are, and the decision function. */
import type { DataValues } from '../../data/dataset.js';
import { checkSparse, type SparseRows } from '../../data/sparse.js';
import { type LinearData, readRows } from './examples.js';
import { timesRows } from './rows.js';
import { timesRowsWide } from './wide-rows.js';

/** How the fit ended. */
export interface LinearResult {
  /** Value of what is minimised (sum over the classes where each is a problem of its own). */
  readonly objective: number;
  /** objective - least objective is at most this. */
  readonly gap: number;
  /** Passes of coordinate descent for 'hinge', else steps of Newton's kind; sum over the problems. */
  readonly iterations: number;
  /** The gap is as small as the tolerance asks for. */
  readonly converged: boolean;
  /** Part of the training rows whose label is found, 0 .. 1. */
  readonly accuracy: number;
}

/** A linear classifier: u = W x + b; of two classes, labels[1] where u >= 0 and labels[0] elsewhere; of more, the one with the largest u. */
export class LinearModel implements LinearResult {
  /** Numbers that `decision` gives for a row: 1 for two classes (2 by softmax), else one for each class. */
  readonly outputs: number;
  /** What is added to each output: the value of the bias feature times its weight; zeros without one. */
  readonly biases: Float64Array;
  /** [outputs, features], row-major. */
  readonly weights: Float64Array;
  readonly objective: number;
  readonly gap: number;
  readonly iterations: number;
  readonly converged: boolean;
  readonly accuracy: number;
  /** Weights [features + 1, outputs], the last row that of the biases. */
  readonly #wide: Float64Array;

  /** Not for users: fitLinear makes models. `wide`: [features + 1, outputs]. */
  constructor(
    readonly features: number,
    /** The classes' labels, rising. */
    readonly labels: Float64Array,
    wide: Float64Array,
    result: LinearResult,
  ) {
    const outputs = wide.length / (features + 1);
    this.outputs = outputs;
    this.#wide = wide;
    this.biases = wide.slice(features * outputs);
    this.weights = new Float64Array(features * outputs);
    for (let j = 0; j < features; j++)
      for (let c = 0; c < outputs; c++) this.weights[c * features + j] = wide[j * outputs + c]!;
    ({
      objective: this.objective,
      gap: this.gap,
      iterations: this.iterations,
      converged: this.converged,
      accuracy: this.accuracy,
    } = result);
  }

  /**
   * Decision values W x + b.
   *
   * @param x sparse rows with at most as many columns as there are features, or dense rows [rows, features].
   * @returns [rows, outputs], row-major.
   * @throws RangeError (ERR_SHAPE) where the columns do not fit; TypeError, RangeError where x is no matrix of finite numbers.
   */
  decision(x: SparseRows | DataValues): Float64Array {
    const rows = checkSparse('decision', readRows('decision', x, this.features, undefined));
    const out = new Float64Array(rows.rows * this.outputs);
    decideRows(rows, this.outputs, this.#wide, out, 0, rows.rows);
    return out;
  }

  /** The label of each row of x: see decision. */
  predict(x: SparseRows | DataValues): Float64Array {
    const u = this.decision(x);
    return Float64Array.from({ length: u.length / this.outputs }, (_, i) => this.labels[choice(u, i, this.outputs)]!);
  }

  /** Part of the rows whose label `predict` finds, 0 .. 1. Labels that the model does not know count as not found. */
  evaluate({ x, y }: LinearData): { accuracy: number } {
    const found = this.predict(x);
    if (y.length !== found.length || found.length === 0)
      throw new RangeError(
        `evaluate: x has ${found.length} rows and y ${y.length} labels: expected as many, at least one`,
      );
    let right = 0;
    for (let i = 0; i < found.length; i++) if (found[i] === y[i]) right++;
    return { accuracy: right / found.length };
  }
}

/** Decision values of rows [begin, end); `wide` as LinearModel takes it. */
export function decideRows(
  x: SparseRows,
  outputs: number,
  wide: Float64Array,
  out: Float64Array,
  begin: number,
  end: number,
): void {
  if (outputs === 1) timesRows(x, 1, wide, out, begin, end);
  else timesRowsWide(x, 1, outputs, wide, out, begin, end);
}

/** The class that decision values of row i speak for; the first of equals. */
export function choice(u: Float64Array, i: number, outputs: number): number {
  if (outputs === 1) return u[i]! >= 0 ? 1 : 0;
  let best = 0;
  for (let c = 1; c < outputs; c++) if (u[i * outputs + c]! > u[i * outputs + best]!) best = c;
  return best;
}
