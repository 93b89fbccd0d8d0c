/**
 * Image folders: a folder for each class with the files of its images, as the vision libraries have them (torchvision's ImageFolder, Keras's
 * image_dataset_from_directory). JPEG is decoded by libjpeg-turbo, so the bytes are those that Pillow and OpenCV see.
 */
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { checkInteger, SteepestError, wrongType } from '../errors.js';
import type { LabelledImages } from './dataset.js';
import { decodeFile, findSharp, type Size } from './decode.js';
import { checkImageOptions, type ImageOptions, Progress } from './image-options.js';

export interface ImageFolder extends LabelledImages {
  /** The folders' names; label i is classNames[i]. */
  readonly classNames: readonly string[];
}

export interface ImageFolderOptions extends ImageOptions {
  /** [height, width] that every image is brought to, its sides' ratio not kept; needs the package sharp. Default: all have one size. */
  readonly size?: Size;
}

/** Labels are bytes. */
const MOST_CLASSES = 256;
/** Files that are read at once. */
const READERS = 16;
/** Of a side, where images are resized. */
const MOST_PIXELS = 16_384;

const fail = (message: string, cause?: unknown) =>
  new SteepestError('ERR_FORMAT', `imageFolder: ${message}`, cause === undefined ? undefined : { cause });

/** Names in a folder, in the order of their characters' codes; hidden ones are left out. */
async function names(dir: string, what: string, foldersOnly = false): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw fail(`expected ${what} at ${dir} but could not read it (${error.code})`, error);
  });
  const kept = entries.filter((entry) => !entry.name.startsWith('.') && !(foldersOnly && entry.isFile()));
  if (kept.length === 0) throw fail(`expected ${what} at ${dir} but found none`);
  return kept.map(({ name }) => name).sort();
}

interface Listed {
  readonly path: string;
  readonly label: number;
}

/** The files of all classes; of more than `limit`, every so-manieth. */
async function list(dir: string, classNames: readonly string[], limit: number): Promise<Listed[]> {
  const folders = classNames.map((name) => join(dir, name));
  const files = await Promise.all(folders.map((folder) => names(folder, 'images of a class')));
  const all = files.flatMap((of, label) => of.map((name) => ({ path: folders[label]! + sep + name, label })));
  const count = Math.min(limit, all.length);
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
}

function checkSize(size: Size | undefined): Size | undefined {
  if (size === undefined) return undefined;
  if (!Array.isArray(size) || size.length !== 2)
    throw wrongType('imageFolder', 'size', 'an array [height, width]', size);
  for (const [axis, length] of size.entries()) checkInteger('imageFolder', `size[${axis}]`, length, 1, MOST_PIXELS);
  if (findSharp() === null)
    throw new SteepestError('ERR_NO_PACKAGE', 'imageFolder: size needs the package sharp: npm install sharp');
  return size;
}

/**
 * Reads `dir/<class>/<image>`, JPEG and PNG files (and what the package sharp reads, where it is installed): labels count the class folders in the order of their names, images stand in the order of their paths.
 * Hidden files, and files beside the class folders, are passed over. The event loop stays free: files are read by Node's pool, and
 * decoded one at a time in between.
 *
 * @returns bytes [count, height, width, channels], 3 channels (RGB) or 1 (grey), the labels and the classes' names.
 * @throws (rejects) SteepestError ERR_FORMAT, naming the file or folder, where one is missing, empty, no image, truncated, or of another
 *   size than the first image, or where there are more than 256 classes; ERR_NO_PACKAGE; TypeError, RangeError on options; the signal's reason.
 * @example
 *   const { x, y, shape, classNames } = await imageFolder('cifar10/train'); // [32, 32, 3], ['airplane', 'automobile', ...]
 */
export async function imageFolder(dir: string, options?: ImageFolderOptions): Promise<ImageFolder> {
  if (typeof dir !== 'string') throw wrongType('imageFolder', 'dir', 'a path', dir);
  const { limit, onProgress, signal } = checkImageOptions('imageFolder', options, ['size']);
  const wanted = checkSize(options?.size);
  const classNames = await names(dir, 'a folder for each class', true);
  if (classNames.length > MOST_CLASSES)
    throw fail(`expected at most ${MOST_CLASSES} folders at ${dir} but found ${classNames.length}`);
  const files = await list(dir, classNames, limit);
  const { shape } = await decodeFile('imageFolder', files[0]!.path, wanted);
  const size = shape[0] * shape[1] * shape[2];
  const x = new Uint8Array(files.length * size);
  const progress = new Progress(onProgress, files.length);
  let next = 0;

  const reader = async () => {
    for (let at = next++; at < files.length; at = next++) {
      signal?.throwIfAborted();
      const image = await decodeFile('imageFolder', files[at]!.path, wanted);
      if (image.shape.join() !== shape.join())
        throw fail(
          `${files[at]!.path}: expected an image of ${shape.join(' x ')}, as ${files[0]!.path} is, but received ${image.shape.join(' x ')}`,
        );
      x.set(image.data, at * size);
      progress.add(1);
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader)).finally(() => {
    next = files.length; // the others end too
  });
  const y = Uint8Array.from(files, ({ label }) => label);
  return { x, y, count: files.length, shape, classes: classNames.length, classNames };
}
