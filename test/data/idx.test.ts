/** The IDX reader: every type, gzip, and every way a file can be broken. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type IdxArray, readIdx, writeIdx } from '../../lib/data/idx.js';
import { temporaryFolder } from '../helpers/temporary.js';

const dir = temporaryFolder('idx');
const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(dir, name), bytes);
  return join(dir, name);
};
/** A file written by hand, so that reader and writer cannot agree on a mistake. */
const idx = (code: number, dims: number[], body: number[]) => {
  const head = dims.flatMap((d) => [(d >>> 24) & 255, (d >>> 16) & 255, (d >>> 8) & 255, d & 255]);
  return Uint8Array.from([0, 0, code, dims.length, ...head, ...body]);
};

describe('readIdx', () => {
  const cases: [string, number, number[], IdxArray][] = [
    ['u8', 0x08, [0, 255], Uint8Array.of(0, 255)],
    ['i8', 0x09, [0xff, 0x7f], Int8Array.of(-1, 127)],
    ['i16', 0x0b, [0xff, 0xfe, 0x01, 0x02], Int16Array.of(-2, 258)],
    ['i32', 0x0c, [0xff, 0xff, 0xff, 0xfd, 0x01, 0x02, 0x03, 0x04], Int32Array.of(-3, 0x01020304)],
    ['f32', 0x0d, [0x3f, 0xc0, 0, 0, 0xff, 0x80, 0, 0], Float32Array.of(1.5, Number.NEGATIVE_INFINITY)],
    ['f64', 0x0e, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], Float64Array.of(1.5, -2)],
  ];
  it.each(cases)('reads %s, big-endian, plain and gzipped', async (name, code, body, expected) => {
    const bytes = idx(code, [2, 1], body);
    for (const source of [bytes, gzipSync(bytes), file(name, bytes), file(`${name}.gz`, gzipSync(bytes))])
      expect(await readIdx(source)).toEqual({ shape: [2, 1], data: expected });
  });

  it('reads a gzipped file whatever its name, a file URL, and bytes that lie inside a larger buffer', async () => {
    const bytes = idx(8, [3], [1, 2, 3]);
    const expected = { shape: [3], data: Uint8Array.of(1, 2, 3) };
    expect(await readIdx(pathToFileURL(file('plain-name', gzipSync(bytes))))).toEqual(expected);
    expect(await readIdx(Buffer.concat([Buffer.alloc(5), bytes]).subarray(5))).toEqual(expected);
  });

  it('gives memory of its own', async () => {
    const bytes = idx(8, [3], [1, 2, 3]);
    const { data } = await readIdx(bytes);
    bytes.fill(9);
    expect(data).toEqual(Uint8Array.of(1, 2, 3));
    expect(data.buffer.byteLength).toBe(3);
  });

  it('reads files of no values and of many', async () => {
    expect(await readIdx(idx(8, [0, 28, 28], []))).toEqual({ shape: [0, 28, 28], data: new Uint8Array(0) });
    const data = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
    const bytes = writeIdx({ shape: [3, 100_000], data });
    for (const source of [file('many', bytes), file('many.gz', gzipSync(bytes))]) {
      const read = await readIdx(source);
      expect(read.shape).toEqual([3, 100_000]);
      expect(Buffer.compare(read.data as Uint8Array, data)).toBe(0);
    }
  });

  const fail = (message: RegExp) =>
    expect.objectContaining({ code: 'ERR_FORMAT', message: expect.stringMatching(message) });
  const broken: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(0), /empty: expected an IDX header but received 0 bytes/],
    ['short-header', idx(8, [2, 3], []).subarray(0, 9), /short-header: expected an IDX header but received 9 bytes/],
    [
      'magic',
      Uint8Array.of(0x89, 0x50, 8, 1, 0, 0, 0, 1, 1),
      /magic: expected .* two zero bytes but received 0x89 0x50/,
    ],
    ['type', idx(0x0a, [1], [1]), /type: expected one of 0x08 \(u8\).* for the type but received 0x0a/],
    ['rank', Uint8Array.of(0, 0, 8, 0, 1), /rank: expected a rank >= 1 but received 0/],
    [
      'truncated',
      idx(8, [2, 3], [1, 2, 3]),
      /truncated: expected 18 bytes \(2 x 3 values of u8\) but received 15: the file is truncated/,
    ],
    [
      'trailing',
      idx(8, [2], [1, 2, 3]),
      /trailing: expected 10 bytes \(2 values of u8\) but received at least 11: bytes follow the last value/,
    ],
    [
      'overflow',
      idx(14, Array(8).fill(0xffffffff), [1]),
      /overflow: expected dimensions whose product is a size a file can have/,
    ],
    [
      'hostile',
      idx(8, [0xffffffff, 0xffff], [1]),
      /hostile: expected 281\d* bytes .* but received 13: the file is truncated/,
    ],
  ];
  it.each(broken)('says what is wrong with a file: %s', async (name, bytes, message) => {
    await expect(readIdx(file(name, bytes))).rejects.toEqual(fail(message));
  });
  it.each(broken.filter(([, bytes]) => bytes.length > 0))('also where it is gzipped: %s', async (name, bytes) => {
    const error = await readIdx(file(`${name}.gz`, gzipSync(bytes))).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'ERR_FORMAT' });
    expect((error as Error).message).toContain(`${name}.gz`);
  });

  it('says that a gzip stream is cut or corrupt', async () => {
    const whole = gzipSync(
      idx(
        8,
        [1000],
        Array.from({ length: 1000 }, (_, i) => (i * 89) & 255),
      ),
    );
    const corrupt = Uint8Array.from(whole, (byte, i) => (i === whole.length - 6 ? byte ^ 1 : byte));
    for (const bytes of [
      whole.subarray(0, 200),
      corrupt,
      Uint8Array.of(0x1f, 0x8b),
      Uint8Array.of(0x1f, 0x8b, 1, 2, 3),
    ])
      await expect(readIdx(file('broken.gz', bytes))).rejects.toEqual(fail(/broken.gz: expected a whole gzip stream/));
  });

  it('stops reading a gzip stream that holds more than its header says', async () => {
    const bomb = gzipSync(Buffer.concat([idx(8, [2], [1, 2]), Buffer.alloc(6 << 20)]), { level: 1 });
    const before = process.memoryUsage().arrayBuffers;
    await expect(readIdx(file('bomb.gz', bomb))).rejects.toEqual(fail(/bomb.gz: expected 10 bytes .* bytes follow/));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 << 20);
  });

  it('passes on the errors of the file system and refuses what is no source', async () => {
    await expect(readIdx(join(dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(readIdx(dir)).rejects.toMatchObject({ code: 'EISDIR' });
    for (const source of [3, undefined, null, [0, 0, 8, 1]])
      await expect(readIdx(source as never)).rejects.toThrow(TypeError);
  });
});

describe('writeIdx', () => {
  it('writes what the format says', () => {
    expect([...writeIdx({ shape: [2], data: Int16Array.of(-2, 258) })]).toEqual([
      0, 0, 0x0b, 1, 0, 0, 0, 2, 0xff, 0xfe, 0x01, 0x02,
    ]);
  });
  it('is undone by readIdx for every type', async () => {
    for (const data of [
      Uint8Array.of(7),
      Int8Array.of(-7),
      Int16Array.of(-700),
      Int32Array.of(-70000),
      Float32Array.of(0.1),
      Float64Array.of(0.1),
    ])
      expect(await readIdx(writeIdx({ shape: [1, 1], data }))).toEqual({ shape: [1, 1], data });
  });
  it('refuses a shape that does not fit and an array without a type', () => {
    expect(() => writeIdx({ shape: [2, 2], data: new Uint8Array(3) })).toThrow(RangeError);
    expect(() => writeIdx({ shape: [], data: new Uint8Array(1) })).toThrow(RangeError);
    expect(() => writeIdx({ shape: [-1, -3], data: new Uint8Array(3) })).toThrow(RangeError);
    expect(() => writeIdx({ shape: [1], data: new Uint32Array(1) as never })).toThrow(TypeError);
  });
});
