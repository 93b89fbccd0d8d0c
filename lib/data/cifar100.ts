/** CIFAR-100 (Krizhevsky 2009), from its binary files: images of 100 classes, which form 20 groups of five. */
import { checkOneOf, wrongFormat, wrongType } from '../errors.js';
import { type CifarFiles, findCifar, readCifar } from './cifar-binary.js';
import type { Cifar10 } from './cifar10.js';
import { checkImageOptions, type ImageOptions } from './image-options.js';

export interface Cifar100Options extends ImageOptions {
  /** 'fine' (default): 100 classes. 'coarse': the 20 groups. */
  readonly labels?: 'fine' | 'coarse';
}

const files = (labels: 'fine' | 'coarse'): CifarFiles => ({
  where: 'cifar100',
  folder: 'cifar-100-binary',
  train: ['train.bin'],
  test: ['test.bin'],
  names: `${labels}_label_names.txt`,
  classes: labels === 'fine' ? 100 : 20,
  labels: 2,
  label: labels === 'fine' ? 1 : 0,
});

/**
 * Reads CIFAR-100 from a folder with `train.bin` and `test.bin`, or with their folder `cifar-100-binary`. The order of the images is random;
 * `limit` takes the first ones.
 *
 * @returns 50,000 training and 10,000 test images of 32 x 32 x 3 bytes, their labels and the classes' names.
 * @throws (rejects) SteepestError ERR_FORMAT, naming the file, where one is missing, is no whole number of records, or has a label that is
 *   none; TypeError, RangeError on options; the signal's reason.
 * @example
 *   const { train, test } = await cifar100('data/cifar100', { labels: 'coarse' });
 */
export async function cifar100(dir: string, options?: Cifar100Options): Promise<Cifar10> {
  if (typeof dir !== 'string') throw wrongType('cifar100', 'dir', 'a path', dir);
  const settings = checkImageOptions('cifar100', options, ['labels']);
  const wanted = files(checkOneOf('cifar100', 'labels', options?.labels ?? 'fine', ['fine', 'coarse']));
  const found = await findCifar(wanted, dir);
  if (found === undefined) throw wrongFormat('cifar100', `expected train.bin at ${dir} or in ${wanted.folder} there`);
  return readCifar(wanted, found, settings);
}
