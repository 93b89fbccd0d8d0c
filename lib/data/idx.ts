/**
 * IDX, the file format of MNIST: two zero bytes, a byte for the type, a byte for the rank, the dimensions as big-endian 32-bit numbers,
 * then the values, big-endian, row-major. Files may be packed by gzip or xz.
 * Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "The IDX file format".
 */
import { show, wrongFormat, wrongType } from '../errors.js';
import { fromBytes, type NumberArrayType, toBytes } from '../numbers.js';
import { type ByteSource, sourceName, unpack } from './unpack.js';

export type IdxArray = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** What an IDX file holds: `data` has shape[0] * shape[1] * ... values, the last dimension running fastest. */
export interface Idx {
  readonly shape: readonly number[];
  readonly data: IdxArray;
}

interface IdxType {
  readonly name: string;
  readonly bytes: number;
  readonly make: NumberArrayType<IdxArray>;
}

const TYPES: Readonly<Record<number, IdxType>> = {
  8: { name: 'u8', bytes: 1, make: Uint8Array },
  9: { name: 'i8', bytes: 1, make: Int8Array },
  11: { name: 'i16', bytes: 2, make: Int16Array },
  12: { name: 'i32', bytes: 4, make: Int32Array },
  13: { name: 'f32', bytes: 4, make: Float32Array },
  14: { name: 'f64', bytes: 8, make: Float64Array },
};

interface Header {
  readonly type: IdxType;
  readonly shape: readonly number[];
  readonly headerBytes: number;
  /** Header and values. */
  readonly totalBytes: number;
}

const hex = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`;
const format = (source: string, message: string) => wrongFormat('readIdx', `${source}: ${message}`);

/** Reads the header, or gives undefined where `bytes` (the start of the file) does not hold all of it yet. */
function parseHeader(source: string, bytes: Uint8Array): Header | undefined {
  if (bytes.length < 4) return undefined;
  const [zero, zeroToo, code, rank] = bytes as unknown as [number, number, number, number];
  if (zero !== 0 || zeroToo !== 0)
    throw format(source, `expected an IDX file to begin with two zero bytes but received ${hex(zero)} ${hex(zeroToo)}`);
  const type = TYPES[code];
  if (type === undefined) {
    const known = Object.entries(TYPES).map(([key, { name }]) => `${hex(Number(key))} (${name})`);
    throw format(source, `expected one of ${known.join(', ')} for the type but received ${hex(code)}`);
  }
  if (rank === 0) throw format(source, 'expected a rank >= 1 but received 0');
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const totalBytes = headerBytes + shape.reduce((product, size) => product * size, 1) * type.bytes;
  if (!Number.isSafeInteger(totalBytes))
    throw format(source, `expected dimensions whose product is a size a file can have but received ${show(shape)}`);
  return { type, shape, headerBytes, totalBytes };
}

const wanted = ({ totalBytes, shape, type }: Header) =>
  `expected ${totalBytes} bytes (${shape.join(' x ')} values of ${type.name})`;

/**
 * Collects what a file holds. Memory grows with the bytes that are really there, never with what a header or a packed
 * stream claims, and reading ends as soon as there are too many.
 */
async function collect(source: string, stream: AsyncIterable<Uint8Array>): Promise<{ header: Header; bytes: Buffer }> {
  let chunks: Uint8Array[] = [];
  let received = 0;
  let header: Header | undefined;
  for await (const chunk of stream) {
    chunks.push(chunk);
    received += chunk.length;
    if (header === undefined) {
      chunks = [Buffer.concat(chunks)];
      header = parseHeader(source, chunks[0]!);
    }
    if (header !== undefined && received > header.totalBytes)
      throw format(source, `${wanted(header)} but received at least ${received}: bytes follow the last value`);
  }
  if (header === undefined) throw format(source, `expected an IDX header but received ${received} bytes`);
  if (received < header.totalBytes)
    throw format(source, `${wanted(header)} but received ${received}: the file is truncated`);
  return { header, bytes: Buffer.concat(chunks) };
}

/**
 * Reads an IDX file, plain or packed by gzip or xz, from a path or from memory.
 *
 * @param source a path, a file URL, or the file's bytes.
 * @returns the dimensions and the values: Uint8Array, Int8Array, Int16Array, Int32Array, Float32Array or Float64Array, as the file says.
 * @throws SteepestError ERR_FORMAT where the file is no IDX file, of an unknown type, truncated, too long, or its packed stream is
 *   corrupt; TypeError where `source` is none of the three; Node's own error where the file cannot be read.
 * @example
 *   const { shape, data } = await readIdx('train-images-idx3-ubyte.gz'); // [60000, 28, 28], Uint8Array(47040000)
 */
export async function readIdx(source: ByteSource): Promise<Idx> {
  const { header, bytes } = await collect(sourceName('readIdx', source), unpack('readIdx', source));
  const { shape, type, headerBytes } = header;
  return { shape, data: fromBytes(bytes.subarray(headerBytes), type.make, false) };
}

/**
 * The bytes of an IDX file, not gzipped, that holds `data` in the given shape.
 *
 * @throws RangeError where the shape does not fit the data; TypeError where IDX has no type for the array.
 */
export function writeIdx(idx: Idx): Uint8Array {
  if (idx === null || typeof idx !== 'object')
    throw wrongType('writeIdx', 'its argument', 'an object { shape, data }', idx);
  const { shape, data } = idx;
  if (!Array.isArray(shape)) throw wrongType('writeIdx', 'shape', 'an array of sizes', shape);
  const entry = Object.entries(TYPES).find(([, { make }]) => data instanceof make);
  if (entry === undefined) throw wrongType('writeIdx', 'data', 'a typed array of u8, i8, i16, i32, f32 or f64', data);
  const code = Number(entry[0]);
  const count = shape.reduce((product, size) => product * size, 1);
  const whole = shape.every((size) => Number.isInteger(size) && size >= 0 && size < 2 ** 32);
  if (!whole || shape.length < 1 || shape.length > 255 || count !== data.length)
    throw new RangeError(`writeIdx: expected a shape of ${data.length} values for data but received ${show(shape)}`);
  const headerBytes = 4 + 4 * shape.length;
  const bytes = Buffer.alloc(headerBytes + data.byteLength);
  bytes[2] = code;
  bytes[3] = shape.length;
  for (const [axis, size] of shape.entries()) bytes.writeUInt32BE(size, 4 + 4 * axis);
  bytes.set(toBytes(data, false), headerBytes);
  return bytes;
}
