/**
 * Image folders read into memory: a folder for each class with the files of its images, as the vision libraries have them (torchvision's ImageFolder,
 * Keras's image_dataset_from_directory). JPEG is decoded by libjpeg-turbo, so the bytes are those that Pillow and OpenCV see.
 */
import { join } from 'node:path';
import { wrongFormat } from '../errors.js';
import type { LabelledImages } from './dataset.js';
import { checkFolderOptions, type ImageFolderOptions, listImages } from './image-list.js';
import { Progress } from './image-options.js';
import { ahead, cores, run } from './threads.js';

export interface ImageFolder extends LabelledImages {
  /** The folders' names; label i is classNames[i]. */
  readonly classNames: readonly string[];
}

/** Files of a job: few enough that progress is told and a signal heeded some times a second. */
const JOB = 32;

/**
 * Reads `dir/<class>/<image>`, JPEG and PNG files (and what the package sharp reads, where it is installed): labels count the class folders in the
 * order of their names, images stand in the order of their paths. Hidden files, and files beside the class folders, are passed over. The event loop
 * stays free: more than a few files are decoded by threads.
 *
 * @returns bytes [count, height, width, channels], 3 channels (RGB) or 1 (grey), the labels and the classes' names.
 * @throws (rejects) SteepestError ERR_FORMAT, naming the file or folder, where one is missing, empty, no image, truncated, or of another
 *   size than the first image, or where there are more than 256 classes; ERR_NO_PACKAGE; TypeError, RangeError on options; the signal's reason.
 * @example
 *   const { x, y, shape, classNames } = await imageFolder('cifar10/train'); // [32, 32, 3], ['airplane', 'automobile', ...]
 */
export async function imageFolder(dir: string, options?: ImageFolderOptions): Promise<ImageFolder> {
  const where = 'imageFolder';
  const { limit, onProgress, signal, size, workers } = checkFolderOptions(where, options, Math.min(8, cores));
  const { paths, labels: y, shape, classNames } = await listImages(where, dir, limit, size);
  const count = paths.length;
  const length = shape[0] * shape[1] * shape[2];
  const x = new Uint8Array(count * length);
  const progress = new Progress(onProgress, count);
  const threads = count > 2 * JOB ? workers : 0;
  async function* jobs() {
    for (let first = 0; first < count; first += JOB) {
      signal?.throwIfAborted();
      yield { first, paths: paths.slice(first, first + JOB) };
    }
  }
  const decoded = ahead(jobs(), Math.max(1, 2 * threads), async ({ first, paths: some }) => {
    const images = { paths: some, size, like: paths[0]! };
    const chance = { seed: 0, epoch: 0, first: 0 };
    return { first, images: await run({ where, shape, images, augment: [], chance }, threads) };
  });
  for await (const { first, images } of decoded) {
    signal?.throwIfAborted();
    x.set(images, first * length);
    progress.add(images.length / length);
  }
  return { x, y, count, shape, classes: classNames.length, classNames };
}

/** The folders `train` and `test` of a folder. ERR_FORMAT where they differ in classes or in the size of images. */
export async function trainAndTest(where: string, dir: string, options?: ImageFolderOptions) {
  const train = await imageFolder(join(dir, 'train'), options);
  const test = await imageFolder(join(dir, 'test'), options);
  for (const key of ['classNames', 'shape'] as const)
    if (train[key].join() !== test[key].join())
      throw wrongFormat(
        where,
        `${dir}: expected training and test images of one ${key === 'shape' ? 'size' : 'list of classes'} but received ${train[key].join(', ')} and ${test[key].join(', ')}`,
      );
  return { train, test };
}
