/** `steepest train`: trains a named network, or one of a SimpleNN file, on images or MAT-files and reports every epoch. */
import { Command, Option } from 'commander';
import { checkWritable } from '../files.js';
import { type LossOption, lossNames } from '../losses/registry.js';
import { readSimplennConfig } from '../models/simplenn.js';
import type { OptimizerName } from '../optimizers/optimizer.js';
import { optimizerNames } from '../optimizers/registry.js';
import type { Callback } from '../train/callbacks/callback.js';
import { type MinimizeMethod, minimizeMethods } from '../train/minimize-options.js';
import type { Model } from '../train/model.js';
import { tensorBoard } from '../train/tensorboard.js';
import { deviceOption, modelOption, precisionOption, profileOption, threadsOption } from './arguments.js';
import { INTERRUPTED, type Io, OK, stopBySignals, UsageError } from './io.js';
import { type AugmentArguments, addAugmentOptions, augmented, checkAugment, sameBatches } from './train/augment.js';
import { addCallbackOptions, type CallbackArguments, callbacksOf } from './train/callbacks.js';
import { addCheckpointOptions, type CheckpointArguments, checkpointOptions } from './train/checkpoints.js';
import { addDataOptions, centred, type DataArguments, type Images, isImage, loadData } from './train/data.js';
import { TrainLog } from './train/log.js';
import { DEFAULT_MODEL, type ModelArguments, modelFor } from './train/model.js';
import { addOptimizerOptions, checkOptimizer, type OptimizerArguments, optimizerOf } from './train/optimizer.js';
import { type Report, reportFor } from './train/report.js';
import { addWholeOptions, checkWhole, isWhole, minimize, type WholeArguments } from './train/whole.js';
import { examples, fraction, jsonOption, positiveNumber, wholeNumber } from './values.js';

const TARGET = 'targetAccuracy';
/** Images a step, where nothing is said of them. */
const BATCH = 128;

export interface TrainArguments
  extends AugmentArguments,
    CallbackArguments,
    CheckpointArguments,
    DataArguments,
    OptimizerArguments,
    WholeArguments,
    ModelArguments {
  readonly preset?: 'simplenn';
  readonly epochs?: number;
  readonly batch?: number;
  readonly optimizer?: OptimizerName | MinimizeMethod;
  readonly loss?: LossOption;
  readonly C?: number;
  /** false: --no-shuffle. */
  readonly shuffle?: boolean;
  readonly dropRemainder?: boolean;
  readonly accumulate?: number;
  readonly classWeights?: 'balanced';
  readonly clipNorm?: number;
  readonly targetAccuracy?: number;
  readonly save?: string;
  readonly profile?: string;
  readonly log?: string;
  readonly json?: boolean;
}

export function trainCommand(io: Io, finish: (code: number) => void): Command {
  const command = addDataOptions(new Command('train'))
    .description('train a network and report every epoch, or every iteration')
    .addOption(modelOption().default(undefined, 'lenet'))
    .addOption(new Option('--config <file>', "network file of SimpleNN's, in place of --model").conflicts('model'))
    .addOption(
      new Option('--load <file>', 'go on with a model that --save wrote, in place of --model').conflicts([
        'model',
        'config',
      ]),
    )
    .option('--save <file>', 'write the model there at the end, also of a run that was interrupted')
    .addOption(
      new Option(
        '--preset <name>',
        'simplenn: squared error, C = 0.01 times the images, each pixel less its mean, newton-cg where no optimizer is given',
      ).choices(['simplenn']),
    )
    .option('--epochs <n>', 'times through the data (default: 3)', wholeNumber(1))
    .option('--batch <n>', 'images a step (default: 128; with whole-data optimizers 1024)', wholeNumber(1))
    .addOption(
      new Option('--optimizer <name>', 'update rule (default: adam)').choices([...optimizerNames, ...minimizeMethods]),
    )
    .addOption(new Option('--loss <name>', 'what is lowered (default: softmaxCrossEntropy)').choices(lossNames))
    .option(
      '--C <x>',
      "regulariser: theta'theta/(2C) is added to the mean loss (default: as the optimizer has it)",
      positiveNumber,
    )
    .option('--no-shuffle', 'take the images in their own order')
    .option('--drop-remainder', 'leave out the last step of an epoch where it has fewer images than the others')
    .option('--accumulate <n>', 'batches an update (default: 1)', wholeNumber(1))
    .addOption(new Option('--class-weights <name>', 'balanced: all classes count the same').choices(['balanced']))
    .option('--clip-norm <x>', 'largest length of the gradient: a longer one is scaled down', positiveNumber)
    .option(
      '--target-accuracy <x>',
      'stop at this test accuracy, and tell the seconds of training until then',
      fraction,
    )
    .option('--seed <n>', 'seed of the initial weights and the order of the images', wholeNumber(0), 1)
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .option(
      '--log <file>',
      "write what --json prints to a file, with more for 'steepest report', beside what is shown; with --resume go on with it",
    )
    .option('--tensorboard <dir>', 'write a log for TensorBoard to a folder')
    .addOption(profileOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'train --epochs 3',
        'train --model resnet18 --data cifar10 --data-dir DIR --checkpoint runs/a --resume',
        'train --model cnn4 --data cifar10 --data-dir DIR --augment flip,crop=4,cutout=8',
        'train --optimizer nesterov --lr 0.05 --momentum 0.9 --weight-decay 0.001 --schedule cosine',
        'train --epochs 5 --resume runs/a/checkpoint-0000000237.safetensors',
        'train --data folder --data-dir pets --model cnn4 --save pets.safetensors',
        'train --data csv --train-file A.csv --test-file B.csv --model mlp',
        'train --config NET.config --preset simplenn --data mat --train-file A.mat --test-file B.mat',
        'train --optimizer lbfgs --loss squaredError --C 100 --iterations 50',
      ),
    );
  return [addOptimizerOptions, addAugmentOptions, addCallbackOptions, addCheckpointOptions, addWholeOptions]
    .reduce((all, add) => add(all), command)
    .action(async (options: TrainArguments) => finish(await train(options, io)));
}

/** Runs the command; resolves to its exit code. */
export async function train(options: TrainArguments, io: Io): Promise<number> {
  const { config: file, preset } = options;
  const optimizer = options.optimizer ?? (preset === 'simplenn' ? 'newton-cg' : 'adam');
  checkOptions(optimizer, options);
  if (options.save !== undefined) await checkWritable('train', '--save', options.save);
  const config = file === undefined ? undefined : await readSimplennConfig(file);
  const log = options.log === undefined ? undefined : new TrainLog(options.log);
  const report = reportFor(io, options.json === true, log?.output);
  const loaded = await loadData(options, config, io, report);
  if (loaded === undefined) return INTERRUPTED;
  const { train: images, test } = preset === 'simplenn' ? centred(loaded) : loaded;
  checkImages(options, images);
  const model = await modelFor(options, config, images, report);
  try {
    report.start(
      model,
      { model: options.load ?? file ?? options.model ?? DEFAULT_MODEL, data: options.data },
      images.count,
      test.count,
    );
    const loss = options.loss ?? (preset === 'simplenn' ? 'squaredError' : 'softmaxCrossEntropy');
    const C = options.C ?? (preset === 'simplenn' ? 0.01 * images.count : undefined);
    const run = { train: images, test, loss, C, batchSize: options.batch };
    const code = isWhole(optimizer)
      ? await minimize(model, { method: optimizer, ...run }, options, io, { report, log })
      : await trainByBatches(model, { optimizer, ...run }, options, io, { report, log });
    if (code === OK) await log?.evaluation(model, test, loss);
    if (options.save !== undefined) {
      await model.save(options.save);
      report.note(`saved to ${options.save}`);
    }
    return code;
  } finally {
    report.close();
    model.dispose();
  }
}

/** Refuses options that do not go together. */
function checkOptions(optimizer: OptimizerName | MinimizeMethod, options: TrainArguments): void {
  checkWhole(optimizer, options);
  if (!isWhole(optimizer)) checkOptimizer(optimizer, options);
  checkAugment(options);
  checkpointOptions(options);
}

/** Refuses options that do not go with such data. */
function checkImages({ augment, dropRemainder, batch = BATCH }: TrainArguments, { shape, count }: Images): void {
  if (augment !== undefined && !isImage(shape))
    throw new UsageError(`--augment is for images, but these are rows of ${shape.join(' x ')} numbers`);
  if (dropRemainder && count < batch)
    throw new UsageError(`--drop-remainder leaves nothing of ${count} with --batch ${batch}`);
}

interface BatchRun {
  readonly optimizer: OptimizerName;
  readonly loss: LossOption;
  readonly C: number | undefined;
  readonly train: Images;
  readonly test: Images;
}

/** Trains by batches; resolves to the exit code. */
async function trainByBatches(
  model: Model,
  { optimizer, loss, C, train, test }: BatchRun,
  options: TrainArguments,
  io: Io,
  { report, log }: { readonly report: Report; readonly log: TrainLog | undefined },
) {
  const {
    epochs = 3,
    batch: batchSize = BATCH,
    shuffle,
    dropRemainder,
    accumulate,
    classWeights,
    clipNorm,
    targetAccuracy,
    tensorboard,
    profile: file,
  } = options;
  const stepsPerEpoch = Math[dropRemainder ? 'floor' : 'ceil'](train.count / batchSize);
  const batches = options.augment && { seed: options.seed, batchSize, shuffle, dropRemainder };
  const run = model.fit(batches === undefined ? train : augmented(train, options, batches), {
    epochs,
    batchSize,
    optimizer: optimizerOf(optimizer, options, epochs * Math.ceil(stepsPerEpoch / (accumulate ?? 1))),
    ...{ shuffle, dropRemainder, accumulate, classWeights, clipNorm },
    ...checkpointOptions(options),
    loss,
    C,
    validationData: test,
    onProgress: (progress) => report.progress(progress),
    callbacks: [
      ...(batches === undefined ? [] : [sameBatches(train, options, batches)]),
      ...(log === undefined ? [] : [log.callback(() => run.status)]),
      ...(tensorboard === undefined ? [] : [tensorBoard(tensorboard)]),
      ...(targetAccuracy === undefined ? [] : [untilAccuracy(targetAccuracy)]),
      ...callbacksOf(options),
    ],
    profile: file,
  });
  const signals = stopBySignals(io, run);
  try {
    for await (const record of run) if (record.kind === 'epoch') report.epoch(record, epochs);
  } finally {
    signals.release();
  }
  const history = await run;
  const { epoch, testAccuracy } = history.epochs.at(-1) ?? {};
  const trainSeconds = history.epochs.reduce((sum, { seconds }) => sum + seconds, 0);
  if (history.reason === TARGET) report.target({ accuracy: testAccuracy!, trainSeconds, epoch: epoch! });
  else if (targetAccuracy !== undefined && !history.stopped)
    report.note(`test accuracy ${targetAccuracy} was not reached`);
  report.done(history);
  if (history.profile !== undefined) report.note(`${history.profile}`);
  return history.stopped ? signals.code : OK;
}

/** Ends the fit at this test accuracy. */
function untilAccuracy(wanted: number): Callback {
  return {
    name: TARGET,
    onEpochEnd({ testAccuracy }, fit) {
      if (testAccuracy !== undefined && testAccuracy >= wanted) fit.end(TARGET);
    },
  };
}
