/** Damaged files by the thousand for the readers of files: each is read as what it is, or refused with ERR_FORMAT. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cifar100 } from '../../lib/data/cifar100.js';
import { imageFolder } from '../../lib/data/image-folder.js';
import { decodePng } from '../../lib/data/png.js';
import { fuzz } from '../helpers/fuzz.js';
import { jpeg } from '../helpers/jpeg.js';
import { chunk, png } from '../helpers/png.js';

const root = mkdtempSync(join(tmpdir(), 'fuzz-'));
afterAll(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'images', 'a'), { recursive: true });
const write = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(root, name), bytes);
  return join(root, name);
};

it('CIFAR, binary', async () => {
  const records = Uint8Array.from({ length: 2 * 3074 }, (_, i) => i % 20);
  write('test.bin', records);
  const { refused, read } = await fuzz({
    files: [records],
    cases: 1000,
    read: (bytes) => {
      write('train.bin', bytes);
      return cifar100(root);
    },
    check: ({ train }, bytes) => {
      expect(train.count).toBe(bytes.length / 3074);
      expect(Math.max(...train.y)).toBeLessThan(100);
    },
  });
  expect(Math.min(refused, read)).toBeGreaterThan(100);
});

const colours = [
  { colour: 2, depth: 8 },
  { colour: 0, depth: 2, interlaced: true },
  { colour: 3, depth: 4, palette: new Array(48).fill(7) },
  { colour: 6, depth: 16 },
] as const;
const pngs = colours.map((kind) =>
  png({ width: 9, height: 7, samples: Array.from({ length: 252 }, (_, i) => i % 4), filters: [4, 1, 3], ...kind }),
);

it('images', async () => {
  const { refused, read } = await fuzz({
    files: [...pngs, jpeg([76, 85, 255]), jpeg([31], 5, 3)],
    cases: 1000,
    read: (bytes) => {
      write('images/a/1', bytes);
      return imageFolder(join(root, 'images'));
    },
    check: ({ x, shape, count }) => {
      expect([count, x.length]).toEqual([1, shape[0] * shape[1] * shape[2]]);
    },
  });
  expect(Math.min(refused, read)).toBeGreaterThan(20);
});

/** Sums made right again, so that damage comes as far as the decoder. */
function resealed(bytes: Uint8Array): Uint8Array {
  const file = Buffer.from(bytes);
  for (let at = 8; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at);
    if (at + 12 + length > file.length) break;
    const type = file.toString('latin1', at + 4, at + 8);
    file.set(chunk(type, file.subarray(at + 8, at + 8 + length)), at);
    at += 12 + length;
  }
  return file;
}

it('PNG images whose sums are right', async () => {
  let images = 0;
  await fuzz({
    files: pngs,
    cases: 3000,
    read: (bytes) => {
      const image = decodePng(resealed(bytes));
      if (image === undefined) return;
      images++;
      expect(image.data.length).toBe(image.shape[0] * image.shape[1] * image.shape[2]);
    },
  });
  expect(images).toBeGreaterThan(50);
});
