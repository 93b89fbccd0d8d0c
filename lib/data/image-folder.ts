/**
 * Image folders: a folder for each class with the JPEG files of its images, as the vision libraries have them (torchvision's ImageFolder,
 * Keras's image_dataset_from_directory). Decoded by libjpeg-turbo, so the bytes are those that Pillow and OpenCV see.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { checkCallback, checkInteger, checkOptions, checkSignal, SteepestError, wrongType } from '../errors.js';
import type { LabelledImages } from './dataset.js';
import { type Image, jpegDecoder } from './jpeg.js';
import { type ImageProgress, Progress } from './progress.js';

export interface ImageFolder extends LabelledImages {
  /** The folders' names; label i is classNames[i]. */
  readonly classNames: readonly string[];
}

export interface ImageFolderOptions {
  /** Reads at most so many images, spread evenly over the classes. Default: all. */
  readonly limit?: number;
  /** Called some times a second with the number of images read. */
  readonly onProgress?: (progress: ImageProgress) => void;
  /** Ends the reading; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Labels are bytes. */
const MOST_CLASSES = 256;
/** Files that are read at once. */
const READERS = 16;

const fail = (message: string, cause?: unknown) =>
  new SteepestError('ERR_FORMAT', `imageFolder: ${message}`, cause === undefined ? undefined : { cause });

/** The options that all readers of images have, checked. `more`: names of those that a reader has besides. */
export function checkImageOptions(where: string, options?: ImageFolderOptions, more: readonly string[] = []) {
  checkOptions(where, options, ['limit', 'onProgress', 'signal', ...more]);
  const { limit = Number.MAX_SAFE_INTEGER, onProgress, signal } = options ?? {};
  checkInteger(where, 'limit', limit, 1);
  return { limit, onProgress: checkCallback(where, 'onProgress', onProgress), signal: checkSignal(where, signal) };
}

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
  const files = await Promise.all(folders.map((folder) => names(folder, 'JPEG images of a class')));
  const all = files.flatMap((of, label) => of.map((name) => ({ path: folders[label]! + sep + name, label })));
  const count = Math.min(limit, all.length);
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
}

async function decode(path: string, decoder: (bytes: Uint8Array) => Image | undefined): Promise<Image> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw fail(`expected a JPEG image at ${path} but could not read it (${error.code})`, error);
  });
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8)
    throw fail(
      `${path}: expected a JPEG image, which begins with ff d8, but received ${bytes.subarray(0, 2).toString('hex') || 'no bytes'}`,
    );
  const image = decoder(bytes);
  if (image === undefined)
    throw fail(`${path}: expected a whole JPEG image but received a truncated or broken one (${bytes.length} bytes)`);
  return image;
}

/**
 * Reads `dir/<class>/<image>.jpg`: labels count the class folders in the order of their names, images stand in the order of their paths.
 * Hidden files, and files beside the class folders, are passed over. The event loop stays free: files are read by Node's pool, and
 * decoded one at a time in between.
 *
 * @returns bytes [count, height, width, channels], 3 channels (RGB) or 1 (grey), the labels and the classes' names.
 * @throws (rejects) SteepestError ERR_FORMAT, naming the file or folder, where one is missing, empty, no JPEG image, truncated, or of
 *   another size than the first image, or where there are more than 256 classes; TypeError, RangeError on options; the signal's reason.
 * @example
 *   const { x, y, shape, classNames } = await imageFolder('cifar10/train'); // [32, 32, 3], ['airplane', 'automobile', ...]
 */
export async function imageFolder(dir: string, options?: ImageFolderOptions): Promise<ImageFolder> {
  if (typeof dir !== 'string') throw wrongType('imageFolder', 'dir', 'a path', dir);
  const { limit, onProgress, signal } = checkImageOptions('imageFolder', options);
  const classNames = await names(dir, 'a folder for each class', true);
  if (classNames.length > MOST_CLASSES)
    throw fail(`expected at most ${MOST_CLASSES} folders at ${dir} but found ${classNames.length}`);
  const [files, decoder] = [await list(dir, classNames, limit), await jpegDecoder()];
  const { shape } = await decode(files[0]!.path, decoder);
  const size = shape[0] * shape[1] * shape[2];
  const x = new Uint8Array(files.length * size);
  const progress = new Progress(onProgress, files.length);
  let next = 0;

  const reader = async () => {
    for (let at = next++; at < files.length; at = next++) {
      signal?.throwIfAborted();
      const image = await decode(files[at]!.path, decoder);
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
