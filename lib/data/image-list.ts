/** The files of image folders: a folder for each class with the files of its images. */
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { checkInteger, SteepestError, wrongFormat, wrongType } from '../errors.js';
import { decodeFile, findSharp } from './decode.js';
import { checkImageOptions, type ImageOptions, type Size } from './image-options.js';
import { checkWorkers } from './threads.js';

export interface ImageFolderOptions extends ImageOptions {
  /** [height, width] that every image is brought to, its sides' ratio not kept; needs the package sharp. Default: all have one size. */
  readonly size?: Size;
  /** Threads that decode; 0: the program's own. Default: as many as there are cores, 8 at most. */
  readonly workers?: number;
}

export interface ImageList {
  readonly paths: readonly string[];
  readonly labels: Uint8Array;
  /** Of the first image, and so of all. */
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly size: Size | undefined;
  readonly classNames: readonly string[];
}

/** Labels are bytes. */
const MOST_CLASSES = 256;
/** Of a side, where images are resized. */
const MOST_PIXELS = 16_384;

/** Checks the options that readers of image folders have. `usual`: threads, where nothing is said of them. */
export function checkFolderOptions(where: string, options: ImageFolderOptions | undefined, usual: number) {
  const checked = checkImageOptions(where, options, ['size', 'workers']);
  return { ...checked, size: checkSize(where, options?.size), workers: checkWorkers(where, options?.workers, usual) };
}

function checkSize(where: string, size: Size | undefined): Size | undefined {
  if (size === undefined) return undefined;
  if (!Array.isArray(size) || size.length !== 2) throw wrongType(where, 'size', 'an array [height, width]', size);
  for (const [axis, length] of size.entries()) checkInteger(where, `size[${axis}]`, length, 1, MOST_PIXELS);
  if (findSharp() === null)
    throw new SteepestError('ERR_NO_PACKAGE', `${where}: size needs the package sharp: npm install sharp`);
  return size;
}

/**
 * Lists `dir/<class>/<image>`: labels count the class folders in the order of their names, images stand in the order of their paths; of more than
 * `limit`, every so-manieth. Hidden files, and files beside the class folders, are passed over. The first image is decoded, for its shape.
 */
export async function listImages(where: string, dir: string, limit: number, size?: Size): Promise<ImageList> {
  if (typeof dir !== 'string') throw wrongType(where, 'dir', 'a path', dir);
  const classNames = await classFolders(where, dir);
  if (classNames.length > MOST_CLASSES)
    throw wrongFormat(where, `expected at most ${MOST_CLASSES} folders at ${dir} but found ${classNames.length}`);
  const folders = classNames.map((name) => join(dir, name));
  const files = await Promise.all(folders.map((folder) => names(where, folder, 'images of a class')));
  const all = files.flatMap((of, label) => of.map((name) => ({ path: folders[label]! + sep + name, label })));
  const count = Math.min(limit, all.length);
  const some = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
  const paths = some.map(({ path }) => path);
  const shape = await decodeFile(where, paths[0]!, size, (image) => image.shape);
  return { paths, labels: Uint8Array.from(some, ({ label }) => label), shape, size, classNames };
}

/** The names of classes: of the folders in `dir`, in their order. */
export const classFolders = (where: string, dir: string): Promise<string[]> =>
  names(where, dir, 'a folder for each class', true);

/** Names in a folder, in the order of their characters' codes; hidden ones are left out. */
async function names(where: string, dir: string, what: string, foldersOnly = false): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw wrongFormat(where, `expected ${what} at ${dir} but could not read it (${error.code})`, error);
  });
  const kept = entries.filter((entry) => !entry.name.startsWith('.') && !(foldersOnly && entry.isFile()));
  if (kept.length === 0) throw wrongFormat(where, `expected ${what} at ${dir} but found none`);
  return kept.map(({ name }) => name).sort();
}
