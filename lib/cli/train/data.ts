/** The images of `steepest train`, and what the preset simplenn makes of them. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { cifar10 } from '../../data/cifar10.js';
import { cifar100 } from '../../data/cifar100.js';
import { digits } from '../../data/digits.js';
import { trainAndTest } from '../../data/image-folder.js';
import type { ImageOptions, ImageProgress, Size } from '../../data/image-options.js';
import { mnist } from '../../data/mnist.js';
import { type PixelOrder, pixelOrders, simplennData } from '../../data/simplenn.js';
import { type Io, interruptible, UsageError } from '../io.js';
import { flag, isGiven, listed, wholeNumber } from '../values.js';
import type { Report } from './report.js';
import { addTableOptions, readTables, type TableArguments } from './tables.js';

export const dataNames = ['digits', 'mnist', 'fashion', 'cifar10', 'cifar100', 'folder', 'csv', 'mat'] as const;
type DataName = (typeof dataNames)[number];

/** Bytes, or real numbers, with a class for each image (of tables: for each row). */
export interface Images {
  readonly x: Uint8Array | Float32Array | Float64Array;
  readonly y: Uint8Array | Int32Array;
  readonly count: number;
  /** Of an image: [height, width, channels]; of a row of a table: [columns]. */
  readonly shape: readonly number[];
  readonly classes: number;
  /** Where the data has names for them. */
  readonly classNames?: readonly string[];
}

export type ImageShape = readonly [height: number, width: number, channels: number];
export const isImage = (shape: readonly number[]): shape is ImageShape => shape.length === 3;

export interface ImageSets {
  readonly train: Images;
  readonly test: Images;
}

export interface DataArguments extends TableArguments {
  readonly data: DataName;
  readonly dataDir?: string;
  readonly pixelOrder?: PixelOrder;
  readonly limit?: number;
}

/** The options that say which images. */
export function addDataOptions(command: Command): Command {
  command
    .addOption(new Option('--data <name>', 'images to learn from').choices(dataNames).default('digits'))
    .option(
      '--data-dir <dir>',
      "folder of MNIST's or Fashion-MNIST's four files; of CIFAR's binary ones; for folder, and cifar10, of train/<class>/*.jpg and test/<class>/*.jpg (or .png)",
    )
    .option('--train-file <file>', 'to learn from: for csv a table, for mat a MAT-file with labels y and images Z')
    .option('--test-file <file>', 'another for the test')
    .option(
      '--image-size <HxW>',
      'for folder: the size that images are brought to (needs the package sharp); for csv: rows are the pixels of such images',
      imageSize,
    )
    .addOption(new Option('--pixel-order <name>', 'for mat: how pixels lie in Z (default: rows)').choices(pixelOrders));
  return addTableOptions(command).option(
    '--limit <n>',
    'take only N training and N test images: the first, of folders of classes evenly from all',
    wholeNumber(1),
  );
}

/** 32x48, or 32 for both sides. */
function imageSize(text: string): Size {
  const sides = /^([1-9]\d*)(?:x([1-9]\d*))?$/.exec(text);
  if (sides === null) throw new InvalidArgumentError('Expected a size such as 64x48, height first, or 64.');
  return [Number(sides[1]), Number(sides[2] ?? sides[1])];
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
  const read = readers[data];
  if (read !== undefined) return readImages(read, options, io, report);
  const { train, test } = data === 'mat' ? await readMatrices(options, wanted) : await mnist(dataDir!);
  return { train: firstImages(train, limit), test: firstImages(test, limit) };
}

/** The data that each option is for. */
const optionsOf = {
  dataDir: ['mnist', 'fashion', 'cifar10', 'cifar100', 'folder'],
  trainFile: ['csv', 'mat'],
  testFile: ['csv', 'mat'],
  imageSize: ['folder', 'csv'],
  pixelOrder: ['mat'],
  labelColumn: ['csv'],
  separator: ['csv'],
  header: ['csv'],
} as const satisfies Partial<Record<keyof DataArguments, readonly DataName[]>>;

function checkArguments(options: DataArguments): void {
  const { data, dataDir, trainFile, testFile } = options;
  const isFor = (name: keyof typeof optionsOf) => optionsOf[name].some((one) => one === data);
  for (const name of Object.keys(optionsOf) as (keyof typeof optionsOf)[])
    if (isGiven(name, options[name]) && !isFor(name))
      throw new UsageError(`${flag(name)} is for --data ${listed(optionsOf[name])}`);
  if (isFor('dataDir') && dataDir === undefined)
    throw new UsageError(`--data ${data} needs --data-dir DIR, the folder of its files`);
  if (isFor('trainFile') && (trainFile === undefined || testFile === undefined))
    throw new UsageError(`--data ${data} needs --train-file FILE and --test-file FILE`);
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

type Read = (options: DataArguments, how: ImageOptions) => Promise<ImageSets>;

/** Those that tell how far they are, and end where a signal says so. */
const readers: Partial<Record<DataName, Read>> = {
  cifar10: ({ dataDir }, how) => cifar10(dataDir!, how),
  cifar100: ({ dataDir }, how) => cifar100(dataDir!, how),
  folder: ({ dataDir, imageSize: size }, how) =>
    trainAndTest('imageFolder', dataDir!, { ...how, ...(size && { size }) }),
  csv: async (options, { limit, signal }) => {
    const { train, test } = await readTables(options, signal);
    return { train: firstImages(train, limit), test: firstImages(test, limit) };
  },
};

async function readImages(read: Read, options: DataArguments, io: Io, report: Report) {
  const { limit } = options;
  const onProgress = (progress: ImageProgress) => report.loading(progress);
  const sets = await interruptible(io, (signal) =>
    read(options, { limit, signal, onProgress }).finally(() => report.close()),
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
