/** CIFAR-10 (Krizhevsky 2009) as JPEG files, and other images in the same order: `train/<class>/*.jpg` and `test/<class>/*.jpg`. */
import { join } from 'node:path';
import { SteepestError, wrongType } from '../errors.js';
import { type ImageFolder, type ImageFolderOptions, imageFolder } from './image-folder.js';

export interface Cifar10 {
  readonly train: ImageFolder;
  readonly test: ImageFolder;
}

/**
 * Reads the two folders `train` and `test`, each with a folder of JPEG files for each class (see `imageFolder`; its options hold for each
 * of the two).
 *
 * @returns 50,000 training and 10,000 test images of 32 x 32 x 3 bytes (or what the folders hold); labels in the order of the classes' names.
 * @throws (rejects) as imageFolder does, and ERR_FORMAT where the two differ in classes or in the size of images.
 * @example
 *   const { train, test } = await cifar10('data/cifar10');
 *   await model.fit(train, { epochs: 3, validationData: test });
 */
export async function cifar10(dir: string, options?: ImageFolderOptions): Promise<Cifar10> {
  if (typeof dir !== 'string') throw wrongType('cifar10', 'dir', 'a path', dir);
  const train = await imageFolder(join(dir, 'train'), options);
  const test = await imageFolder(join(dir, 'test'), options);
  for (const key of ['classNames', 'shape'] as const)
    if (train[key].join() !== test[key].join())
      throw new SteepestError(
        'ERR_FORMAT',
        `cifar10: ${dir}: expected training and test images of one ${key === 'shape' ? 'size' : 'list of classes'} but received ${train[key].join(', ')} and ${test[key].join(', ')}`,
      );
  return { train, test };
}
