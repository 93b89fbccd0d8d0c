/** `steepest train`: trains a named network on digits, MNIST or CIFAR-10 and reports every epoch. */
import { Command, Option } from 'commander';
import { cifar10 } from '../data/cifar10.js';
import type { LabelledImages } from '../data/dataset.js';
import { digits } from '../data/digits.js';
import { mnist } from '../data/mnist.js';
import { zeroPadding2d } from '../layers/zero-padding2d.js';
import { type NetworkName, networkFrom } from '../models/networks.js';
import type { OptimizerName } from '../optimizers/optimizer.js';
import { optimizerFrom, optimizerNames } from '../optimizers/registry.js';
import { cosine, oneCycle } from '../optimizers/schedules.js';
import { type Model, sequential } from '../train/model.js';
import {
  type DeviceOption,
  decayRate,
  deviceOption,
  fraction,
  jsonOption,
  modelOption,
  type PrecisionOption,
  positiveNumber,
  precisionOption,
  profileOption,
  threadsOption,
  wholeNumber,
} from './arguments.js';
import { INTERRUPTED, type Io, OK, UsageError } from './io.js';
import { type Report, reportFor } from './report.js';

const scheduleNames = ['constant', 'cosine', 'one-cycle'] as const;
const dataNames = ['digits', 'mnist', 'cifar10'] as const;

export interface TrainArguments {
  readonly model: NetworkName;
  readonly data: (typeof dataNames)[number];
  readonly dataDir?: string;
  readonly epochs: number;
  readonly batch: number;
  readonly optimizer: OptimizerName;
  readonly lr?: number;
  readonly schedule: (typeof scheduleNames)[number];
  readonly beta1?: number;
  readonly beta2?: number;
  readonly clipNorm?: number;
  readonly targetAccuracy?: number;
  readonly seed: number;
  readonly device: DeviceOption;
  readonly threads?: number;
  readonly precision: PrecisionOption;
  readonly limit?: number;
  readonly profile?: string;
  readonly json?: boolean;
}

/** The built-in digits: how many, and from which seed (not --seed, so that runs with several seeds see the same images). */
const DIGITS = { train: 10_000, test: 2_000, seed: 1 } as const;

export function trainCommand(io: Io, finish: (code: number) => void): Command {
  return new Command('train')
    .description('train a network and report every epoch')
    .addOption(modelOption().default('lenet'))
    .addOption(new Option('--data <name>', 'images to learn from').choices(dataNames).default('digits'))
    .option(
      '--data-dir <dir>',
      "folder of MNIST's four files; for cifar10 of train/<class>/*.jpg and test/<class>/*.jpg",
    )
    .option('--epochs <n>', 'times through the data', wholeNumber(1), 3)
    .option('--batch <n>', 'images a step', wholeNumber(1), 128)
    .addOption(new Option('--optimizer <name>', 'update rule').choices(optimizerNames).default('adam'))
    .option('--lr <x>', "learning rate (default: the optimizer's)", positiveNumber)
    .addOption(
      new Option('--schedule <name>', 'how the learning rate goes from its largest, --lr, over all steps')
        .choices(scheduleNames)
        .default('constant'),
    )
    .option('--beta1 <x>', "adam's and adamw's memory of the gradient (default: 0.9)", decayRate)
    .option('--beta2 <x>', "adam's and adamw's memory of its square (default: 0.999)", decayRate)
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
      '--limit <n>',
      'take only N training and N test images: the first, of cifar10 evenly from all classes',
      wholeNumber(1),
    )
    .addOption(profileOption())
    .addOption(jsonOption())
    .action(async (options: TrainArguments) => finish(await train(options, io)));
}

/** Runs the command; resolves to its exit code. */
export async function train(options: TrainArguments, io: Io): Promise<number> {
  if ((options.beta1 ?? options.beta2) !== undefined && !options.optimizer.startsWith('adam'))
    throw new UsageError('--beta1 and --beta2 are for --optimizer adam and adamw');
  const report = reportFor(io, options.json === true);
  const loaded = await loadData(options, io, report);
  if (loaded === undefined) return INTERRUPTED;
  const { train: images, test } = loaded;
  const model = buildModel(options, images, report);
  try {
    report.start(model, options, images.count, test.count);
    const { epochs, batch: batchSize, clipNorm, targetAccuracy, profile: file } = options;
    let [trainSeconds, reached] = [0, false];
    const run = model.fit(images, {
      epochs,
      batchSize,
      optimizer: optimizerOf(options, images.count),
      ...(clipNorm !== undefined && { clipNorm }),
      loss: 'softmaxCrossEntropy',
      validationData: test,
      onProgress: (progress) => report.progress(progress),
      onEpochEnd: ({ seconds, testAccuracy }) => {
        trainSeconds += seconds;
        reached = targetAccuracy !== undefined && testAccuracy !== undefined && testAccuracy >= targetAccuracy;
        if (reached) run.stop();
      },
      profile: file,
    });
    const release = io.onInterrupt(() => run.stop());
    try {
      for await (const record of run) if (record.kind === 'epoch') report.epoch(record, epochs);
    } finally {
      release();
    }
    const { epochs: records, stopped: halted, profile } = await run;
    const { epoch, testAccuracy } = records.at(-1) ?? {};
    const stopped = halted && !reached;
    if (reached) report.target({ accuracy: testAccuracy!, trainSeconds, epoch: epoch! });
    else if (targetAccuracy !== undefined && !stopped) report.note(`test accuracy ${targetAccuracy} was not reached`);
    report.done(stopped);
    if (profile !== undefined) report.note(`${profile}`);
    return stopped ? INTERRUPTED : OK;
  } finally {
    report.close();
    model.dispose();
  }
}

/** The optimizer, its learning rate on a schedule over all steps. */
function optimizerOf({ optimizer: name, lr, schedule, beta1, beta2, epochs, batch }: TrainArguments, images: number) {
  const given = {
    ...(lr !== undefined && { learningRate: lr }),
    ...(beta1 !== undefined && { beta1 }),
    ...(beta2 !== undefined && { beta2 }),
  };
  const optimizer = optimizerFrom(name, given);
  if (schedule === 'constant') return optimizer;
  const steps = epochs * Math.ceil(images / batch);
  const learningRate = (schedule === 'cosine' ? cosine : oneCycle)(optimizer.learningRate.at(0), { steps });
  return optimizerFrom(name, { ...given, learningRate });
}

/** The images; undefined where an interrupt came first. */
async function loadData(
  { data, dataDir, limit }: TrainArguments,
  io: Io,
  report: Report,
): Promise<{ train: LabelledImages; test: LabelledImages } | undefined> {
  if (data === 'digits') {
    if (dataDir !== undefined) throw new UsageError('--data-dir is for --data mnist and cifar10; digits are built in');
    const count = (usual: number) => Math.min(limit ?? usual, usual);
    const { seed } = DIGITS;
    return {
      train: digits({ count: count(DIGITS.train), seed }),
      test: digits({ count: count(DIGITS.test), seed, split: 'test' }),
    };
  }
  if (dataDir === undefined) throw new UsageError(`--data ${data} needs --data-dir DIR, the folder of its files`);
  if (data === 'mnist') {
    const { train, test } = await mnist(dataDir);
    return { train: firstImages(train, limit), test: firstImages(test, limit) };
  }
  const reading = new AbortController();
  const { signal } = reading;
  const release = io.onInterrupt(() => reading.abort());
  try {
    return await cifar10(dataDir, { limit, signal, onProgress: (progress) => report.loading(progress) });
  } catch (error) {
    if (!signal.aborted) throw error;
    report.done(true);
    return undefined;
  } finally {
    release();
    report.close();
  }
}

function firstImages(set: LabelledImages, limit = set.count): LabelledImages {
  const count = Math.min(limit, set.count);
  const size = set.shape.reduce((a, b) => a * b);
  return { ...set, count, x: set.x.subarray(0, count * size), y: set.y.subarray(0, count) };
}

/** The network for images of this shape. One that wants larger images gets a border of zeros round them. */
function buildModel(options: TrainArguments, { shape, classes }: LabelledImages, report: Report): Model {
  const { model: name, seed, device, threads, precision } = options;
  const [height, width, channels] = shape;
  const wanted = networkFrom(name).inputShape[0]!;
  const padding = Math.max(0, Math.ceil((wanted - Math.min(height, width)) / 2));
  const inputShape = [height + 2 * padding, width + 2 * padding, channels];
  const { layers } = networkFrom(name, { inputShape, classes });
  if (padding > 0)
    report.note(
      `${name} takes images of ${inputShape.join(' x ')}: a border of ${padding} zeros is put round ${shape.join(' x ')}`,
    );
  return sequential(
    { inputShape: shape, seed, device, threads, precision },
    padding > 0 ? [zeroPadding2d({ padding }), ...layers] : layers,
  );
}
