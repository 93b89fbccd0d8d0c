/** What the threads of data do: image files are decoded, images augmented. Done just so where there are no threads. */
import { wrongFormat } from '../errors.js';
import type { Augmentation, Pixels } from './augment/augmentation.js';
import { augmentRows, type Chance } from './augment/rows.js';
import { decodeFile } from './decode.js';
import type { Size } from './image-options.js';

type Shape = readonly [height: number, width: number, channels: number];

/** Image files, which all have `shape`, as the file `like` has. */
export interface ImageFiles {
  readonly paths: readonly string[];
  readonly size: Size | undefined;
  readonly like: string;
}

export interface Job {
  /** Whose errors these are. */
  readonly where: string;
  /** Of an image. */
  readonly shape: Shape;
  /** Rows of pixels (they are changed where they lie), or the files that have them. */
  readonly images: Pixels | ImageFiles;
  readonly augment: readonly Augmentation[];
  readonly chance: Chance;
}

/** The rows. ERR_FORMAT where a file cannot be read, is no image, or has another shape. */
export async function runJob({ where, shape, images, augment, chance }: Job): Promise<Pixels> {
  const x = 'paths' in images ? await decodeFiles(where, shape, images) : images;
  return augment.length === 0 ? x : augmentRows(x, shape, augment, chance);
}

async function decodeFiles(where: string, shape: Shape, { paths, size, like }: ImageFiles): Promise<Uint8Array> {
  const length = shape[0] * shape[1] * shape[2];
  const x = new Uint8Array(paths.length * length);
  const decode = (path: string, i: number) =>
    decodeFile(where, path, size, (image) => {
      if (image.shape.join() !== shape.join())
        throw wrongFormat(
          where,
          `${path}: expected an image of ${shape.join(' x ')}, as ${like} is, but received ${image.shape.join(' x ')}`,
        );
      x.set(image.data, i * length);
    });
  await Promise.all(paths.map(decode));
  return x;
}
