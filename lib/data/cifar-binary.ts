/**
 * CIFAR's binary files (Krizhevsky 2009, "Learning multiple layers of features from tiny images"): records of one size, each a label (CIFAR-100:
 * two, the coarse one first), then the 32 x 32 pixels' reds, greens and blues, row after row.
 */
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { wrongFormat } from '../errors.js';
import type { ImageFolder } from './image-folder.js';
import { type ImageOptions, Progress } from './image-options.js';

export interface CifarFiles {
  readonly where: string;
  /** The folder's name in the archive that the files are handed out in. */
  readonly folder: string;
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** A class's name a line. */
  readonly names: string;
  readonly classes: number;
  /** Labels of a record, and which of them counts. */
  readonly labels: number;
  readonly label: number;
}

const PIXELS = 32 * 32;
const CHANNELS = 3;
/** Records read at a time: turning their bytes takes about a millisecond. */
const PIECE = 128;

/** The folder that has the files: `dir` or the archive's folder in it. Undefined where neither has. */
export async function findCifar({ folder, train }: CifarFiles, dir: string): Promise<string | undefined> {
  for (const at of [dir, join(dir, folder)])
    if (
      await stat(join(at, train[0]!)).then(
        (status) => status.isFile(),
        () => false,
      )
    )
      return at;
  return undefined;
}

/** Reads both parts from the folder that findCifar found. */
export async function readCifar(
  files: CifarFiles,
  dir: string,
  options: ImageOptions,
): Promise<{ train: ImageFolder; test: ImageFolder }> {
  const classNames = await readNames(files, dir);
  const part = async (names: readonly string[]) => ({ ...(await readPart(files, dir, names, options)), classNames });
  return { train: await part(files.train), test: await part(files.test) };
}

/** The classes' names; numbers where their file is missing. */
async function readNames(files: CifarFiles, dir: string): Promise<string[]> {
  const path = join(dir, files.names);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw wrongFormat(files.where, `${path}: expected names of classes but could not read it (${error.code})`, error);
  });
  if (text === undefined) return Array.from({ length: files.classes }, (_, label) => String(label));
  const names = text.split('\n').flatMap((line) => line.trim() || []);
  if (names.length !== files.classes)
    throw wrongFormat(
      files.where,
      `${path}: expected ${files.classes} names, one a line, but received ${names.length}`,
    );
  return names;
}

async function readPart(
  files: CifarFiles,
  dir: string,
  names: readonly string[],
  { limit = Number.MAX_SAFE_INTEGER, onProgress, signal }: ImageOptions,
) {
  const record = files.labels + CHANNELS * PIXELS;
  const sizes: number[] = [];
  for (const name of names) sizes.push(await countRecords(files, join(dir, name), record));
  const count = Math.min(
    limit,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  const [x, y] = [new Uint8Array(count * CHANNELS * PIXELS), new Uint8Array(count)];
  const progress = new Progress(onProgress, count);
  let first = 0;
  for (const [i, name] of names.entries()) {
    const records = Math.min(sizes[i]!, count - first);
    const path = join(dir, name);
    const file = await open(path);
    try {
      for (let at = 0; at < records; at += PIECE) {
        signal?.throwIfAborted();
        const piece = await readPiece(files, file, path, at * record, Math.min(PIECE, records - at) * record);
        takeRecords(files, path, piece, x, y, first + at);
        progress.add(piece.length / record);
      }
    } finally {
      await file.close();
    }
    first += records;
  }
  return { x, y, count, shape: [32, 32, CHANNELS] as const, classes: files.classes };
}

async function countRecords(files: CifarFiles, path: string, record: number): Promise<number> {
  const { size } = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw wrongFormat(
      files.where,
      `expected ${basename(path)} at ${path} but could not read it (${error.code})`,
      error,
    );
  });
  if (size === 0 || size % record !== 0)
    throw wrongFormat(
      files.where,
      `${path}: expected records of ${record} bytes, one or more, but received ${size} bytes`,
    );
  return size / record;
}

async function readPiece(files: CifarFiles, file: FileHandle, path: string, at: number, bytes: number) {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
  if (bytesRead < bytes) throw wrongFormat(files.where, `${path}: the file became shorter while it was read`);
  return buffer;
}

/** Records into images and labels from image `first` on: three planes become pixels of three bytes. */
function takeRecords(files: CifarFiles, path: string, bytes: Uint8Array, x: Uint8Array, y: Uint8Array, first: number) {
  const { labels, label, classes } = files;
  const record = labels + CHANNELS * PIXELS;
  for (let at = 0, image = first; at < bytes.length; at += record, image++) {
    const found = bytes[at + label]!;
    if (found >= classes)
      throw wrongFormat(
        files.where,
        `${path}: expected labels 0 to ${classes - 1} but received ${found} (label ${image})`,
      );
    y[image] = found;
    let [from, to] = [at + labels, image * CHANNELS * PIXELS];
    for (const end = from + PIXELS; from < end; from++, to += CHANNELS) {
      x[to] = bytes[from]!;
      x[to + 1] = bytes[from + PIXELS]!;
      x[to + 2] = bytes[from + 2 * PIXELS]!;
    }
  }
}
