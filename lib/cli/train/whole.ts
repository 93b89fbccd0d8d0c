/** `steepest train --optimizer newton-cg | lbfgs | gradient-descent`: whole-data methods, a line for each iteration. */
import { type Command, Option } from 'commander';
import type { LossOption } from '../../losses/registry.js';
import {
  type MinimizeMethod,
  type MinimizeOptions,
  minimizeMethods,
  type NewtonCgOptions,
} from '../../train/minimize-options.js';
import type { Model } from '../../train/model.js';
import { tensorBoard } from '../../train/tensorboard.js';
import { type Io, OK, stopBySignals, UsageError } from '../io.js';
import { flag, isGiven, numberIn, positiveNumber, wholeNumber } from '../values.js';
import { augmentNames } from './augment.js';
import { callbackNames } from './callbacks.js';
import { type CheckpointArguments, checkpointOptions } from './checkpoints.js';
import type { Images } from './data.js';
import type { TrainLog } from './log.js';
import { optimizerOptionNames } from './optimizer.js';
import type { Report } from './report.js';

const ofAll = ['iterations', 'tolerance'] as const;
const ofNewton = ['sampleSize', 'xi', 'cgMax', 'lambda', 'drop', 'boost', 'eta'] as const;

export interface WholeArguments extends Pick<NewtonCgOptions, (typeof ofAll)[number] | (typeof ofNewton)[number]> {
  readonly tensorboard?: string;
}

/** What belongs to training by batches alone. */
const ofBatches = [
  'epochs',
  ...optimizerOptionNames,
  'shuffle',
  'dropRemainder',
  'clipNorm',
  'targetAccuracy',
  'profile',
  'accumulate',
  'classWeights',
  ...augmentNames,
  ...callbackNames,
] as const;

export function addWholeOptions(command: Command): Command {
  const group = 'Options of newton-cg, lbfgs and gradient-descent:';
  const options = [
    new Option('--iterations <n>', 'iterations at most (default: 100)').argParser(wholeNumber(1)),
    new Option('--tolerance <x>', 'stop at this part of the first gradient norm (default: 1e-6)').argParser(
      numberIn(0, 1),
    ),
    new Option('--sample-size <n>', 'images of a Gauss-Newton matrix (default: 5 %)').argParser(wholeNumber(1)),
    new Option('--xi <x>', 'relative residual of conjugate gradients (default: 0.1)').argParser(positiveNumber),
    new Option('--cg-max <n>', 'steps of conjugate gradients at most (default: 250)').argParser(wholeNumber(1)),
    new Option('--lambda <x>', 'damping at the start, 0: none (default: 1)').argParser(numberIn(0)),
    new Option('--drop <x>', "the damping's factor where the model did well (default: 2/3)").argParser(positiveNumber),
    new Option('--boost <x>', "the damping's factor where it did badly (default: 3/2)").argParser(positiveNumber),
    new Option('--eta <x>', 'part of the slope that a step must keep (default: 1e-4)').argParser(positiveNumber),
  ];
  for (const option of options) command.addOption(option.helpGroup(group));
  return command;
}

export function isWhole(optimizer: string): optimizer is MinimizeMethod {
  return minimizeMethods.some((method) => method === optimizer);
}

/** Refuses options that are of the other kind of training, or of another method. */
export function checkWhole(optimizer: string, options: object): void {
  const given = (names: readonly string[]) =>
    names.filter((name) => isGiven(name, (options as Record<string, unknown>)[name]));
  const refuse = (names: readonly string[], whom: string) => {
    if (names.length > 0)
      throw new UsageError(`${names.map(flag).join(', ')}: not with --optimizer ${optimizer}, but with ${whom}`);
  };
  if (isWhole(optimizer)) refuse(given(ofBatches), 'those that train by batches');
  else refuse(given(ofAll), minimizeMethods.join(', '));
  if (optimizer !== 'newton-cg') refuse(given(ofNewton), 'newton-cg');
}

export interface WholeRun {
  readonly method: MinimizeMethod;
  readonly loss: LossOption;
  readonly C?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly train: Images;
  readonly test: Images;
}

/** Trains; resolves to the exit code. */
export async function minimize(
  model: Model,
  { method, train, test, ...rest }: WholeRun,
  options: WholeArguments & CheckpointArguments,
  io: Io,
  { report, log }: { readonly report: Report; readonly log: TrainLog | undefined },
) {
  const names = method === 'newton-cg' ? [...ofAll, ...ofNewton] : ofAll;
  const given = Object.fromEntries(
    names.map((name) => [name, options[name]]).filter(([, value]) => value !== undefined),
  );
  const run = model.minimize(train, {
    method,
    ...rest,
    ...given,
    ...checkpointOptions(options),
    validationData: test,
    onProgress: (progress) => report.passing(progress),
    ...(options.tensorboard !== undefined && { onIteration: tensorBoard(options.tensorboard).record }),
  } as MinimizeOptions);
  const signals = stopBySignals(io, run);
  try {
    let begun = false;
    for await (const record of run) {
      if (!begun) await log?.beginAfter(record.iteration);
      begun = true;
      report.iteration(record);
    }
    if (!begun) await log?.beginAfter((await run).iterations.length);
  } finally {
    signals.release();
  }
  const minimum = await run;
  report.minimum(minimum);
  return minimum.stopped ? signals.code : OK;
}
