/** MNIST and its kin (Fashion-MNIST, KMNIST): four IDX files in a folder, under the names they are handed out with. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { wrongFormat, wrongType } from '../errors.js';
import type { LabelledImages } from './dataset.js';
import { type Idx, readIdx } from './idx.js';

export interface Mnist {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

const CLASSES = 10;

const fail = (message: string, cause?: unknown) => wrongFormat('mnist', message, cause);

/** The path of the first of `train-images-idx3-ubyte`, `train-images.idx3-ubyte`, each also with .gz, that the folder holds. */
function find(dir: string, present: readonly string[], part: string, rank: number): string {
  const names = [`${part}-idx${rank}-ubyte`, `${part}.idx${rank}-ubyte`].flatMap((name) => [name, `${name}.gz`]);
  const found = names.find((name) => present.includes(name));
  if (found === undefined)
    throw fail(
      `expected one of ${names.join(', ')} in ${dir} but found ${present.length === 0 ? 'an empty folder' : 'none of them'}`,
    );
  return join(dir, found);
}

/** Reads a file that must hold unsigned bytes of the given rank. */
async function readBytes(path: string, what: string, rank: number): Promise<Idx & { data: Uint8Array }> {
  const { shape, data } = await readIdx(path);
  const wanted = `expected ${what} (${rank === 1 ? '1 dimension' : `${rank} dimensions`} of u8)`;
  if (shape.length !== rank) throw fail(`${path}: ${wanted} but received dimensions ${shape.join(' x ')}`);
  if (!(data instanceof Uint8Array)) throw fail(`${path}: ${wanted} but received a ${data.constructor.name}`);
  return { shape, data };
}

async function readPart(dir: string, present: readonly string[], part: string): Promise<LabelledImages> {
  const paths = [find(dir, present, `${part}-images`, 3), find(dir, present, `${part}-labels`, 1)] as const;
  const [images, labels] = await Promise.all([readBytes(paths[0], 'images', 3), readBytes(paths[1], 'labels', 1)]);
  const [count, height, width] = images.shape as [number, number, number];
  if (count !== labels.data.length)
    throw fail(
      `${paths[1]}: expected ${count} labels, one for each image of ${paths[0]}, but received ${labels.data.length}`,
    );
  const odd = labels.data.findIndex((label) => label >= CLASSES);
  if (odd >= 0)
    throw fail(`${paths[1]}: expected labels 0 to ${CLASSES - 1} but received ${labels.data[odd]} (label ${odd})`);
  return { x: images.data, y: labels.data, count, shape: [height, width, 1], classes: CLASSES };
}

/**
 * Reads the four files of MNIST from a folder: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`,
 * `t10k-labels-idx1-ubyte`, plain or with .gz, with a dot or a dash before idx.
 *
 * @returns 60,000 training and 10,000 test images of 28 x 28 x 1 bytes (or what the files hold) with labels 0 to 9.
 * @throws SteepestError ERR_FORMAT where the folder or a file is missing (naming what was looked for), a file is broken, holds something
 *   else (images where labels belong), the numbers of images and labels differ, or a label is above 9.
 * @example
 *   const { train, test } = await mnist('data/mnist');
 *   await model.fit(train, { epochs: 3, validationData: test });
 */
export async function mnist(dir: string): Promise<Mnist> {
  if (typeof dir !== 'string') throw wrongType('mnist', 'dir', 'a path', dir);
  const present = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    throw fail(`expected a folder with MNIST's four files at ${dir} but could not read it (${error.code})`, error);
  });
  const [train, test] = await Promise.all([readPart(dir, present, 'train'), readPart(dir, present, 't10k')]);
  if (train.shape.join() !== test.shape.join())
    throw fail(
      `${dir}: expected training and test images of one size but received ${train.shape.join(' x ')} and ${test.shape.join(' x ')}`,
    );
  return { train, test };
}
