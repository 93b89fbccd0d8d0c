/** Images and tables of one's own, as `steepest train` and `evaluate` read them: what comes of the files, and what is said of those that do not fit. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DataArguments, loadData } from '../../../lib/cli/train/data.js';
import { modelFor } from '../../../lib/cli/train/model.js';
import { reportFor } from '../../../lib/cli/train/report.js';
import { FakeIo, runCommand } from '../../helpers/fake-io.js';
import { jpeg } from '../../helpers/jpeg.js';
import { folderOf } from '../../helpers/temporary.js';

const io = new FakeIo();
const load = async (options: DataArguments) => (await loadData(options, undefined, io, reportFor(io, true)))!;
const tables = (train: string, test: string, options: Partial<DataArguments> = {}) => {
  const dir = folderOf({ 'a.csv': train, 'b.csv': test });
  return load({ data: 'csv', trainFile: join(dir, 'a.csv'), testFile: join(dir, 'b.csv'), ...options });
};

describe('--data folder', () => {
  const folder = folderOf({
    ...{ 'train/cat/1.jpg': jpeg([40]), 'train/cat/2.jpg': jpeg([50]), 'train/dog/1.jpg': jpeg([200]) },
    ...{ 'test/cat/7.jpg': jpeg([45]), 'test/dog/8.jpg': jpeg([210]) },
  });

  it('reads train and test, with the names of the classes', async () => {
    const { train, test } = await load({ data: 'folder', dataDir: folder });
    const same = { shape: [8, 8, 1], classes: 2, classNames: ['cat', 'dog'] };
    expect(train).toMatchObject({ ...same, count: 3, y: Uint8Array.of(0, 0, 1) });
    expect(test).toMatchObject({ ...same, count: 2, y: Uint8Array.of(0, 1) });
    expect([test.x[0], test.x[64]]).toEqual([45, 210]);
    expect((await load({ data: 'folder', dataDir: folder, limit: 1 })).train.count).toBe(1);
  });

  it('names what is missing or different', async () => {
    const read = (files: Record<string, Uint8Array>) => load({ data: 'folder', dataDir: folderOf(files) });
    const cat = { 'train/cat/1.jpg': jpeg([40]) };
    await expect(read(cat)).rejects.toThrow(/^imageFolder: expected a folder for each class at .*test but/);
    await expect(read({ ...cat, 'test/cow/1.jpg': jpeg([40]) })).rejects.toThrow(
      /one list of classes but.* cat and cow/,
    );
    await expect(read({ ...cat, 'test/cat/1.jpg': jpeg([40], 4, 4) })).rejects.toThrow(
      /of one size but received 8, 8, 1/,
    );
  });
});

describe('--data csv', () => {
  it('takes the last column for the label, and gives the test the classes of the training file', async () => {
    const { train, test } = await tables('p,q,kind\n1,2,b\n3,4,a\n5,6,c\n', 'p,q,kind\n7,8,c\n9,10,b\n');
    const same = { shape: [2], classes: 3, classNames: ['a', 'b', 'c'] };
    expect(train).toEqual({ ...same, count: 3, x: Float64Array.of(1, 2, 3, 4, 5, 6), y: Int32Array.of(1, 0, 2) });
    expect(test).toEqual({ ...same, count: 2, x: Float64Array.of(7, 8, 9, 10), y: Int32Array.of(2, 1) });
  });

  it('heeds the column, the separator, the missing header and the limit', async () => {
    const options = { labelColumn: '0', separator: 'semicolon', header: false, limit: 2 } as const;
    const { train, test } = await tables('4;0.5\n1;2\n0;3\n', '2;7\n', options);
    expect(train).toEqual({ shape: [1], classes: 5, count: 2, x: Float64Array.of(0.5, 2), y: Int32Array.of(4, 1) });
    expect(test).toMatchObject({ classes: 5, y: Int32Array.of(2) });
    expect((await tables('y,p\n1,8\n0,9\n', 'y,p\n1,8\n', { labelColumn: 'y' })).train.y).toEqual(Int32Array.of(1, 0));
  });

  it('takes rows for the pixels of images of a size', async () => {
    const { train } = await tables('0,128,255,1,1\n', '9,9,9,9,0\n', { header: false, imageSize: [1, 4] });
    expect(train).toEqual({
      shape: [1, 4, 1],
      classes: 2,
      count: 1,
      x: Uint8Array.of(0, 128, 255, 1),
      y: Int32Array.of(1),
    });
    const colour = await tables('1,2,3,1\n', '1,2,3,0\n', { header: false, imageSize: [1, 1] });
    expect(colour.test.shape).toEqual([1, 1, 3]);
  });

  it.each([
    ['1,0.5\n', '1,0\n', /a\.csv: expected labels that are names, or integers in \[0, 9999\], but found 0\.5$/],
    ['1,-1\n', '1,0\n', /a\.csv: .* but found -1$/],
    ['1,4000000000\n', '1,0\n', /a\.csv: .* but found 4000000000$/],
    ['1,1\n', '1,2\n', /b\.csv: expected classes of the training file but found 2$/],
    ['1,a\n', '1,b\n', /b\.csv: expected classes of the training file but found b$/],
    ['1,a\n', '1,0\n', /b\.csv: expected classes of the training file but found 0$/],
    ['1,0\n', '1,a\n', /b\.csv: expected classes of the training file but found a$/],
    ['1,2,0\n', '1,0\n', /b\.csv: expected the columns of .*a\.csv but found others$/],
  ])('refuses %j and %j', async (train, test, message) => {
    await expect(tables(train, test, { header: false })).rejects.toThrow(message);
    await expect(tables(train, test, { header: false })).rejects.toMatchObject({ code: 'ERR_FORMAT' });
  });

  it('refuses rows that are no such images', async () => {
    const rows = (row: string) => tables(`${row},0\n`, `${row},0\n`, { header: false, imageSize: [1, 2] });
    await expect(rows('1,2,3')).rejects.toThrow(/expected 1 x 2 pixels of 1 or 3 values in a row but found 3 values$/);
    await expect(rows('1,256')).rejects.toThrow(/expected pixels, integers in \[0, 255\], but found 256$/);
    await expect(rows('1,0.5')).rejects.toThrow(/but found 0\.5$/);
  });

  it('is for networks that take rows of numbers', async () => {
    const { train } = await tables('p,q,y\n1,2,1\n', 'p,q,y\n1,2,0\n');
    const model = (name: 'mlp' | 'lenet') =>
      modelFor(
        { model: name, data: 'csv', seed: 1, device: 'reference', precision: 'fp32' },
        undefined,
        train,
        reportFor(io, true),
      );
    const mlp = await model('mlp');
    expect([mlp.inputShape, mlp.outputShape]).toEqual([[2], [2]]);
    await expect(model('lenet')).rejects.toThrow(
      /^lenet takes images, but csv has rows of 2 numbers: give --model mlp or, where these are pixels, --image-size$/,
    );
  });
});

it.each([
  [['--data', 'folder'], /--data folder needs --data-dir DIR/],
  [['--data', 'csv', '--train-file', 'a'], /--data csv needs --train-file FILE and --test-file FILE/],
  [['--data', 'csv', '--data-dir', 'a'], /--data-dir is for --data mnist, fashion, cifar10, cifar100 and folder/],
  [['--image-size', '8'], /--image-size is for --data folder and csv/],
  [['--no-header'], /--no-header is for --data csv/],
  [['--label-column', '-1'], /--label-column is for --data csv/],
  [['--data', 'csv', '--separator', ';'], /';' is invalid. Allowed choices are comma, semicolon, tab, bar/],
  [['--data', 'folder', '--image-size', '0x3'], /Expected a size such as 64x48, height first, or 64/],
])('refuses %j', async (args, message) => {
  const { code, io } = await runCommand(['train', ...args]);
  expect([code, io.stderr]).toEqual([2, expect.stringMatching(message)]);
});
