/** Image folders that stay on disk: a pipeline of their files, which `batch` decodes on threads as batches are asked for. */
import { checkFolderOptions, type ImageFolderOptions, listImages } from './image-list.js';
import { Pipeline } from './pipeline.js';
import type { ImageFile } from './rows.js';

export interface ImageFiles {
  /** The files, to be shuffled, divided and put into batches. */
  readonly files: Pipeline<ImageFile>;
  readonly count: number;
  /** Of one image: [height, width, channels]. */
  readonly shape: readonly [number, number, number];
  readonly classes: number;
  /** The folders' names; label i is classNames[i]. */
  readonly classNames: readonly string[];
}

/**
 * Lists the files that `imageFolder` reads, with the same labels in the same order, for data that has no room in memory: its batches are decoded
 * anew in each epoch.
 *
 * @throws (rejects) as imageFolder does of the folders and the first image; what is wrong with others rejects the batch that they are in.
 * @example
 *   const { files, classes } = await imageFiles('imagenet/train', { size: [64, 64] });
 *   const batches = files.shuffle({ seed: 1 }).batch(64, { augment: [augment.flip(), augment.cropPadded(8)] });
 *   await model.fit(batches, { epochs: 10 });
 */
export async function imageFiles(
  dir: string,
  options?: Pick<ImageFolderOptions, 'limit' | 'size'>,
): Promise<ImageFiles> {
  const { limit, size } = checkFolderOptions('imageFiles', options, 1);
  const { paths, labels, shape, classNames } = await listImages('imageFiles', dir, limit, size);
  const like = paths[0]!;
  function* files(): Generator<ImageFile> {
    for (const [i, file] of paths.entries()) yield { file, y: labels[i]!, shape, size, like };
  }
  const count = paths.length;
  return { files: new Pipeline(files, count), count, shape, classes: classNames.length, classNames };
}
