/** Files of Hugging Face's own writer, byte for byte both ways; and files that lie. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SteepestError } from '../../lib/errors.js';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type SafetensorsTensor,
} from '../../lib/formats/safetensors.js';

const golden = JSON.parse(readFileSync(join(__dirname, '../golden/safetensors-file.json'), 'utf8'));
const file = Buffer.from(golden.file, 'base64');

describe('a file of Hugging Face', () => {
  test('is read: types, shapes, values, metadata', async () => {
    const { tensors, metadata } = await readSafetensors(file);
    expect(Object.keys(tensors).sort()).toEqual(golden.tensors.map(({ name }: { name: string }) => name).sort());
    for (const { name, shape, values } of golden.tensors)
      expect([name, tensors[name]!.shape, [...tensors[name]!.data].map(Number)]).toEqual([name, shape, values]);
    const classes = Object.fromEntries(Object.values(tensors).map(({ dtype, data }) => [dtype, data.constructor.name]));
    expect(classes).toEqual({
      ...{ F64: 'Float64Array', F32: 'Float32Array', F16: 'Float32Array', BF16: 'Float32Array' },
      ...{ I64: 'BigInt64Array', I32: 'Int32Array', I16: 'Int16Array', I8: 'Int8Array' },
      ...{ U8: 'Uint8Array', BOOL: 'Uint8Array' },
    });
    expect(Object.entries(metadata)).toEqual([
      ['made', 'by "hand"'],
      ['__proto__', 'a name'],
    ]);
    expect(Object.getPrototypeOf(tensors)).toBeNull();
  });

  test('is written, whatever the order of the tensors', () => {
    const { tensors, metadata } = decodeSafetensors(file);
    const turned = Object.assign(Object.create(null), Object.fromEntries(Object.entries(tensors).reverse()));
    expect(Buffer.from(encodeSafetensors(turned, metadata)).equals(file)).toBe(true);
  });

  test('may lie anywhere in memory; what was read is a copy', () => {
    const memory = new Uint8Array(file.length + 1);
    memory.set(file, 1);
    const { tensors } = decodeSafetensors(memory.subarray(1));
    memory.fill(0);
    expect([...tensors.double!.data]).toEqual([1.5, -2, 5e300]);
  });
});

test('halves round to the nearest, ties to even', () => {
  const values = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 1.5 * 2 ** -25, -0, Number.NaN, 2 ** -15];
  const write = (dtype: 'F16' | 'BF16', data: readonly number[]) =>
    decodeSafetensors(encodeSafetensors({ x: { dtype, shape: [data.length], data: Float32Array.from(data) } }));
  const infinity = Number.POSITIVE_INFINITY;
  expect([...write('F16', values).tensors.x!.data]).toEqual([
    ...[1, 1 + 2 ** -9, 65504, infinity, 0, 2 ** -24, -0, Number.NaN, 2 ** -15],
  ]);
  const wide = [1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, -0, Number.NaN, -infinity];
  expect([...write('BF16', wide).tensors.x!.data]).toEqual([1, 1 + 2 ** -6, infinity, -0, Number.NaN, -infinity]);
});

describe('a damaged file', () => {
  /** A file with this header and so many bytes behind it. */
  function made(header: string | Uint8Array, data = 0, length?: bigint): Buffer {
    const text = Buffer.from(header);
    const bytes = Buffer.alloc(8 + text.length + data);
    bytes.writeBigUInt64LE(length ?? BigInt(text.length));
    bytes.set(text, 8);
    return bytes;
  }
  const entry = (shape: string, offsets: string, dtype = '"F32"') =>
    `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
  const long = 'x'.repeat(1000);

  test.each<[string, Buffer, string]>([
    ['is empty', Buffer.alloc(0), "expected 8 bytes with the header's length but received 0"],
    ['ends in the header', made('{}', 0, 3n), 'expected a header of 3 bytes but the file has 2 left'],
    ['has a header beyond 2^53', made('{}', 0, 2n ** 64n - 1n), 'expected a header of at most 100000000 bytes'],
    ['has a header of text', made('hello'), `expected '{' at character 0 of the header but received "hello"`],
    ['is no UTF-8', made(Uint8Array.of(0x7b, 0xff, 0x7d)), 'expected a header in UTF-8'],
    ['has an open string', made('{"a'), 'expected the end of a string at character 3'],
    ['has a string that is none', made('{"\\x":1}'), 'expected a string of JSON at character 1'],
    ['has text behind the header', made('{}{}'), 'expected the end of the header at character 2'],
    ['is deep', made(`{"a":${'['.repeat(5000)}`), `tensor "a": expected '{' at character 5`],
    ['is deep in a shape', made(`{"a":{"shape":${'['.repeat(5000)}`), 'tensor "a": expected a whole number >= 0'],
    [
      'has too many sizes',
      made(`{"a":${entry(`[${Array(65).fill(1)}]`, '[0,4]')}}`, 4),
      'tensor "a": expected at most 64 numbers',
    ],
    ['has numbers as metadata', made('{"__metadata__":{"a":1}}'), `expected '"' at character 21`],
    ['has an unknown field', made('{"a":{"type":"F32"}}'), 'tensor "a": expected dtype, shape or data_offsets but'],
    ['lacks a field', made('{"a":{"dtype":"F32","shape":[1]}}', 4), 'tensor "a": expected dtype, shape and'],
    ['has an unknown type', made(`{"a":${entry('[1]', '[0,4]', '"F31"')}}`, 4), 'received "F31"'],
    ['has a type of every object', made(`{"a":${entry('[1]', '[0,4]', '"toString"')}}`, 4), 'received "toString"'],
    ...['1.5', '-1', '1e3', '9007199254740992', '"1"', 'null', '01', '1'.repeat(40)].map(
      (size): [string, Buffer, string] => [
        `has ${size} as a size`,
        made(`{"a":${entry(`[${size}]`, '[0,4]')}}`, 4),
        'tensor "a": expected a whole number >= 0 at character 29',
      ],
    ),
    ['has a third offset', made(`{"a":${entry('[1]', '[0,4,8]')}}`, 4), 'data_offsets [begin, end] but received [0, 4'],
    ['goes backwards', made(`{"a":${entry('[1]', '[4,0]')}}`, 4), 'data_offsets [begin, end] but received [4, 0]'],
    ['has a wrong size', made(`{"a":${entry('[2]', '[0,4]')}}`, 4), 'tensor "a": expected 8 bytes for F32 [2] but its'],
    [
      'has a huge shape',
      made(`{"a":${entry('[4294967296,4294967296,4294967296]', '[0,4]')}}`, 4),
      'tensor "a": expected 3.1691',
    ],
    ['ends in a tensor', made(`{"a":${entry('[2]', '[0,8]')}}`, 4), 'tensor "a": data_offsets [0, 8]: the file has 4'],
    ['begins with a gap', made(`{"a":${entry('[1]', '[4,8]')}}`, 8), 'tensor "a": data_offsets [4, 8]: 4 bytes before'],
    ['ends with a gap', made(`{"a":${entry('[1]', '[0,4]')}}`, 6), '2 bytes at the end belong to no tensor'],
    [
      'has tensors that overlap',
      made(`{"a":${entry('[2]', '[0,8]')},"b":${entry('[1]', '[4,8]')}}`, 8),
      'tensor "b": data_offsets [4, 8]: overlaps another tensor',
    ],
    [
      'has a tensor twice',
      made(`{"a":${entry('[1]', '[0,4]')},"a":${entry('[1]', '[0,4]')}}`, 4),
      '"a" is there twice',
    ],
    ['has a field twice', made('{"a":{"dtype":"F32","dtype":"F32"}}'), 'tensor "a": the name "dtype" is there twice'],
    ['has metadata twice', made('{"__metadata__":{},"__metadata__":{}}'), '"__metadata__" is there twice'],
    [
      'has a long name',
      made(`{"${long}":${entry('[1]', '[0,8]')}}`, 8),
      `tensor "${long.slice(0, 80)}...": expected 4`,
    ],
  ])('that %s: ERR_FORMAT says what is wrong', (_, bytes, message) => {
    const read = () => decodeSafetensors(bytes, { name: 'a.safetensors' });
    expect(read).toThrow(SteepestError);
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_FORMAT' }));
    expect(read).toThrow(/^readSafetensors: a\.safetensors: /);
    expect(read).toThrow(message);
  });

  test('keeps nothing that a name does to an object', () => {
    const bytes = made(`{"__proto__":${entry('[1]', '[0,4]')}}`, 4);
    const { tensors } = decodeSafetensors(bytes);
    expect(Object.keys(tensors)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });
});

describe('what cannot be written', () => {
  const data = Float32Array.of(1, 2);
  test.each<[string, Record<string, unknown>, string]>([
    ['has a wrong shape', { a: { dtype: 'F32', shape: [3], data } }, 'tensor "a": shape [3] does not fit 2 values'],
    [
      'has a wrong type',
      { a: { dtype: 'F64', shape: [2], data } },
      'expected a Float64Array for F64 for tensor "a": data',
    ],
    ['has an unknown type', { a: { dtype: 'F3', shape: [2], data } }, "(did you mean 'F32'?)"],
    ['has no sizes', { a: { dtype: 'F32', shape: [-2], data } }, 'expected an array of sizes for tensor "a": shape'],
    ['is no tensor', { a: 3 }, 'expected an object { dtype, shape, data } for tensor "a" but received 3'],
    ['has the name of metadata', { __metadata__: { dtype: 'F32', shape: [2], data } }, 'no tensor can be named'],
  ])('%s', (_, tensors, message) => {
    expect(() => encodeSafetensors(tensors as Record<string, SafetensorsTensor>)).toThrow(message);
  });
  test('metadata that are no strings', () => {
    expect(() => encodeSafetensors({}, { a: 1 } as never)).toThrow('expected a string for metadata "a" but received 1');
  });
});

test('a source of another kind is a TypeError; no file is an error of Node', async () => {
  await expect(readSafetensors(3 as never)).rejects.toThrow('expected a path, a file URL or a Uint8Array for source');
  await expect(readSafetensors(join(__dirname, 'none.safetensors'))).rejects.toMatchObject({ code: 'ENOENT' });
});
