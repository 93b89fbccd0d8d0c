/** Image folders and CIFAR-10's two of them, with tiny files: order, labels, bytes, and what is said of files that are no such images. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cifar10 } from '../../lib/data/cifar10.js';
import { findSharp } from '../../lib/data/decode.js';
import { imageFolder } from '../../lib/data/image-folder.js';
import { jpeg } from '../helpers/jpeg.js';
import { png } from '../helpers/png.js';
import { folderOf, temporaryFolder } from '../helpers/temporary.js';

const root = temporaryFolder('images');

const grey = (value: number) => jpeg([value, 128, 128]);
const red = jpeg([76, 85, 255]); // (76 + 1.402 * 127, 76 - 0.714 * 127 + 0.344 * 43, 76 - 1.772 * 43): [254, 0, 0]
const white = png({ width: 8, height: 8, colour: 2, depth: 8, samples: new Array(192).fill(255) });
const pets = { 'dog/b.jpg': grey(7), 'dog/a.jpg': grey(200), 'cat/10.jpg': red, 'cat/9.JPEG': grey(0) };
const sound = folderOf(pets);
const pixel = (x: Uint8Array, image: number) => [...x.subarray(image * 192, image * 192 + 3)];

describe('imageFolder', () => {
  it('reads classes and images in the order of their names, RGB', async () => {
    const dir = folderOf({ ...pets, 'dog/.DS_Store': 'x', 'README.txt': 'beside the classes' });
    const { x, ...rest } = await imageFolder(dir);
    const y = Uint8Array.of(0, 0, 1, 1);
    expect(rest).toEqual({ y, count: 4, shape: [8, 8, 3], classes: 2, classNames: ['cat', 'dog'] });
    expect([0, 1, 2, 3].map((image) => pixel(x, image))).toEqual([
      [254, 0, 0],
      [0, 0, 0],
      [200, 200, 200],
      [7, 7, 7],
    ]);
    expect(x).toEqual(x.map((_, i) => x[i - (i % 192) + (i % 3)]!));
  });

  it('reads grey images as one channel, of any size', async () => {
    const { x, shape } = await imageFolder(folderOf({ 'a/1.jpg': jpeg([31], 5, 3), 'b/1.jpg': jpeg([99], 5, 3) }));
    expect(shape).toEqual([5, 3, 1]);
    expect([...x]).toEqual([...new Array(15).fill(31), ...new Array(15).fill(99)]);
  });

  it('reads PNG files beside JPEG files', async () => {
    const { x, y } = await imageFolder(folderOf({ 'a/1.png': white, 'a/2.jpg': red, 'b/1.png': white }));
    expect([[...y], pixel(x, 0), pixel(x, 1), pixel(x, 2)]).toEqual([
      [0, 0, 1],
      [255, 255, 255],
      [254, 0, 0],
      [255, 255, 255],
    ]);
  });

  it.skipIf(findSharp() !== null)('resizes by sharp alone', async () => {
    const resized = imageFolder(folderOf(pets), { size: [4, 4] });
    await expect(resized).rejects.toMatchObject({ code: 'ERR_NO_PACKAGE', message: /size needs the package sharp/ });
  });

  it.skipIf(findSharp() === null)('resizes, and reads other formats, by sharp', async () => {
    // 4 x 4 pixels of (10, 200, 30), written by sharp itself
    const webp = Buffer.from('UklGRh4AAABXRUJQVlA4TBEAAAAvA8AAAAdQ5CrUo/+BiOh/AAA=', 'base64');
    const files = { 'a/1.png': white, 'a/2.jpg': jpeg([76, 85, 255], 8, 5), 'b/1.webp': webp };
    const { x, shape } = await imageFolder(folderOf(files), { size: [2, 3] });
    expect([shape, x.length]).toEqual([[2, 3, 3], 54]);
    expect([...x.subarray(0, 18)]).toEqual(new Array(18).fill(255));
    for (const [i, value] of x.subarray(18, 36).entries())
      expect(Math.abs(value - [254, 0, 0][i % 3]!)).toBeLessThan(3);
    expect([...x.subarray(36, 39)]).toEqual([10, 200, 30]);
    const grey = await imageFolder(folderOf({ 'a/1.jpg': jpeg([99], 5, 3) }), { size: [2, 2] });
    expect([grey.shape, ...grey.x]).toEqual([[2, 2, 1], 99, 99, 99, 99]);
  });

  it('takes images evenly from the classes where there is a limit, and tells how far it is', async () => {
    const told: unknown[] = [];
    const { x, y } = await imageFolder(folderOf(pets), { limit: 2, onProgress: (progress) => told.push(progress) });
    expect([...y]).toEqual([0, 1]);
    expect([pixel(x, 0), pixel(x, 1)]).toEqual([
      [254, 0, 0],
      [200, 200, 200],
    ]);
    expect(told.at(-1)).toEqual({ images: 2, total: 2 });
  });

  it('stops at the signal, with its reason', async () => {
    const reason = new Error('enough');
    await expect(imageFolder(folderOf(pets), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const reading = new AbortController();
    const many = folderOf(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`a/${i}.jpg`, grey(i)])));
    const run = imageFolder(many, { signal: reading.signal });
    setImmediate(() => reading.abort(reason));
    await expect(run).rejects.toBe(reason);
  });

  const cut = grey(3).subarray(0, -2);
  const broken: [string, Record<string, Uint8Array | string>, RegExp][] = [
    ['truncated file', { ...pets, 'dog/c.jpg': cut }, /dog.c\.jpg: expected a whole JPEG image but .* truncated/],
    ['header alone', { ...pets, 'cat/0.jpg': red.subarray(0, 30) }, /cat.0\.jpg: expected a whole JPEG image/],
    [
      'foreign file',
      { ...pets, 'dog/c.gif': 'GIF89a' },
      /dog.c\.gif: expected (a JPEG or PNG image, .* received 4749 .*sharp|an image but sharp)/,
    ],
    [
      'broken PNG',
      { ...pets, 'dog/c.png': white.subarray(0, -20) },
      /dog.c\.png: expected a whole PNG image but .* broken/,
    ],
    [
      'empty file',
      { ...pets, 'dog/c.jpg': '' },
      /dog.c\.jpg: expected (a JPEG or PNG image, .* received no bytes|an image but sharp)/,
    ],
    [
      'another size',
      { ...pets, 'dog/c.jpg': jpeg([1, 2, 3], 8, 7) },
      /dog.c\.jpg: .*8 x 8 x 3, as .*, but .*8 x 7 x 3/,
    ],
    ['grey among colours', { ...pets, 'dog/c.jpg': jpeg([1]) }, /dog.c\.jpg: .* received 8 x 8 x 1/],
    ['folder in a class', { ...pets, 'dog/c/1.jpg': red }, /dog.c: expected an image but could not read it \(EISDIR\)/],
    ['folder without classes', { 'a.jpg': red }, /expected a folder for each class at .* but found none/],
    ['empty class', { ...pets, 'ant/.hidden': '' }, /expected images of a class at .*ant but found none/],
  ];
  it.each(broken)('names the file that is wrong: %s', async (_, files, message) => {
    await expect(imageFolder(folderOf(files))).rejects.toMatchObject({
      name: 'SteepestError',
      code: 'ERR_FORMAT',
      message: expect.stringMatching(message),
    });
    expect((await imageFolder(sound)).count).toBe(4); // the decoder works on
  });

  it('refuses wrong use', async () => {
    await expect(imageFolder(3 as never)).rejects.toThrow(TypeError);
    await expect(imageFolder(join(root, 'none'))).rejects.toMatchObject({ code: 'ERR_FORMAT' });
    await expect(imageFolder(root, { size: 8 as never })).rejects.toThrow(
      /expected an array \[height, width\] for size/,
    );
    await expect(imageFolder(root, { size: [8, 0] })).rejects.toThrow(RangeError);
    await expect(imageFolder(root, { limit: 0 })).rejects.toThrow(RangeError);
    await expect(imageFolder(root, { limt: 1 } as never)).rejects.toThrow(/limt.*did you mean 'limit'/);
  });
});

describe('cifar10', () => {
  const part = (name: string, files: Record<string, Uint8Array | string>) =>
    Object.fromEntries(Object.entries(files).map(([file, bytes]) => [`${name}/${file}`, bytes]));

  it('reads train and test', async () => {
    const { train, test } = await cifar10(
      folderOf({ ...part('train', pets), ...part('test', { 'cat/a.jpg': red, 'dog/a.jpg': red }) }),
    );
    expect([train.count, test.count, [...test.y]]).toEqual([4, 2, [0, 1]]);
  });

  it.each([
    [
      'no test folder',
      part('train', pets),
      /expected a folder for each class at .*test but could not read it \(ENOENT\)/,
    ],
    ['other classes', { ...part('train', pets), 'test/cat/a.jpg': red }, /one list of classes but .* cat, dog and cat/],
    [
      'other sizes',
      { ...part('train', pets), 'test/cat/a.jpg': jpeg([1]), 'test/dog/a.jpg': jpeg([1]) },
      /one size but .* 8, 8, 3 and 8, 8, 1/,
    ],
  ])('says what is wrong: %s', async (_, files, message) => {
    await expect(cifar10(folderOf(files))).rejects.toMatchObject({
      code: 'ERR_FORMAT',
      message: expect.stringMatching(message),
    });
  });
});
