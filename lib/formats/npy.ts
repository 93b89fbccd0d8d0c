/**
 * .npy, numpy's format for one array: a magic word, the format's version, the header's length, the header (a dictionary as Python writes it), then
 * the values. Source: numpy.lib.format, "Format version 1.0" to "3.0".
 */
import { eachColumnMajor } from '../data/axes.js';
import { type ByteSource, readSource, sourceName } from '../data/unpack.js';
import { checkOneOf, wrongShape, wrongType } from '../errors.js';
import { FormatFailure, naming, quoted } from '../failure.js';
import * as numbers from '../numbers.js';
import { parseNpyHeader } from './npy-header.js';

interface Type {
  /** Kind and bytes, as in a descr: '<f4' without the order of bytes. */
  readonly code: string;
  readonly array: numbers.NumberArrayType;
}

const TYPES = {
  float64: { code: 'f8', array: Float64Array },
  float32: { code: 'f4', array: Float32Array },
  float16: { code: 'f2', array: Uint16Array },
  int64: { code: 'i8', array: BigInt64Array },
  int32: { code: 'i4', array: Int32Array },
  int16: { code: 'i2', array: Int16Array },
  int8: { code: 'i1', array: Int8Array },
  uint64: { code: 'u8', array: BigUint64Array },
  uint32: { code: 'u4', array: Uint32Array },
  uint16: { code: 'u2', array: Uint16Array },
  uint8: { code: 'u1', array: Uint8Array },
  bool: { code: 'b1', array: Uint8Array },
} as const satisfies Record<string, Type>;

/** numpy's name of a type. */
export type NpyType = keyof typeof TYPES;
const typeNames = Object.keys(TYPES) as NpyType[];

/** An array: `data` has shape[0] * shape[1] * ... values, row-major. float16 is a Float32Array in memory, bool bytes of 0 and 1. */
export interface NpyArray {
  readonly dtype: NpyType;
  readonly shape: readonly number[];
  readonly data: numbers.NumberArray;
}

/** An array to be written: without `dtype`, as the type of its data. */
export type NpyInput = Omit<NpyArray, 'dtype'> & { readonly dtype?: NpyType };

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** numpy takes headers of up to 10,000 characters. */
const MOST_HEADER_BYTES = 1 << 16;

/** The array in the bytes of a file. Throws a FormatFailure. */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  const { header, data } = split(bytes);
  const { descr, fortranOrder, shape } = parseNpyHeader(header);
  const [, order, code] = /^([<>|=]?)(\w\d+)$/.exec(descr) ?? [];
  const dtype = typeNames.find((name) => TYPES[name].code === code);
  if (dtype === undefined)
    throw new FormatFailure(`expected numbers (${typeNames.join(', ')}) but received descr ${quoted(descr)}`);
  const { array } = TYPES[dtype] as Type;
  const wanted = numbers.countOf(shape) * array.BYTES_PER_ELEMENT;
  if (data.length !== wanted)
    throw new FormatFailure(`expected ${wanted} bytes for ${dtype} [${shape.join(', ')}] but received ${data.length}`);
  const stored = numbers.fromBytes(data, array, order !== '>');
  const values = dtype === 'float16' ? numbers.fromHalf(stored as Uint16Array) : stored;
  return { dtype, shape, data: fortranOrder ? rowMajor(values, shape) : values };
}

function split(bytes: Uint8Array): { header: string; data: Uint8Array } {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length)))
    throw new FormatFailure('expected an .npy file, which begins with \\x93NUMPY, but received other bytes');
  const [major, minor] = [bytes[6], bytes[7]];
  if (major === undefined || major < 1 || major > 3 || minor !== 0)
    throw new FormatFailure(`expected version 1.0, 2.0 or 3.0 but received ${major}.${minor}`);
  const begin = major === 1 ? 10 : 12;
  if (bytes.length < begin) throw new FormatFailure('expected a header but the file ends before');
  const view = new DataView(bytes.buffer, bytes.byteOffset, begin);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MOST_HEADER_BYTES)
    throw new FormatFailure(`expected a header of at most ${MOST_HEADER_BYTES} bytes but received ${length}`);
  if (length > bytes.length - begin)
    throw new FormatFailure(`expected a header of ${length} bytes but the file has ${bytes.length - begin} left`);
  const header = Buffer.from(bytes.subarray(begin, begin + length)).toString(major === 3 ? 'utf8' : 'latin1');
  return { header, data: bytes.subarray(begin + length) };
}

function rowMajor(values: numbers.NumberArray, shape: readonly number[]): numbers.NumberArray {
  const turned = values.slice();
  eachColumnMajor(shape, (to, from) => {
    turned[to] = values[from]!;
  });
  return turned;
}

/**
 * Reads an array of numbers that numpy.save wrote (.npy, versions 1 to 3, any order of bytes and dimensions), from a path or from memory.
 *
 * @param source a path, a file URL, or the file's bytes.
 * @returns numpy's type, the shape and the values, row-major. int64 and uint64 are BigInt64Array and BigUint64Array, float16 is a Float32Array.
 * @throws (rejects) SteepestError ERR_FORMAT, with the file and the reason, where the file is damaged or holds other things than numbers;
 *   TypeError where `source` is none of the three; Node's own error where the file cannot be read.
 * @example
 *   const [x, y] = await Promise.all([readNpy('x.npy'), readNpy('y.npy')]); // uint8 [rows, 28, 28, 1] and int64 [rows]
 *   await model.fit({ x: x.data, y: Int32Array.from(y.data, Number) });
 */
export async function readNpy(source: ByteSource): Promise<NpyArray> {
  const name = sourceName('readNpy', source);
  const bytes = await readSource(source);
  return naming('readNpy', name, () => decodeNpy(bytes));
}

/**
 * The bytes of an .npy file: those that numpy.save makes of such an array, row-major and little-endian.
 *
 * @param array values and their shape; `dtype`: float16 rounds a Float32Array, bool takes a Uint8Array. Default: the type of the data.
 * @throws TypeError on data of another type; RangeError (ERR_SHAPE) where the shape does not fit the data.
 * @example writeFileSync('x.npy', encodeNpy({ shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) }))
 */
export function encodeNpy(array: NpyInput): Uint8Array {
  return encode('encodeNpy', array);
}

/** `encodeNpy` for messages that begin with `where`. */
export function encode(where: string, array: NpyInput): Uint8Array {
  if (array === null || typeof array !== 'object') throw wrongType(where, 'array', 'an object { shape, data }', array);
  const { shape, data } = array;
  const dtype = typeFor(where, array);
  const { code } = TYPES[dtype];
  if (!Array.isArray(shape) || shape.length > 64 || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw wrongType(where, 'shape', 'an array of at most 64 sizes', shape);
  if (numbers.countOf(shape) !== data.length)
    throw wrongShape(where, `shape [${shape.join(', ')}] does not fit ${data.length} values`);
  const values = numbers.toBytes(dtype === 'float16' ? numbers.toHalf(data as Float32Array) : data);
  const descr = `${code.endsWith('1') ? '|' : '<'}${code}`;
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  // numpy leaves room for the first dimension to grow to 21 digits.
  const room = shape.length === 0 ? '' : ' '.repeat(21 - String(shape[0]).length);
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }${room}`;
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const head = Buffer.from([...MAGIC, 1, 0, length & 255, length >> 8]);
  return Buffer.concat([head, Buffer.from(`${dictionary.padEnd(length - 1)}\n`), values]);
}

function typeFor(where: string, { dtype, data }: NpyInput): NpyType {
  if (dtype === undefined) {
    const own = typeNames.find((name) => name !== 'float16' && data instanceof TYPES[name].array);
    if (own === undefined) throw wrongType(where, 'data', 'a typed array of numbers', data);
    return own;
  }
  checkOneOf(where, 'dtype', dtype, typeNames);
  const wanted = dtype === 'float16' ? Float32Array : TYPES[dtype].array;
  if (!(data instanceof wanted)) throw wrongType(where, 'data', `a ${wanted.name} for ${dtype}`, data);
  return dtype;
}
