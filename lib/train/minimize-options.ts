/** The options of minimize: their meaning, their defaults and the checks on them. */
import type { Dataset } from '../data/dataset.js';
import type { ClassWeights } from '../data/weights.js';
import {
  checkCallback,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkSignal,
  wrongShape,
  wrongType,
} from '../errors.js';
import type { Loss } from '../losses/loss.js';
import { type LossOption, lossFrom } from '../losses/registry.js';
import type { LbfgsOptions as LbfgsSettings } from '../solvers/lbfgs.js';
import type { NewtonCgOptions as NewtonCgSettings } from '../solvers/newton-cg.js';
import type { Ending, Iterate, SolverOptions } from '../solvers/problem.js';
import {
  type CheckpointOptions,
  type CheckpointSettings,
  checkpointOptionNames,
  readCheckpointOptions,
} from './checkpoint/options.js';
import type { KeptRun } from './kept-run.js';
import { type Metric, readMetrics } from './options.js';
import { readStopSignals, type StopSignal } from './signals.js';

/** Where an iteration of minimize ended. Numbers that belong to a method are there with that method, and not at the start. */
export interface IterationRecord extends Omit<Iterate, 'theta' | 'memory'> {
  readonly kind: 'iteration';
  /** Of the validation data. */
  readonly testLoss?: number;
  readonly testAccuracy?: number;
  /** Times that the iteration went over the data or, for products with the Gauss-Newton matrix, over the sample; without the validation. */
  readonly passes: number;
  /** Time of the iteration, without the validation. */
  readonly seconds: number;
}

/** What an awaited run of minimize resolves to. */
export interface Minimum {
  /** One record for the start and for each iteration that was finished, before the run was resumed too. */
  readonly iterations: readonly IterationRecord[];
  /** Of the last record: what the model's weights are now. */
  readonly objective: number;
  readonly gradientNorm: number;
  /**
   * 'tolerance': the gradient is small enough. 'iterations': all are done. 'line-search': no step lowers the objective any more, as far as the
   * device's precision tells. 'stopped': by stop() or a signal of the process.
   */
  readonly reason: Ending | 'stopped';
  /** Ended by stop(). */
  readonly stopped: boolean;
}

/** How far a run of minimize is. */
export interface MinimizeProgress {
  /** The one under way, from 1; 0 while the start is measured. */
  readonly iteration: number;
  readonly iterations: number;
  /** Of the last finished one; undefined before the start is measured. */
  readonly objective: number | undefined;
  /** Passes of this iteration so far, over the data or over the sample. */
  readonly passes: number;
}

/** How far a run of minimize is, beside its state: what `status` tells. */
export interface MinimizeFigures {
  /** The one under way, from 1; 0 while the start is measured. */
  readonly iteration: number;
  /** At most; 0 until the options are read. */
  readonly iterations: number;
  /** Passes of this iteration so far, over the data or over the sample. */
  readonly passes: number;
  /** Of the last finished iteration, or of the start; undefined before that is measured. */
  readonly record: IterationRecord | undefined;
}

/** What `minimize` returns. */
export type MinimizeRun = KeptRun<IterationRecord, Minimum, MinimizeFigures>;

interface CommonOptions extends CheckpointOptions {
  /** Default 'softmaxCrossEntropy'. */
  readonly loss?: LossOption | Loss;
  /** How much rows of each class count in the mean loss: as for fit. Default: all the same. */
  readonly classWeights?: ClassWeights;
  /** Regulariser: theta'theta / (2C), biases included. Default 0.01 times the number of rows; Infinity: none. */
  readonly C?: number;
  /** Rows that a step takes at a time: changes memory and speed, not the result (beyond rounding). Default 1024. */
  readonly batchSize?: number;
  /** At most. Default 100. */
  readonly iterations?: number;
  /** Ends where the gradient's norm is at most this times that at the start. Default 1e-6; 0: never. */
  readonly tolerance?: number;
  /** Evaluated at the start and after each iteration. */
  readonly validationData?: Dataset;
  /** What is told of the validation data. Default loss and accuracy. */
  readonly metrics?: readonly Metric[];
  /** Seed of samples. Default: the model's. */
  readonly seed?: number;
  /** Ends the run, within a step; it then rejects with the signal's reason. The weights are those of the last record. */
  readonly signal?: AbortSignal;
  /** Signals of the process, such as ['SIGTERM'], that end the run as stop() does; a second one ends the process as ever. Default: none. */
  readonly stopOnSignals?: readonly StopSignal[];
  /** Called, and awaited, after the start and each iteration; the model may be evaluated and its weights read there. */
  readonly onIteration?: (record: IterationRecord) => unknown;
  /** Called a few times a second. */
  readonly onProgress?: (progress: MinimizeProgress) => void;
}

/** Gradient descent: theta - alpha g, alpha = 1, beta, beta^2, ... until f falls by nu alpha |g|^2 at least (lecture notes 2.1). */
export interface GradientDescentOptions extends CommonOptions {
  readonly method: 'gradient-descent';
  /** In (0, 1). Default 0.5. */
  readonly beta?: number;
  /** In (0, 1/2). Default 1e-4. */
  readonly nu?: number;
}

/** L-BFGS with a line search for the strong Wolfe conditions. */
export interface LbfgsOptions extends CommonOptions {
  readonly method: 'lbfgs';
  /** Steps that the Hessian's approximation is made from. Default 10. */
  readonly memory?: number;
  /** Sufficient decrease, and what is left of the slope; 0 < c1 < c2 < 1. Defaults 1e-4 and 0.9. */
  readonly c1?: number;
  readonly c2?: number;
}

/**
 * Newton-CG with a sub-sampled Gauss-Newton matrix (Wang, Tan and Lin 2020). Options by the letters of SimpleNN, whose GNsize, bsize and
 * iter_max are sampleSize, batchSize and iterations here, and whose C is the part of the rows (C = 0.01 there is 0.01 times the rows here).
 */
export interface NewtonCgOptions extends CommonOptions {
  readonly method?: 'newton-cg';
  /** Rows of a sample. Default 5 % of them (at least 1). */
  readonly sampleSize?: number;
  /** The rows of the sample of an iteration (from 1), in place of random ones: each in 0 .. rows - 1. */
  readonly sample?: (iteration: number) => ArrayLike<number>;
  /** Residual of CG, relative to |g|. Default 0.1. */
  readonly xi?: number;
  /** Steps of CG at most. Default 250. */
  readonly cgMax?: number;
  /** Levenberg-Marquardt damping at the start; 0: none, ever. Default 1. */
  readonly lambda?: number;
  /** lambda's factors where the ratio is at least 0.75, and where it is below 0.25. Defaults 2/3 and 3/2. */
  readonly drop?: number;
  readonly boost?: number;
  /** Part of the slope that a step must keep, in (0, 1/2). Default 1e-4. */
  readonly eta?: number;
}

export type MinimizeOptions = GradientDescentOptions | LbfgsOptions | NewtonCgOptions;
export type MinimizeMethod = NonNullable<MinimizeOptions['method']>;
export const minimizeMethods = ['newton-cg', 'lbfgs', 'gradient-descent'] as const satisfies readonly MinimizeMethod[];

const commonNames = [
  'method',
  'loss',
  'classWeights',
  'C',
  'batchSize',
  'iterations',
  'tolerance',
  'validationData',
  'metrics',
  'seed',
  'signal',
  'stopOnSignals',
  ...checkpointOptionNames,
  'onIteration',
  'onProgress',
] as const satisfies readonly (keyof CommonOptions | 'method')[];

/** A method with its numbers. */
export type MethodSettings =
  | ({ readonly method: 'gradient-descent'; readonly beta: number; readonly nu: number } & SolverOptions)
  | ({ readonly method: 'lbfgs' } & LbfgsSettings)
  | ({ readonly method: 'newton-cg' } & NewtonCgSettings);

export interface MinimizeSettings extends CheckpointSettings {
  readonly method: MethodSettings;
  readonly loss: Loss;
  readonly classWeights: ClassWeights | undefined;
  /** Undefined: 0.01 times the rows. */
  readonly C: number | undefined;
  readonly batchSize: number;
  readonly validationData: Dataset | undefined;
  readonly accuracy: boolean;
  readonly seed: number;
  readonly sampleSize: number | undefined;
  readonly sample: ((iteration: number) => ArrayLike<number>) | undefined;
  readonly signal: AbortSignal | undefined;
  readonly stopOnSignals: readonly StopSignal[];
  readonly onIteration: ((record: IterationRecord) => unknown) | undefined;
  readonly onProgress: ((progress: MinimizeProgress) => void) | undefined;
}

const W = 'minimize';
const open = { openMin: true, openMax: true };

export function readMinimizeOptions(options: MinimizeOptions | undefined, modelSeed: number): MinimizeSettings {
  checkOptions(W, options, allNames(options));
  const o: MinimizeOptions = options ?? {};
  const { C, sampleSize } = o as NewtonCgOptions;
  return {
    method: readMethod(o),
    loss: lossFrom(o.loss ?? 'softmaxCrossEntropy'),
    classWeights: o.classWeights,
    C: C === undefined ? undefined : checkNumber(W, 'C', C, { min: 0, openMin: true }),
    batchSize: checkInteger(W, 'batchSize', o.batchSize ?? 1024, 1, 2 ** 24),
    validationData: o.validationData,
    accuracy: readMetrics(W, o.metrics),
    seed: checkInteger(W, 'seed', o.seed ?? modelSeed),
    sampleSize: sampleSize === undefined ? undefined : checkInteger(W, 'sampleSize', sampleSize, 1),
    sample: checkCallback(W, 'sample', (o as NewtonCgOptions).sample),
    signal: checkSignal(W, o.signal),
    stopOnSignals: readStopSignals(W, o.stopOnSignals),
    ...readCheckpointOptions(W, o),
    onIteration: checkCallback(W, 'onIteration', o.onIteration),
    onProgress: checkCallback(W, 'onProgress', o.onProgress),
  };
}

const ownNames = {
  'newton-cg': ['sampleSize', 'sample', 'xi', 'cgMax', 'lambda', 'drop', 'boost', 'eta'],
  lbfgs: ['memory', 'c1', 'c2'],
  'gradient-descent': ['beta', 'nu'],
} as const;

function allNames(options: MinimizeOptions | undefined): readonly string[] {
  const method = checkOneOf(W, 'method', options?.method ?? 'newton-cg', minimizeMethods);
  return [...commonNames, ...ownNames[method]];
}

function readMethod(o: MinimizeOptions): MethodSettings {
  const common = {
    iterations: checkInteger(W, 'iterations', o.iterations ?? 100, 1),
    tolerance: checkNumber(W, 'tolerance', o.tolerance ?? 1e-6, { min: 0, max: 1 }),
  };
  if (o.method === 'gradient-descent') {
    const beta = checkNumber(W, 'beta', o.beta ?? 0.5, { min: 0, max: 1, ...open });
    return { method: o.method, ...common, beta, nu: checkNumber(W, 'nu', o.nu ?? 1e-4, { min: 0, max: 0.5, ...open }) };
  }
  if (o.method === 'lbfgs') {
    const c2 = checkNumber(W, 'c2', o.c2 ?? 0.9, { min: 0, max: 1, ...open });
    const c1 = checkNumber(W, 'c1', o.c1 ?? 1e-4, { min: 0, max: c2, ...open });
    return { method: o.method, ...common, memory: checkInteger(W, 'memory', o.memory ?? 10, 1), c1, c2 };
  }
  return {
    method: 'newton-cg',
    ...common,
    xi: checkNumber(W, 'xi', o.xi ?? 0.1, { min: 0, max: 1, ...open }),
    cgMax: checkInteger(W, 'cgMax', o.cgMax ?? 250, 1),
    lambda: checkNumber(W, 'lambda', o.lambda ?? 1, { min: 0, openMax: true }),
    drop: checkNumber(W, 'drop', o.drop ?? 2 / 3, { min: 0, max: 1, openMin: true }),
    boost: checkNumber(W, 'boost', o.boost ?? 3 / 2, { min: 1, openMax: true }),
    eta: checkNumber(W, 'eta', o.eta ?? 1e-4, { min: 0, max: 0.5, ...open }),
  };
}

/** What `sample` gave, as row numbers. @throws TypeError, RangeError where they are none */
export function readSample(rows: unknown, count: number, iteration: number): Int32Array {
  const name = `the sample of iteration ${iteration}`;
  if (!Array.isArray(rows) && !(ArrayBuffer.isView(rows) && 'length' in rows))
    throw wrongType(W, name, 'an array of row numbers', rows);
  const given = rows as ArrayLike<unknown>;
  if (given.length === 0 || given.length > count)
    throw wrongShape(W, `${name} has ${given.length} rows, expected 1 to ${count}`);
  return Int32Array.from({ length: given.length }, (_, i) =>
    checkInteger(W, `${name} at ${i}`, given[i], 0, count - 1),
  );
}
