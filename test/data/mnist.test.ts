/** Reading MNIST's folder: names, and what is said when a file is not what its name promises. */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { writeIdx } from '../../lib/data/idx.js';
import { mnist } from '../../lib/data/mnist.js';
import { folderOf, temporaryFolder } from '../helpers/temporary.js';

const root = temporaryFolder('mnist');

const images = (count: number, height = 4, width = 3) =>
  writeIdx({
    shape: [count, height, width],
    data: Uint8Array.from({ length: count * height * width }, (_, i) => i & 255),
  });
const labels = (...values: number[]) => writeIdx({ shape: [values.length], data: Uint8Array.from(values) });
const good: Record<string, Uint8Array> = {
  'train-images-idx3-ubyte': images(3),
  'train-labels-idx1-ubyte': labels(5, 0, 9),
  't10k-images-idx3-ubyte': images(2),
  't10k-labels-idx1-ubyte': labels(1, 2),
};
const rename = (change: (name: string) => string, pack = (bytes: Uint8Array) => bytes) =>
  Object.fromEntries(Object.entries(good).map(([name, bytes]) => [change(name), pack(bytes)]));

describe('mnist', () => {
  it.each([
    ['plain', good],
    ['gzipped', rename((name) => `${name}.gz`, gzipSync)],
    ['with a dot', rename((name) => name.replace('-idx', '.idx'))],
    ['with a dot, gzipped', rename((name) => `${name.replace('-idx', '.idx')}.gz`, gzipSync)],
  ])('reads the four files: %s', async (_, files) => {
    const { train, test } = await mnist(folderOf(files));
    const x = Uint8Array.from({ length: 36 }, (_, i) => i);
    expect(train).toEqual({ x, y: Uint8Array.of(5, 0, 9), count: 3, shape: [4, 3, 1], classes: 10 });
    expect(test).toEqual({ x: x.subarray(0, 24), y: Uint8Array.of(1, 2), count: 2, shape: [4, 3, 1], classes: 10 });
  });

  const withoutLabels = Object.fromEntries(Object.entries(good).filter(([name]) => name !== 'train-labels-idx1-ubyte'));
  const broken: [string, Record<string, Uint8Array>, RegExp][] = [
    [
      'empty folder',
      {},
      /expected one of train-images-idx3-ubyte, train-images-idx3-ubyte.gz, train-images.idx3-ubyte, .* in .* but found an empty folder/,
    ],
    ['missing file', withoutLabels, /expected one of train-labels-idx1-ubyte, .* but found none of them/],
    [
      'images where labels belong',
      { ...good, 'train-labels-idx1-ubyte': images(3) },
      /train-labels-idx1-ubyte: expected labels \(1 dimension of u8\) but received dimensions 3 x 4 x 3/,
    ],
    [
      'labels where images belong',
      { ...good, 't10k-images-idx3-ubyte': labels(1, 2) },
      /t10k-images-idx3-ubyte: expected images \(3 dimensions of u8\) but received dimensions 2/,
    ],
    [
      'images of another type',
      { ...good, 't10k-images-idx3-ubyte': writeIdx({ shape: [2, 1, 1], data: new Float32Array(2) }) },
      /t10k-images-idx3-ubyte: expected images \(3 dimensions of u8\) but received a Float32Array/,
    ],
    [
      'numbers that differ',
      { ...good, 'train-labels-idx1-ubyte': labels(5, 0) },
      /train-labels-idx1-ubyte: expected 3 labels, one for each image of .*train-images-idx3-ubyte, but received 2/,
    ],
    [
      'labels above 9',
      { ...good, 't10k-labels-idx1-ubyte': labels(9, 10) },
      /t10k-labels-idx1-ubyte: expected labels 0 to 9 but received 10 \(label 1\)/,
    ],
    [
      'sizes that differ',
      { ...good, 't10k-images-idx3-ubyte': images(2, 5, 5) },
      /images of one size but received 4 x 3 x 1 and 5 x 5 x 1/,
    ],
    [
      'truncated file',
      { ...good, 'train-images-idx3-ubyte': images(3).subarray(0, 30) },
      /train-images-idx3-ubyte: .*truncated/,
    ],
  ];
  it.each(broken)('says what is wrong: %s', async (_, files, message) => {
    await expect(mnist(folderOf(files))).rejects.toEqual(
      expect.objectContaining({ code: 'ERR_FORMAT', message: expect.stringMatching(message) }),
    );
  });

  it('says where it looked for a folder that is not there', async () => {
    await expect(mnist(join(root, 'none'))).rejects.toMatchObject({
      code: 'ERR_FORMAT',
      message: expect.stringContaining(join(root, 'none')),
    });
    const path = join(folderOf(good), 'train-images-idx3-ubyte');
    await expect(mnist(path)).rejects.toMatchObject({
      code: 'ERR_FORMAT',
      message: expect.stringContaining('ENOTDIR'),
    });
    await expect(mnist(undefined as never)).rejects.toThrow(TypeError);
  });
});
