/** CIFAR-10 (Krizhevsky 2009), from its binary files or as JPEG and other images in folders: `train/<class>/*.jpg` and `test/<class>/*.jpg`. */
import { wrongType } from '../errors.js';
import { type CifarFiles, findCifar, readCifar } from './cifar-binary.js';
import { type ImageFolder, trainAndTest } from './image-folder.js';
import { checkImageOptions, type ImageOptions } from './image-options.js';

export interface Cifar10 {
  readonly train: ImageFolder;
  readonly test: ImageFolder;
}

const FILES: CifarFiles = {
  where: 'cifar10',
  folder: 'cifar-10-batches-bin',
  train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
  test: ['test_batch.bin'],
  names: 'batches.meta.txt',
  classes: 10,
  labels: 1,
  label: 0,
};

/**
 * Reads CIFAR-10 from a folder with `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` (or with their folder
 * `cifar-10-batches-bin`), or else from two folders `train` and `test`, each with a folder of images for each class: see `imageFolder`, whose
 * options hold for each of the two. In binary files the images' order is random, and `limit` takes the first ones.
 *
 * @returns 50,000 training and 10,000 test images of 32 x 32 x 3 bytes (or what the files hold); labels in the order of the classes' names.
 * @throws (rejects) as imageFolder does, and ERR_FORMAT where the two differ in classes or in the size of images, or a binary file is
 *   missing, is no whole number of records, or has a label above 9.
 * @example
 *   const { train, test } = await cifar10('data/cifar10');
 *   await model.fit(train, { epochs: 3, validationData: test });
 */
export async function cifar10(dir: string, options?: ImageOptions): Promise<Cifar10> {
  if (typeof dir !== 'string') throw wrongType('cifar10', 'dir', 'a path', dir);
  const settings = checkImageOptions('cifar10', options);
  const found = await findCifar(FILES, dir);
  if (found !== undefined) return readCifar(FILES, found, settings);
  return trainAndTest('cifar10', dir, options);
}
