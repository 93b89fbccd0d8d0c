/** The options of fit and evaluate: their meaning, their defaults and the checks on them. */
import type { Dataset } from '../data/dataset.js';
import type { ClassWeights } from '../data/weights.js';
import {
  checkCallback,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkSignal,
  wrongType,
} from '../errors.js';
import type { Loss } from '../losses/loss.js';
import { type LossOption, lossFrom } from '../losses/registry.js';
import type { Optimizer, OptimizerName } from '../optimizers/optimizer.js';
import { optimizerFrom } from '../optimizers/registry.js';
import { type Callback, readCallbacks } from './callbacks/callback.js';
import {
  type CheckpointOptions,
  type CheckpointSettings,
  checkpointOptionNames,
  readCheckpointOptions,
} from './checkpoint/options.js';
import { type EvaluationMetric, readEvaluationMetrics } from './metrics/evaluation.js';
import { type ProfileOption, readProfile } from './profile.js';
import type { BatchRecord, EpochRecord, Progress } from './records.js';
import { readStopSignals, type StopSignal } from './signals.js';

export type Metric = 'loss' | 'accuracy';

export interface FitOptions extends CheckpointOptions {
  /** Times through the data. Default 1. */
  readonly epochs?: number;
  /** Rows a step; the last step of an epoch takes what is left. Default 32. (Streams bring their own.) */
  readonly batchSize?: number;
  /** Default 'softmaxCrossEntropy'. */
  readonly loss?: LossOption | Loss;
  /**
   * Default 'adam'. Its state and its count of updates live on as long as the same optimizer (the same object, or the same name) is
   * given to each fit of this model; another one starts anew.
   */
  readonly optimizer?: OptimizerName | Optimizer;
  /** Regulariser: theta'theta / (2C) is added to the loss, theta/C to its gradient (biases too). Default Infinity: none. */
  readonly C?: number;
  /**
   * Largest Euclidean length, > 0, of the gradient of the mean loss over all parameters together (without theta/C): a longer one is scaled
   * down to it before the optimizer takes it. Default: none. (Keras's `global_clipnorm`; PyTorch's clip_grad_norm_ adds 1e-6 to the length.)
   */
  readonly clipNorm?: number;
  /**
   * Batches an update: their gradients are added up, and the update is that of one batch of all their rows (up to rounding; batch normalization
   * goes by each batch). An epoch's last update takes the batches that are left. Default 1.
   */
  readonly accumulate?: number;
  /**
   * How much rows of each class count in the mean loss: an array with a number >= 0 for each class (two where there is one output), or 'balanced':
   * all classes the same, whatever the number of their rows. A row's weight is this times its own (`sampleWeights` of the data), and the loss is
   * sum_i w_i loss_i / sum_i w_i: only ratios matter. Validation data has its own weights alone, and the accuracy none. Default: none.
   */
  readonly classWeights?: ClassWeights;
  /** Rows in a new order each epoch, from the seed. Default true. (Streams keep theirs.) */
  readonly shuffle?: boolean;
  /** Seed of the order. Default: the model's. */
  readonly seed?: number;
  /** Evaluated after each epoch. */
  readonly validationData?: Dataset;
  /** Instead: the last part of the data, in [0, 1), is kept from training for it. */
  readonly validationSplit?: number;
  /** What is computed beside the loss. Default both. */
  readonly metrics?: readonly Metric[];
  /** Ends the run after the step it is in; the run then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Signals of the process, such as ['SIGTERM', 'SIGINT'], that end the run as stop() does: with a checkpoint, where it has a folder for them, and with
   * the signal's name as the history's `reason`. The process goes on, and ends when it likes; a second signal ends it as ever. Only in the main
   * thread. Default: none.
   */
  readonly stopOnSignals?: readonly StopSignal[];
  /** Which records an iteration over the run gets: one an epoch (default), or also one a batch. */
  readonly every?: 'epoch' | 'batch';
  /** Leaves out the last step of an epoch where it is smaller than the others. Default false. */
  readonly dropRemainder?: boolean;
  /**
   * Take part in the run, in their order: earlyStopping, reduceOnPlateau, terminateOnNaN, saveBest, csvLog, jsonlLog, or the user's own.
   * onBatchEnd and onEpochEnd come after theirs. Default: none.
   */
  readonly callbacks?: readonly Callback[];
  /** Called, and awaited, after each epoch; the model may be evaluated and its weights read there. */
  readonly onEpochEnd?: (record: EpochRecord) => unknown;
  /** Called, and awaited, after each step: with it, steps run one by one. */
  readonly onBatchEnd?: (record: BatchRecord) => unknown;
  /** Called a few times a second. */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Records what each kernel call of the training steps takes, on each thread: at most a million events, the rest is counted. A path:
   * a trace (JSON) for ui.perfetto.dev or chrome://tracing is written there after training. ERR_FILE, before any step, where that
   * cannot be. A function: called, and awaited, after training. Default: none is recorded. Results do not depend on it.
   */
  readonly profile?: ProfileOption;
}

const fitOptionNames = [
  'epochs',
  'batchSize',
  'loss',
  'optimizer',
  'C',
  'clipNorm',
  'accumulate',
  'classWeights',
  'shuffle',
  'seed',
  'validationData',
  'validationSplit',
  'metrics',
  'signal',
  'stopOnSignals',
  'every',
  'dropRemainder',
  'callbacks',
  ...checkpointOptionNames,
  'onEpochEnd',
  'onBatchEnd',
  'onProgress',
  'profile',
] as const satisfies readonly (keyof FitOptions)[];

/** The options with their defaults filled in. */
export interface FitSettings extends CheckpointSettings {
  readonly epochs: number;
  readonly batchSize: number;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly C: number;
  readonly clipNorm: number | undefined;
  readonly accumulate: number;
  readonly classWeights: ClassWeights | undefined;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly validationData: Dataset | undefined;
  readonly validationSplit: number;
  readonly accuracy: boolean;
  readonly signal: AbortSignal | undefined;
  readonly stopOnSignals: readonly StopSignal[];
  readonly batchRecords: boolean;
  readonly dropRemainder: boolean;
  readonly callbacks: readonly Callback[];
  readonly onEpochEnd: ((record: EpochRecord) => unknown) | undefined;
  readonly onBatchEnd: ((record: BatchRecord) => unknown) | undefined;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly profile: ProfileOption | undefined;
}

/** Largest batch: the row numbers of a step are counted in 32 bits. */
const MAX_BATCH = 2 ** 24;

/** Checks the options of a fit. `named` gives a model's optimizer of a name, so that its state can be found again. */
export function readFitOptions(
  options: FitOptions | undefined,
  modelSeed: number,
  named: (name: OptimizerName) => Optimizer,
): FitSettings {
  checkOptions('fit', options, fitOptionNames);
  const o = options ?? {};
  const C = checkNumber('fit', 'C', o.C ?? Number.POSITIVE_INFINITY, { min: 0, openMin: true });
  const validationSplit = checkNumber('fit', 'validationSplit', o.validationSplit ?? 0, {
    min: 0,
    max: 1,
    openMax: true,
  });
  if (validationSplit > 0 && o.validationData !== undefined)
    throw new TypeError('fit: give validationData or validationSplit, not both');
  return {
    epochs: checkInteger('fit', 'epochs', o.epochs ?? 1, 1),
    batchSize: checkInteger('fit', 'batchSize', o.batchSize ?? 32, 1, MAX_BATCH),
    loss: lossFrom(o.loss ?? 'softmaxCrossEntropy'),
    optimizer:
      typeof (o.optimizer ?? '') === 'string'
        ? named((o.optimizer as OptimizerName) ?? 'adam')
        : optimizerFrom(o.optimizer!),
    C,
    clipNorm:
      o.clipNorm === undefined
        ? undefined
        : checkNumber('fit', 'clipNorm', o.clipNorm, { min: 0, openMin: true, openMax: true }),
    accumulate: checkInteger('fit', 'accumulate', o.accumulate ?? 1, 1),
    classWeights: o.classWeights,
    shuffle: flag('shuffle', o.shuffle, true),
    seed: checkInteger('fit', 'seed', o.seed ?? modelSeed),
    validationData: o.validationData,
    validationSplit,
    accuracy: readMetrics('fit', o.metrics),
    signal: checkSignal('fit', o.signal),
    stopOnSignals: readStopSignals('fit', o.stopOnSignals),
    batchRecords: checkOneOf('fit', 'every', o.every ?? 'epoch', ['epoch', 'batch']) === 'batch',
    dropRemainder: flag('dropRemainder', o.dropRemainder, false),
    callbacks: readCallbacks('fit', o.callbacks),
    ...readCheckpointOptions('fit', o),
    onEpochEnd: checkCallback('fit', 'onEpochEnd', o.onEpochEnd),
    onBatchEnd: checkCallback('fit', 'onBatchEnd', o.onBatchEnd),
    onProgress: checkCallback('fit', 'onProgress', o.onProgress),
    profile: readProfile('fit', o.profile),
  };
}

export interface EvaluateOptions {
  /** Rows a step: it changes the memory needed and the speed, not the result (beyond rounding). Default 256. */
  readonly batchSize?: number;
  /** Default: that of the model's last fit, else 'softmaxCrossEntropy'. */
  readonly loss?: LossOption | Loss;
  /**
   * Default loss and accuracy. Also 'top5' (or another number), 'confusionMatrix', 'classificationReport' and 'rocAuc', as the functions of
   * `metrics` have them: of labels, for which the outputs of all rows are kept until the end.
   */
  readonly metrics?: readonly EvaluationMetric[];
  /** Records what each kernel call takes, as for fit: a path for the trace, or a function that gets the profile. */
  readonly profile?: ProfileOption;
}

export function readEvaluateOptions(options: EvaluateOptions | undefined, lastLoss: Loss | undefined) {
  checkOptions('evaluate', options, ['batchSize', 'loss', 'metrics', 'profile']);
  return {
    batchSize: checkInteger('evaluate', 'batchSize', options?.batchSize ?? 256, 1, MAX_BATCH),
    loss: lossFrom(options?.loss ?? lastLoss ?? 'softmaxCrossEntropy'),
    wanted: readEvaluationMetrics('evaluate', options?.metrics),
    profile: readProfile('evaluate', options?.profile),
  };
}

/** Whether accuracy is wanted. The loss is always there. */
export function readMetrics(where: string, metrics: readonly Metric[] | undefined): boolean {
  if (metrics === undefined) return true;
  if (!Array.isArray(metrics)) throw wrongType(where, 'metrics', "an array of 'loss' and 'accuracy'", metrics);
  for (const [i, metric] of metrics.entries()) checkOneOf(where, `metrics[${i}]`, metric, ['loss', 'accuracy']);
  return metrics.includes('accuracy');
}

function flag(name: string, value: boolean | undefined, usual: boolean): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw wrongType('fit', name, 'true or false', value);
  return value ?? usual;
}
