import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMat } from '../../lib/data/mat.js';
import { simplennData } from '../../lib/data/simplenn.js';

const golden: Record<string, string> = JSON.parse(readFileSync(join(__dirname, '../golden/mat.json'), 'utf8'));
const file = (name: string) => new Uint8Array(Buffer.from(golden[name]!, 'base64'));
const format = expect.objectContaining({ code: 'ERR_FORMAT' });

/** A file of one matrix `m` of doubles, by hand, in either order of bytes. */
function matrix(little: boolean, sizes: number[], values: number[], name = 'm'): Uint8Array {
  const [shape, title] = [Math.ceil(sizes.length / 2) * 8, Math.ceil(name.length / 8) * 8];
  const bytes = Buffer.alloc(128 + 8 + 16 + 8 + shape + 8 + title + 8 + values.length * 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  bytes.write('made by hand'.padEnd(124));
  bytes.write(little ? 'IM' : 'MI', 126);
  let at = 128;
  const words = (...list: number[]) => {
    for (const word of list) {
      view.setUint32(at, word, little);
      at += 4;
    }
  };
  words(14, bytes.length - 136, 6, 8, 6, 0, 5, 4 * sizes.length, ...sizes);
  at = 128 + 8 + 16 + 8 + shape;
  words(1, name.length);
  bytes.write(name, at);
  at += title;
  words(9, values.length * 8);
  for (const [i, value] of values.entries()) view.setFloat64(at + 8 * i, value, little);
  return bytes;
}

describe('readMat', () => {
  it.each(['numbers', 'compressed'])('reads every class of numbers, row-major: %s', async (name) => {
    const found = await readMat(file(name));
    const numbers = Object.fromEntries([...found].map(([key, { shape, data }]) => [key, [shape, data]]));
    const most = { int8: 127, uint8: 255, int16: 32767, uint16: 65535, int32: 2147483647, uint32: 4294967295 };
    const types = { Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array };
    expect(numbers).toEqual({
      double: [[2, 3], Float64Array.of(1.5, 2, -3, 4, 5e300, 6)],
      single: [[1, 2], Float32Array.of(0.5, 1.5)],
      cube: [[2, 3, 4], Float64Array.from({ length: 24 }, (_, i) => i)],
      empty: [[0, 3], new Float64Array()],
      ...Object.fromEntries(
        Object.entries(most).map(([key, value], i) => [key, [[2, 1], Object.values(types)[i]!.of(1, value)]]),
      ),
      int64: [[2, 1], Float64Array.of(1, 2 ** 53)],
      uint64: [[2, 1], Float64Array.of(1, 2 ** 53)],
      logical: [[1, 3], Uint8Array.of(1, 0, 1)],
    });
  });

  it.each([true, false])('reads both orders of bytes: little %s', async (little) => {
    const found = await readMat(matrix(little, [2, 2], [1, 3, 2, 4]));
    expect([...found]).toEqual([['m', { shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) }]]);
  });

  it('passes over what is no matrix of numbers, and says so where it is asked for', async () => {
    expect([...(await readMat(file('others'))).keys()]).toEqual(['y']);
    expect([...(await readMat(file('numbers'), ['int8', 'double'])).keys()]).toEqual(['int8', 'double']);
    const asked = (name: string) => expect(readMat(file('others'), [name])).rejects;
    await asked('Z').toThrow(
      "full real matrix 'Z' but found 'y', 'text' (text), 'cells' (a cell array), 'record' (a struct), 'complex' (complex), 'sparse' (sparse)",
    );
    for (const name of ['text', 'cells', 'record', 'complex', 'sparse']) await asked(name).toThrow(format);
  });

  it('rejects other files and broken ones with ERR_FORMAT', async () => {
    const rejects = (bytes: Uint8Array, message: RegExp) =>
      expect(readMat(bytes)).rejects.toThrow(
        expect.objectContaining({ code: 'ERR_FORMAT', message: expect.stringMatching(message) }),
      );
    await rejects(file('level4'), /level 5, with IM or MI/);
    await rejects(new Uint8Array(), /level 5/);
    await rejects(Buffer.from('MATLAB 7.3 MAT-file'.padEnd(600)), /HDF5.*-v7/);
    const whole = matrix(true, [2, 2], [1, 3, 2, 4]);
    for (let length = 129; length < whole.length; length++) await rejects(whole.subarray(0, length), /expected .* but/);
    await rejects(matrix(true, [2, 3], [1, 2, 3, 4]), /'m': expected 6 values \(2 x 3\) but received 32 bytes/);
    await rejects(matrix(true, [2 ** 30, 2 ** 30], [1]), /'m': expected 1152921504606847000 values/);
    await rejects(matrix(true, [-1, 2], [1]), /'m': expected two whole sizes or more but received \[-1, 2\]/);
    await rejects(
      matrix(true, new Array(1000).fill(1), [1]),
      /expected at most 64 numbers at byte 160 but received 4000 bytes/,
    );
    const halves = matrix(true, [0, 0, 0, 0], []);
    halves.set(new Uint8Array(Float64Array.of(1.5, 0).buffer), 160);
    halves[152] = 9; // sizes of float64
    await rejects(halves, /'m': expected two whole sizes or more but received \[1.5, 0\]/);
    const broken = file('compressed');
    broken.fill(0xee, 200, 220);
    await rejects(broken, /broken one/);
  });

  it("throws a TypeError on what is no file, and Node's error where there is none", async () => {
    await expect(readMat(3 as never)).rejects.toThrow(TypeError);
    await expect(readMat(file('numbers'), 'y' as never)).rejects.toThrow(TypeError);
    await expect(readMat('/none/such.mat')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('simplennData', () => {
  const options = { inputShape: [2, 3, 2] as const };

  it('gives images with their channels last, and labels from 0', async () => {
    const { x, y, count, shape, classes } = await simplennData(file('images'), options);
    expect([count, shape, classes, [...y]]).toEqual([4, [2, 3, 2], 3, [2, 0, 1, 0]]);
    // A row of Z: 0 .. 5 are the first channel, 6 .. 11 the second.
    expect([...x.subarray(0, 12)]).toEqual([0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]);
    expect(x[12]).toBe(12);
    const columns = await simplennData(file('images'), { ...options, pixelOrder: 'columns' });
    expect([...columns.x.subarray(0, 12)]).toEqual([0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
    expect((await simplennData(file('images'), { ...options, classes: 5 })).classes).toBe(5);
  });

  it('says what does not fit', async () => {
    const rejects = (given: object, bytes = file('images')) =>
      expect(simplennData(bytes, { ...options, ...given } as never)).rejects;
    await rejects({ inputShape: [2, 3, 1] }).toThrow(/rows of 6 values \(2 x 3 x 1\) for Z but received 4 x 12/);
    const many = matrix(true, [1, 1], [2 ** 40], 'y');
    const images = Buffer.concat([many, matrix(true, [1, 12], new Array(12).fill(0), 'Z').subarray(128)]);
    await rejects({}, images).toThrow(/expected labels 1 to 2147483647 for y but label 0 is 1099511627776/);
    await rejects({ classes: 2 }).toThrow(/labels 1 to 2 for y but label 0 is 3/);
    await rejects({}, file('others')).toThrow(/matrix 'Z'/);
    await rejects({ inputShape: [12] }).toThrow(TypeError);
    await rejects({ inputShape: [0, 3, 2] }).toThrow(RangeError);
    await rejects({ pixelOrder: 'row' }).toThrow(/did you mean 'rows'/);
    await rejects({ shape: 3 }).toThrow(/unknown option/);
  });
});
