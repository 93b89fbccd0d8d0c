/** Rows put together as batches; where there is something to compute for that, on threads and ahead of who asks. */
import { checkInteger, checkOptions, wrongType } from '../errors.js';
import type { Augmentation, Pixels } from './augment/augmentation.js';
import { checkAugmentations, checkImages } from './augment/rows.js';
import type { Dataset } from './dataset.js';
import { collate, type ImageFile, type Row } from './rows.js';
import { ahead, checkWorkers, cores, run } from './threads.js';

export interface BatchOptions {
  /** Leaves out the last batch where it is smaller than the others. Default false. */
  readonly dropRemainder?: boolean;
  /**
   * What is done to each image, in this order, by chance: `[augment.flip(), augment.cropPadded(4)]`. Rows must be images: a Uint8Array, Float32Array or
   * Float64Array with a `shape` [height, width, channels], which stays.
   */
  readonly augment?: readonly Augmentation[];
  /** Of the chance: what happens to an image depends on the seed, the epoch and its place in it, not on threads. Default 0. */
  readonly seed?: number;
  /** Threads that decode and augment; 0: the program's own. Default: one fewer than there are cores, at least 1 and at most 4. */
  readonly workers?: number;
}

export function readBatchOptions(options: BatchOptions | undefined) {
  checkOptions('batch', options, ['dropRemainder', 'augment', 'seed', 'workers']);
  const { dropRemainder = false, augment = [], seed = 0, workers } = options ?? {};
  if (typeof dropRemainder !== 'boolean') throw wrongType('batch', 'dropRemainder', 'true or false', dropRemainder);
  return {
    dropRemainder,
    augment: checkAugmentations('batch', augment),
    seed: checkInteger('batch', 'seed', seed),
    workers: checkWorkers('batch', workers, Math.min(4, cores - 1)),
  };
}

type Settings = ReturnType<typeof readBatchOptions>;

/** The batches of an epoch. */
export function batched(
  rows: Iterable<Row | ImageFile> | AsyncIterable<Row | ImageFile>,
  size: number,
  settings: Settings,
  epoch: number,
): AsyncGenerator<Dataset, void> {
  const depth = Math.max(1, 2 * settings.workers);
  return ahead(grouped(rows, size, settings.dropRemainder), depth, (group, index) =>
    load(group, settings, epoch, index * size),
  );
}

async function* grouped<T>(
  elements: Iterable<T> | AsyncIterable<T>,
  size: number,
  dropRemainder: boolean,
): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const element of elements) {
    if (group.push(element) < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0 && !dropRemainder) yield group;
}

const isFile = (row: Row | ImageFile): row is ImageFile => row !== null && typeof row === 'object' && 'file' in row;

async function load(
  rows: readonly (Row | ImageFile)[],
  { augment, seed, workers }: Settings,
  epoch: number,
  first: number,
): Promise<Dataset> {
  const where = 'batch';
  const chance = { seed, epoch, first };
  if (rows.every(isFile)) {
    const [{ shape, size, like }] = rows as [ImageFile];
    checkImages(where, new Uint8Array(0), shape, augment);
    const images = { paths: rows.map(({ file }) => file), size, like };
    return { x: await run({ where, shape, images, augment, chance }, workers), y: rows.map(({ y }) => y), shape };
  }
  const batch = collate(where, rows as readonly Row[]);
  if (augment.length === 0) return batch;
  const shape = checkImages(where, batch.x, batch.shape, augment);
  return { ...batch, x: await run({ where, shape, images: batch.x as Pixels, augment, chance }, workers) };
}
