/** Damaged files by the thousand for the readers of files: each is read as what it is, or refused with ERR_FORMAT. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cifar100 } from '../../lib/data/cifar100.js';
import { fuzz } from '../helpers/fuzz.js';

const root = mkdtempSync(join(tmpdir(), 'fuzz-'));
afterAll(() => rmSync(root, { recursive: true }));
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
