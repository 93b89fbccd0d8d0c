/** The images of `steepest train`, and what the preset simplenn makes of them. */
import { type Command, Option } from 'commander';
import { cifar10 } from '../data/cifar10.js';
import { cifar100 } from '../data/cifar100.js';
import { digits } from '../data/digits.js';
import type { ImageProgress } from '../data/image-options.js';
import { mnist } from '../data/mnist.js';
import { type PixelOrder, pixelOrders, simplennData } from '../data/simplenn.js';
import { type Io, interruptible, UsageError } from './io.js';
import type { Report } from './train-report.js';
import { wholeNumber } from './values.js';

export const dataNames = ['digits', 'mnist', 'fashion', 'cifar10', 'cifar100', 'mat'] as const;

/** Bytes, or real numbers, with a class for each image. */
export interface Images {
  readonly x: Uint8Array | Float32Array | Float64Array;
  readonly y: Uint8Array | Int32Array;
  readonly count: number;
  readonly shape: readonly [number, number, number];
  readonly classes: number;
  /** Where the data has names for them. */
  readonly classNames?: readonly string[];
}

export interface ImageSets {
  readonly train: Images;
  readonly test: Images;
}

export interface DataArguments {
  readonly data: (typeof dataNames)[number];
  readonly dataDir?: string;
  readonly trainFile?: string;
  readonly testFile?: string;
  readonly pixelOrder?: PixelOrder;
  readonly limit?: number;
}

/** The options that say which images. */
export function addDataOptions(command: Command): Command {
  return command
    .addOption(new Option('--data <name>', 'images to learn from').choices(dataNames).default('digits'))
    .option(
      '--data-dir <dir>',
      "folder of MNIST's or Fashion-MNIST's four files; of CIFAR's binary ones; for cifar10 also of train/<class>/*.jpg and test/<class>/*.jpg",
    )
    .option('--train-file <file>', 'for mat: a MAT-file with labels y and images Z to learn from')
    .option('--test-file <file>', 'for mat: another for the test')
    .addOption(new Option('--pixel-order <name>', 'for mat: how pixels lie in Z (default: rows)').choices(pixelOrders))
    .option(
      '--limit <n>',
      'take only N training and N test images: the first, of folders of classes evenly from all',
      wholeNumber(1),
    );
}

/** The built-in digits: how many, and from which seed (not --seed, so that runs with several seeds see the same images). */
const DIGITS = { train: 10_000, test: 2_000, seed: 1 } as const;

/** What a network asks of data that does not know by itself. */
export interface Wanted {
  readonly inputShape: readonly number[];
  readonly classes: number;
}

/** The images; undefined where an interrupt came first. */
export async function loadData(
  options: DataArguments,
  wanted: Wanted | undefined,
  io: Io,
  report: Report,
): Promise<ImageSets | undefined> {
  checkArguments(options);
  const { data, dataDir, limit } = options;
  if (data === 'digits') {
    const count = (usual: number) => Math.min(limit ?? usual, usual);
    const { seed } = DIGITS;
    return {
      train: digits({ count: count(DIGITS.train), seed }),
      test: digits({ count: count(DIGITS.test), seed, split: 'test' }),
    };
  }
  if (data === 'cifar10' || data === 'cifar100') return readCifar(options, io, report);
  const { train, test } = data === 'mat' ? await readMatrices(options, wanted) : await mnist(dataDir!);
  return { train: firstImages(train, limit), test: firstImages(test, limit) };
}

function checkArguments({ data, dataDir, trainFile, testFile, pixelOrder }: DataArguments): void {
  if (data === 'mat') {
    if (trainFile === undefined || testFile === undefined)
      throw new UsageError('--data mat needs --train-file FILE and --test-file FILE');
  } else if ((trainFile ?? testFile ?? pixelOrder) !== undefined)
    throw new UsageError('--train-file, --test-file and --pixel-order are for --data mat');
  const folder = data !== 'digits' && data !== 'mat';
  if (!folder && dataDir !== undefined)
    throw new UsageError('--data-dir is for --data mnist, fashion, cifar10 and cifar100; digits are built in');
  if (folder && dataDir === undefined)
    throw new UsageError(`--data ${data} needs --data-dir DIR, the folder of its files`);
}

async function readMatrices(
  { trainFile, testFile, pixelOrder }: DataArguments,
  wanted: Wanted | undefined,
): Promise<ImageSets> {
  if (wanted === undefined) throw new UsageError('--data mat needs --config FILE, which says what an image is');
  const inputShape = wanted.inputShape as readonly [number, number, number];
  const options = { inputShape, classes: wanted.classes, pixelOrder: pixelOrder ?? 'rows' };
  return { train: await simplennData(trainFile!, options), test: await simplennData(testFile!, options) };
}

async function readCifar({ data, dataDir, limit }: DataArguments, io: Io, report: Report) {
  const onProgress = (progress: ImageProgress) => report.loading(progress);
  const read = data === 'cifar10' ? cifar10 : cifar100;
  const sets = await interruptible(io, (signal) =>
    read(dataDir!, { limit, signal, onProgress }).finally(() => report.close()),
  );
  if (sets === undefined) report.done({ epochs: [], reason: 'stopped', stopped: true });
  return sets;
}

function firstImages(set: Images, limit = set.count): Images {
  const count = Math.min(limit, set.count);
  const size = set.shape.reduce((a, b) => a * b);
  return { ...set, count, x: set.x.subarray(0, count * size), y: set.y.subarray(0, count) };
}

/** Bytes become 0 .. 1; each value loses its mean over the training images. */
export function centred({ train, test }: ImageSets): ImageSets {
  const size = train.shape.reduce((a, b) => a * b);
  const unit = ({ x }: Images) => (x instanceof Uint8Array ? 1 / 255 : 1);
  const mean = new Float64Array(size);
  for (let i = 0; i < train.x.length; i++) mean[i % size]! += (train.x[i]! * unit(train)) / train.count;
  const less = (set: Images): Images => {
    const x = new Float32Array(set.x.length);
    for (let i = 0; i < x.length; i++) x[i] = set.x[i]! * unit(set) - mean[i % size]!;
    return { ...set, x };
  };
  return { train: less(train), test: less(test) };
}
