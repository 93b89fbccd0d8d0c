/** Files of numpy, read and written byte for byte; and files that lie. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { SteepestError } from '../../lib/errors.js';
import { encodeNpy, type NpyArray, type NpyInput, readNpy } from '../../lib/formats/npy.js';
import { encodeNpz, readNpz } from '../../lib/formats/npz.js';

type Files = Record<string, string>;
interface Values {
  readonly dtype: string;
  readonly shape: number[];
  readonly values: (number | string)[];
}
const golden: Record<'arrays' | 'turned' | 'versions' | 'others', Files> & { values: Record<string, Values> } & Record<
    'savez' | 'savez_compressed',
    string
  > = JSON.parse(readFileSync(join(__dirname, '../golden/numpy-files.json'), 'utf8'));
const bytesOf = (base64: string) => Buffer.from(base64, 'base64');

const valuesOf = ({ dtype, shape, data }: NpyArray): Values => ({
  dtype,
  shape: [...shape],
  values: Array.from(data as ArrayLike<number | bigint>, (v) => (/^u?int/.test(dtype) ? String(v) : Number(v))),
});

describe('files of numpy', () => {
  test.each(Object.entries({ ...golden.arrays, ...golden.turned }))('%s is read', async (name, file) => {
    expect(valuesOf(await readNpy(bytesOf(file)))).toEqual(golden.values[name]);
  });

  test.each(Object.entries(golden.arrays))('%s is written, byte for byte', async (_, file) => {
    const bytes = bytesOf(file);
    expect(Buffer.from(encodeNpy(await readNpy(bytes))).equals(bytes)).toBe(true);
  });

  test.each(Object.entries(golden.versions))('of version %s are read', async (_, file) => {
    expect(valuesOf(await readNpy(bytesOf(file)))).toEqual(golden.values.cube);
  });

  test.each(['savez', 'savez_compressed'] as const)('of %s are read', async (save) => {
    const arrays = await readNpz(bytesOf(golden[save]));
    const { float32, bool, scalar } = golden.values;
    expect(Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, valuesOf(array)]))).toEqual({
      ...{ float32, bool, scalar },
    });
  });
});

test('the type is that of the data unless it is said', async () => {
  const read = async (array: NpyInput) => (await readNpy(encodeNpy(array))).dtype;
  expect(await read({ shape: [1], data: new Float64Array(1) })).toBe('float64');
  expect(await read({ shape: [1], data: new Uint16Array(1) })).toBe('uint16');
  expect(await read({ shape: [1], data: new Uint8Array(1) })).toBe('uint8');
  expect(await read({ shape: [1], data: new Uint8Array(1), dtype: 'bool' })).toBe('bool');
  expect(await read({ shape: [1], data: new Float32Array(1), dtype: 'float16' })).toBe('float16');
});

describe('an archive', () => {
  const arrays = {
    x: { shape: [40, 50], data: new Float32Array(2000).fill(0.5) },
    'a/ü': { shape: [2], data: new BigInt64Array([1n, -1n]) },
    ['__proto__']: { shape: [], data: new Uint8Array([7]) },
  };

  test.each([false, true])('that was written is read, by another program too (compressed: %s)', async (compressed) => {
    const bytes = encodeNpz(arrays, { compressed });
    expect(encodeNpz(arrays, { compressed })).toEqual(bytes);
    const read = await readNpz(bytes);
    expect(Object.keys(read).sort()).toEqual(Object.keys(arrays).sort());
    expect([...read.x!.data]).toEqual([...arrays.x.data]);
    expect(read['a/ü']!.data).toEqual(arrays['a/ü'].data);
    const files = unzipSync(bytes);
    expect(Object.keys(files).sort()).toEqual(['__proto__.npy', 'a/ü.npy', 'x.npy']);
    expect(Buffer.from(files['x.npy']!).equals(encodeNpy(arrays.x))).toBe(true);
    expect(bytes.length < 2000).toBe(compressed);
  });

  test('without arrays is one', async () => {
    expect(Object.keys(await readNpz(encodeNpz({})))).toEqual([]);
  });

  const made = (files: Record<string, Uint8Array>, level: 0 | 6 = 0) => Buffer.from(zipSync(files, { level }));
  const npy = encodeNpy({ shape: [3], data: new Uint8Array([1, 2, 3]) });
  /** The archive of one array with some bytes changed, counted from a mark: its own header, its directory entry or the end. */
  function changed(mark: string, by: number, bytes: number[], level: 0 | 6 = 0): Buffer {
    const file = made({ 'a.npy': npy }, level);
    file.set(bytes, file.indexOf(mark, 0, 'latin1') + by);
    return file;
  }
  const huge = [255, 255, 255, 255];
  test.each<[string, Uint8Array, string]>([
    ['is empty', new Uint8Array(0), 'expected a whole zip archive'],
    ['is cut off', made({ 'a.npy': npy }).subarray(0, -1), 'expected a whole zip archive'],
    ['has a wrong bit', changed('PK\x03\x04', 140, [0x55]), 'file "a.npy": its bytes do not have the sum (CRC-32)'],
    ['has broken deflate', changed('PK\x03\x04', 40, huge, 6), 'file "a.npy": expected 131 packed bytes but'],
    ['has a longer file', changed('PK\x01\x02', 24, [255]), 'file "a.npy": expected 255 bytes but received 131'],
    ['becomes too much', changed('PK\x01\x02', 24, [3], 6), 'file "a.npy": expected 3 packed bytes but'],
    ['has a file beyond the end', changed('PK\x01\x02', 20, [9, 9]), 'expected files that do not share bytes'],
    ['has zip64 sizes', changed('PK\x01\x02', 24, huge), 'file "a.npy": has 4 GB or more (zip64)'],
    ['has a header elsewhere', changed('PK\x01\x02', 42, [9]), 'file "a.npy": expected its header at byte 9'],
    ['is packed otherwise', changed('PK\x01\x02', 10, [12]), 'file "a.npy": is packed in an unknown way, 12'],
    ['is encrypted', changed('PK\x01\x02', 8, [1]), 'file "a.npy": is encrypted'],
    ['has more files than entries', changed('PK\x05\x06', 10, [9, 9]), 'expected 2312 more files'],
    ['has no directory', changed('PK\x05\x06', 16, huge), "expected 1 more files in the zip archive's directory"],
    ['has text', made({ 'a.txt': npy }), 'expected files named .npy but received "a.txt"'],
    ['has no array', made({ 'a.npy': new Uint8Array(9) }), 'array "a": expected an .npy file'],
  ])('that %s: ERR_FORMAT', async (_, bytes, message) => {
    const error = await readNpz(bytes).catch((e) => e);
    expect(error).toBeInstanceOf(SteepestError);
    expect(error.code).toBe('ERR_FORMAT');
    expect(error.message).toContain(`readNpz: ${bytes.constructor.name}(${bytes.length}): ${message}`);
  });

  test('whose files share bytes: ERR_FORMAT, before they fill the memory', async () => {
    const one = made({ 'a.npy': npy });
    const [entry, end] = [one.indexOf('PK\x01\x02'), one.indexOf('PK\x05\x06')];
    const second = Buffer.from(one.subarray(entry, end));
    second.write('b', 46);
    const bytes = Buffer.concat([one.subarray(0, end), second, one.subarray(end)]);
    bytes.writeUInt16LE(2, bytes.length - 12);
    await expect(readNpz(bytes)).rejects.toThrow('expected files that do not share bytes');
    second.write('a', 46);
    second.copy(bytes, end);
    await expect(readNpz(bytes)).rejects.toThrow('file "a.npy" is there twice');
  });
});

describe('a damaged array', () => {
  const header = (text: string, data = 0, version = [1, 0]) => {
    const length = version[0] === 1 ? [text.length & 255, text.length >> 8] : [text.length, 0, 0, 0];
    return Buffer.concat([
      Buffer.from([0x93, ...Buffer.from('NUMPY'), ...version, ...length]),
      Buffer.from(text),
      Buffer.alloc(data),
    ]);
  };
  const said = (descr: string, order: string, shape: string) =>
    `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}}`;
  test.each<[string, Uint8Array, string]>([
    ['is empty', new Uint8Array(0), 'expected an .npy file, which begins with'],
    ['has version 4', header('{}', 0, [4, 0]), 'expected version 1.0, 2.0 or 3.0 but received 4.0'],
    ['ends in the header', header(said("'<f4'", 'False', '(1,)')).subarray(0, 40), 'expected a header of 55 bytes but'],
    ['ends before the header', header('').subarray(0, 9), 'expected a header but the file ends before'],
    [
      'has a long header',
      Buffer.from([...header('', 0, [2, 0]).subarray(0, 8), 0, 0, 0, 1]),
      'at most 65536 bytes but received 16777216',
    ],
    ['has text', header('hello'), 'expected a header { ... } of a dictionary but received "hello"'],
    ['has other keys', header("{'a': 1}"), "expected descr, fortran_order, shape but received the key 'a'"],
    ['has a key twice', header("{'descr': '<f4', 'descr': '<f4'}"), "the key 'descr' is there twice"],
    ['lacks a key', header("{'descr': '<f4'}"), "expected the key 'shape' in the header"],
    ['is a record', header(said("[('a', '<f4')]", 'False', '(1,)')), "expected 'key': value with a number's type but"],
    ['has Python in it', header(said("'<f4'", 'f()', '(1,)')), "expected 'key': value with a number's type but"],
    [
      'has another order',
      header(said("'<f4'", 'Maybe', '(1,)')),
      `expected other values for 'fortran_order' than "Maybe"`,
    ],
    [
      'has a negative size',
      header(said("'<f4'", 'False', '(-1,)')),
      `expected at most 64 sizes for 'shape' but received "(-1,)"`,
    ],
    ['has a fraction', header(said("'<f4'", 'False', '(1.5,)')), "expected at most 64 sizes for 'shape'"],
    ['has 65 sizes', header(said("'<f4'", 'False', `(${'1,'.repeat(65)})`)), 'expected at most 64 sizes'],
    ['has a huge size', header(said("'<f4'", 'False', '(9999999999999999,)')), 'expected at most 64 sizes'],
    ['has a huge shape', header(said("'<f4'", 'False', '(4294967296, 4294967296)'), 4), 'but received 4'],
    ['is cut off', header(said("'<f4'", 'False', '(2,)'), 7), 'expected 8 bytes for float32 [2] but received 7'],
    ['is too long', header(said("'<f4'", 'False', '(2,)'), 9), 'expected 8 bytes for float32 [2] but received 9'],
    ['has unknown numbers', header(said("'<f3'", 'False', '(2,)'), 6), 'received descr "<f3"'],
  ])('that %s: ERR_FORMAT', async (_, bytes, message) => {
    const error = await readNpy(bytes).catch((e) => e);
    expect(error).toBeInstanceOf(SteepestError);
    expect(error.code).toBe('ERR_FORMAT');
    expect(error.message).toContain(message);
  });

  test.each(Object.entries(golden.others))('of %s: ERR_FORMAT', async (_, file) => {
    await expect(readNpy(bytesOf(file))).rejects.toMatchObject({ code: 'ERR_FORMAT' });
  });

  test('what Python 2 and others write is read', async () => {
    const old = header(` { "shape" : ( 2L , 1L ) ,"fortran_order":False,'descr':'<f4'}`, 8);
    expect((await readNpy(old)).shape).toEqual([2, 1]);
  });
});

test.each<[string, unknown, string]>([
  ['a wrong shape', { shape: [3], data: new Float32Array(2) }, 'encodeNpy: shape [3] does not fit 2 values'],
  ['a wrong type', { shape: [2], data: new Float32Array(2), dtype: 'int8' }, 'expected a Int8Array for int8 for data'],
  ['an unknown type', { shape: [2], data: new Float32Array(2), dtype: 'float33' }, "(did you mean 'float32'?)"],
  ['a list', { shape: [2], data: [1, 2] }, 'expected a typed array of numbers for data but received [1, 2]'],
  ['no shape', { data: new Float32Array(2) }, 'expected an array of at most 64 sizes for shape but received undefined'],
  ['nothing', undefined, 'expected an object { shape, data } for array but received undefined'],
])('%s cannot be written', (_, array, message) => {
  expect(() => encodeNpy(array as never)).toThrow(message);
  if (array) expect(() => encodeNpz({ a: array as never })).toThrow(message.replace('encodeNpy', 'encodeNpz: "a"'));
});

test('unknown options of an archive throw', () => {
  expect(() => encodeNpz({}, { compress: true } as never)).toThrow(
    "unknown option 'compress' (did you mean 'compressed'?)",
  );
});
