/** CIFAR's binary files: records, labels, names, and what is said of files that are no such thing. */
import { describe, expect, it } from 'vitest';
import { cifar10 } from '../../lib/data/cifar10.js';
import { cifar100 } from '../../lib/data/cifar100.js';
import { folderOf, temporaryFolder } from '../helpers/temporary.js';

const root = temporaryFolder('cifar');
/** A record: labels, then all reds, greens and blues; the pixel at `at` is marked by 1, 2, 3. */
function record(labels: number[], at: number, rest = 9): Uint8Array {
  const bytes = new Uint8Array(labels.length + 3072).fill(rest);
  bytes.set(labels);
  for (const channel of [0, 1, 2]) bytes[labels.length + channel * 1024 + at] = channel + 1;
  return bytes;
}
const concat = (...records: Uint8Array[]) => Buffer.concat(records);
const batch = (name: number | 'test') => (name === 'test' ? 'test_batch.bin' : `data_batch_${name}.bin`);
const ten: Record<string, Uint8Array | string> = Object.fromEntries(
  ([1, 2, 3, 4, 5] as const).map((n) => [batch(n), concat(record([n], n), record([n + 4], 1023))]),
);
ten[batch('test')] = record([0], 33);
const hundred = { 'train.bin': concat(record([19, 99], 0), record([3, 7], 5)), 'test.bin': record([0, 1], 2) };

describe('cifar10 in binary files', () => {
  it('reads all batches in their order, channels of a pixel together', async () => {
    const { train, test } = await cifar10(folderOf({ ...ten, 'batches.meta.txt': 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n' }));
    const { x, ...rest } = train;
    const y = Uint8Array.of(1, 5, 2, 6, 3, 7, 4, 8, 5, 9);
    expect(rest).toEqual({ y, count: 10, shape: [32, 32, 3], classes: 10, classNames: [...'abcdefghij'] });
    for (let image = 0; image < 10; image++) {
      const marked = image % 2 === 0 ? image / 2 + 1 : 1023;
      const expected = new Uint8Array(3072).fill(9);
      expected.set([1, 2, 3], 3 * marked);
      expect(Buffer.compare(x.subarray(3072 * image, 3072 * (image + 1)), expected), `image ${image}`).toBe(0);
    }
    expect([test.count, ...test.y, ...test.x.subarray(98, 103)]).toEqual([1, 0, 9, 1, 2, 3, 9]);
  });

  it("finds them in the archive's folder too; without a file of names these are numbers", async () => {
    const inside = Object.fromEntries(
      Object.entries(ten).map(([name, bytes]) => [`cifar-10-batches-bin/${name}`, bytes]),
    );
    expect((await cifar10(folderOf(inside))).test.classNames).toEqual([...'0123456789']);
  });

  it('takes the first images where there is a limit, over the files, and tells how far it is', async () => {
    const told: unknown[] = [];
    const { train, test } = await cifar10(folderOf(ten), { limit: 3, onProgress: (progress) => told.push(progress) });
    expect([[...train.y], train.x.length, test.count]).toEqual([[1, 5, 2], 3 * 3072, 1]);
    expect(told).toContainEqual({ images: 3, total: 3 });
  });

  it('stops at the signal', async () => {
    const reason = new Error('enough');
    await expect(cifar10(folderOf(ten), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  const broken: [string, Record<string, Uint8Array | string>, RegExp][] = [
    ['half a record', { [batch(2)]: new Uint8Array(4000) }, /cifar10: .*data_batch_2.bin: .*3073 bytes, .* 4000/],
    ['an empty file', { [batch('test')]: '' }, /test_batch.bin: expected records .* received 0 bytes/],
    [
      'a label above 9',
      { [batch(3)]: record([10], 0) },
      /data_batch_3.bin: .*labels 0 to 9 but received 10 \(label 4\)/,
    ],
    [
      'too few names',
      { 'batches.meta.txt': 'a\nb' },
      /batches.meta.txt: expected 10 names, one a line, but received 2/,
    ],
  ];
  it.each(broken)('names the file that is wrong: %s', async (_, files, message) => {
    await expect(cifar10(folderOf({ ...ten, ...files }))).rejects.toMatchObject({
      code: 'ERR_FORMAT',
      message: expect.stringMatching(message),
    });
  });

  it('names the file that is missing', async () => {
    const { [batch(4)]: _, ...files } = ten;
    await expect(cifar10(folderOf(files))).rejects.toThrow(/expected data_batch_4.bin at .* \(ENOENT\)/);
  });
});

describe('cifar100', () => {
  it('reads fine or coarse labels', async () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `class ${i}`).join('\n');
    const dir = folderOf({ ...hundred, 'fine_label_names.txt': names(100), 'coarse_label_names.txt': names(20) });
    const fine = await cifar100(dir);
    expect([[...fine.train.y], fine.train.classes, fine.train.classNames[99]]).toEqual([[99, 7], 100, 'class 99']);
    const coarse = await cifar100(dir, { labels: 'coarse' });
    expect([[...coarse.train.y], coarse.test.classes, [...coarse.test.y]]).toEqual([[19, 3], 20, [0]]);
    expect([...coarse.train.x.subarray(0, 4), ...coarse.train.x.subarray(3072 + 15, 3072 + 18)]).toEqual([
      1, 2, 3, 9, 1, 2, 3,
    ]);
  });

  it('refuses what it is not', async () => {
    await expect(cifar100(folderOf(ten))).rejects.toThrow(/expected train.bin at .* or in cifar-100-binary there/);
    await expect(cifar100(root, { labels: 'rough' as never })).rejects.toThrow(RangeError);
    await expect(cifar100(root, { label: 'fine' } as never)).rejects.toThrow(/label'.*did you mean 'labels'/);
    await expect(cifar100(3 as never)).rejects.toThrow(TypeError);
    await expect(cifar100(root, { onProgress: 3 as never })).rejects.toThrow(TypeError);
  });
});
