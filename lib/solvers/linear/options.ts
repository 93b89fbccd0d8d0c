/** The options of fitLinear: their meaning, their defaults and the checks on them. */
import { checkInteger, checkNumber, checkOneOf, checkOptions, wrongType } from '../../errors.js';
import { type LinearLossName, lossNames } from './losses.js';
import type { LinearProgress } from './work.js';

const regularizers = ['l2', 'l1'] as const;
const multiClassNames = ['oneVsRest', 'softmax', 'none'] as const;

export interface LinearOptions {
  /**
   * With z = y w'x, y = +1 or -1: 'hinge' max(0, 1 - z), 'squaredHinge' its square, 'logistic' log(1 + exp(-z)). Default 'logistic'.
   */
  readonly loss?: LinearLossName;
  /** Factor of the sum of losses, > 0: the smaller, the stronger the regulariser. Default 1. */
  readonly C?: number;
  /** A feature of this value (true: 1) is appended to each row; its weight is regularised like the others. Default false (or 0): none. */
  readonly bias?: boolean | number;
  /** 'l2': w'w/2. 'l1': the sum of |w_j|, which makes many weights 0; not for 'hinge' and not for softmax. Default 'l2'. */
  readonly regularizer?: (typeof regularizers)[number];
  /**
   * Ends where the objective is known to be within this part of the least one: objective - least <= tolerance objective. Above 0 and
   * below 1. Default 1e-3. (LIBLINEAR's tolerances compare gradients, so its objectives end at other distances from the least.)
   */
  readonly tolerance?: number;
  /**
   * More than two classes: 'oneVsRest', a problem for each class; 'softmax', one problem with the loss log sum_k exp(w_k'x) - w_y'x, for
   * loss 'logistic'; 'none': refused. Two classes are one problem, unless 'softmax' is asked for. Default 'oneVsRest'.
   */
  readonly multiClass?: (typeof multiClassNames)[number];
  /** Most iterations of each problem: passes for 'hinge' (default 100,000), else steps of Newton's kind (default 1000). */
  readonly maxIterations?: number;
  /** Of the order in which coordinate descent goes. Default 0. */
  readonly seed?: number;
  /** Ends the fit, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after each iteration (of 'hinge' after each computation of the objective). */
  readonly onProgress?: (progress: LinearProgress) => void;
}

const names = [
  'loss',
  'C',
  'bias',
  'regularizer',
  'tolerance',
  'multiClass',
  'maxIterations',
  'seed',
  'signal',
  'onProgress',
] as const satisfies readonly (keyof LinearOptions)[];

/** The options with their defaults filled in. `bias`: 0 for none. */
export interface LinearSettings {
  readonly loss: LinearLossName;
  readonly C: number;
  readonly bias: number;
  readonly regularizer: (typeof regularizers)[number];
  readonly tolerance: number;
  readonly multiClass: (typeof multiClassNames)[number];
  readonly maxIterations: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: LinearProgress) => void) | undefined;
}

export function readLinearOptions(options: LinearOptions | undefined): LinearSettings {
  const where = 'fitLinear';
  checkOptions(where, options, names);
  const o = options ?? {};
  const loss = checkOneOf(where, 'loss', o.loss ?? 'logistic', lossNames);
  const regularizer = checkOneOf(where, 'regularizer', o.regularizer ?? 'l2', regularizers);
  const multiClass = checkOneOf(where, 'multiClass', o.multiClass ?? 'oneVsRest', multiClassNames);
  if (regularizer === 'l1' && loss === 'hinge')
    throw new TypeError(`${where}: regularizer 'l1' needs loss 'squaredHinge' or 'logistic' but received 'hinge'`);
  if (multiClass === 'softmax' && (loss !== 'logistic' || regularizer === 'l1'))
    throw new TypeError(
      `${where}: multiClass 'softmax' needs loss 'logistic' and regularizer 'l2' but received '${loss}' and '${regularizer}'`,
    );
  if (o.signal !== undefined && !(o.signal instanceof AbortSignal))
    throw wrongType(where, 'signal', 'an AbortSignal', o.signal);
  if (o.onProgress !== undefined && typeof o.onProgress !== 'function')
    throw wrongType(where, 'onProgress', 'a function', o.onProgress);
  return {
    ...{ loss, regularizer, multiClass, signal: o.signal, onProgress: o.onProgress },
    C: checkNumber(where, 'C', o.C ?? 1, { min: 0, openMin: true, openMax: true }),
    bias:
      typeof o.bias === 'boolean' ? Number(o.bias) : checkNumber(where, 'bias', o.bias ?? 0, { min: 0, openMax: true }),
    tolerance: checkNumber(where, 'tolerance', o.tolerance ?? 1e-3, { min: 0, max: 1, openMin: true, openMax: true }),
    maxIterations: checkInteger(where, 'maxIterations', o.maxIterations ?? (loss === 'hinge' ? 100_000 : 1000), 1),
    seed: checkInteger(where, 'seed', o.seed ?? 0),
  };
}
