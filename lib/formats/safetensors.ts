/**
 * safetensors, Hugging Face's format for tensors by name: the header's length (8 bytes, little-endian), the header (JSON), then the tensors' bytes,
 * little-endian and row-major, one tensor after the other without gaps. Source: github.com/huggingface/safetensors, README, "Format".
 */
import { type ByteSource, readSource, sourceName } from '../data/unpack.js';
import { checkOneOf, wrongShape, wrongType } from '../errors.js';
import { FormatFailure, naming, quoted } from '../failure.js';
import * as numbers from '../numbers.js';
import { readHeader, type TensorEntry } from './safetensors-header.js';

interface Type {
  readonly array: numbers.NumberArrayType;
  /** Of numbers that no typed array holds: what they are in memory, and back. */
  readonly half?: { from(halves: Uint16Array): Float32Array; to(values: Float32Array): Uint16Array };
}

/** In the order in which Hugging Face's writer puts them: larger numbers first, so that each tensor begins at a multiple of its size. */
const TYPES = {
  U64: { array: BigUint64Array },
  I64: { array: BigInt64Array },
  F64: { array: Float64Array },
  F32: { array: Float32Array },
  U32: { array: Uint32Array },
  I32: { array: Int32Array },
  BF16: { array: Uint16Array, half: { from: numbers.fromBfloat16, to: numbers.toBfloat16 } },
  F16: { array: Uint16Array, half: { from: numbers.fromHalf, to: numbers.toHalf } },
  U16: { array: Uint16Array },
  I16: { array: Int16Array },
  I8: { array: Int8Array },
  U8: { array: Uint8Array },
  BOOL: { array: Uint8Array },
} as const satisfies Record<string, Type>;

export type SafetensorsType = keyof typeof TYPES;
const typeNames = Object.keys(TYPES) as SafetensorsType[];
const typeOf = (dtype: SafetensorsType): Type => TYPES[dtype];

/** A tensor: `data` has shape[0] * shape[1] * ... values, row-major. F16 and BF16 are Float32Arrays in memory, BOOL bytes of 0 and 1. */
export interface SafetensorsTensor {
  readonly dtype: SafetensorsType;
  readonly shape: readonly number[];
  readonly data: numbers.NumberArray;
}

/** What a file holds. Neither object has a prototype: any name is just a name. */
export interface Safetensors {
  readonly tensors: Readonly<Record<string, SafetensorsTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const METADATA = '__metadata__';

/**
 * The bytes of a safetensors file: those that Hugging Face's writer makes, whatever the order of the tensors.
 *
 * @param tensors by name. `dtype` says how numbers are kept: F16 and BF16 round Float32Arrays to the nearest.
 * @param metadata strings by name, kept in the header.
 * @throws TypeError, RangeError on a type without such data; RangeError (ERR_SHAPE) where a shape does not fit its data.
 * @example
 *   encodeSafetensors({ w: { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) } }, { made: 'by hand' })
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, SafetensorsTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return Buffer.concat(safetensorsPieces(tensors, metadata));
}

/** The same bytes in pieces: the header with its length, then those of each tensor, which are its own memory where that lies as the file wants it. */
export function safetensorsPieces(
  tensors: Readonly<Record<string, SafetensorsTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const where = 'encodeSafetensors';
  if (tensors === null || typeof tensors !== 'object') throw wrongType(where, 'tensors', 'tensors by name', tensors);
  checkMetadata(where, metadata);
  const all = Object.entries(tensors).map(([name, tensor]) => ({ name, ...checkTensor(where, name, tensor) }));
  all.sort((a, b) => typeNames.indexOf(a.dtype) - typeNames.indexOf(b.dtype) || (a.name < b.name ? -1 : 1));
  const members = Object.keys(metadata).length > 0 ? [member(METADATA, metadata)] : [];
  let end = 0;
  for (const { name, dtype, shape, bytes } of all) {
    const begin = end;
    end += bytes.length;
    members.push(member(name, { dtype, shape, data_offsets: [begin, end] }));
  }
  const json = Buffer.from(`{${members.join()}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return [header, ...all.map(({ bytes }) => bytes)];
}

const member = (name: string, value: object) => `${JSON.stringify(name)}:${JSON.stringify(value)}`;

function checkMetadata(where: string, metadata: unknown): void {
  if (metadata === null || typeof metadata !== 'object')
    throw wrongType(where, 'metadata', 'strings by name', metadata);
  for (const [name, value] of Object.entries(metadata))
    if (typeof value !== 'string') throw wrongType(where, `metadata ${quoted(name)}`, 'a string', value);
}

function checkTensor(where: string, name: string, tensor: SafetensorsTensor) {
  const label = `tensor ${quoted(name)}`;
  if (name === METADATA) throw new RangeError(`${where}: no tensor can be named ${METADATA}`);
  if (tensor === null || typeof tensor !== 'object')
    throw wrongType(where, label, 'an object { dtype, shape, data }', tensor);
  const dtype = checkOneOf(where, `${label}: dtype`, tensor.dtype, typeNames);
  const { array, half } = typeOf(dtype);
  const { shape, data } = tensor;
  const wanted = half === undefined ? array : Float32Array;
  if (!(data instanceof wanted)) throw wrongType(where, `${label}: data`, `a ${wanted.name} for ${dtype}`, data);
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw wrongType(where, `${label}: shape`, 'an array of sizes', shape);
  if (numbers.countOf(shape) !== data.length)
    throw wrongShape(where, `${label}: shape [${shape.join(', ')}] does not fit ${data.length} values`);
  const stored = half === undefined ? data : half.to(data as Float32Array);
  return { dtype, shape, bytes: numbers.toBytes(stored) };
}

export interface DecodeSafetensorsOptions {
  /** What messages call the file. Default 'bytes'. */
  readonly name?: string;
  /** What messages begin with. Default 'readSafetensors'. */
  readonly where?: string;
}

/**
 * The tensors and metadata of a safetensors file in memory. Values are copies.
 *
 * @throws SteepestError ERR_FORMAT, with the file's name, the tensor and the reason, where the file is not just what the format says: the header is
 *   cut off, above 100 MB or no such JSON, a name is there twice, a type is unknown, or the tensors do not fill the rest without gap or overlap.
 */
export function decodeSafetensors(bytes: Uint8Array, options: DecodeSafetensorsOptions = {}): Safetensors {
  const { name = 'bytes', where = 'readSafetensors' } = options;
  if (!(bytes instanceof Uint8Array)) throw wrongType(where, 'bytes', 'a Uint8Array', bytes);
  return naming(where, name, () => {
    const { entries, metadata, data } = readHeader(bytes, sizeOf);
    const tensors: Record<string, SafetensorsTensor> = Object.create(null);
    for (const [key, entry] of entries) tensors[key] = readTensor(data, entry);
    return { tensors, metadata };
  });
}

function sizeOf(dtype: string): number {
  if (!Object.hasOwn(TYPES, dtype))
    throw new FormatFailure(`expected one of ${typeNames.join(', ')} for dtype but received ${quoted(dtype)}`);
  return typeOf(dtype as SafetensorsType).array.BYTES_PER_ELEMENT;
}

function readTensor(data: Uint8Array, { dtype, shape, begin, end }: TensorEntry): SafetensorsTensor {
  const { array, half } = typeOf(dtype as SafetensorsType);
  const stored = numbers.fromBytes(data.subarray(begin, end), array);
  return {
    dtype: dtype as SafetensorsType,
    shape,
    data: half === undefined ? stored : half.from(stored as Uint16Array),
  };
}

/**
 * Reads a safetensors file, from a path or from memory.
 *
 * @param source a path, a file URL, or the file's bytes.
 * @returns tensors and metadata by name. F32 is a Float32Array, F16 and BF16 too; I64 a BigInt64Array; BOOL a Uint8Array, and so on.
 * @throws (rejects) SteepestError ERR_FORMAT, with file, tensor and reason, where the file is damaged; TypeError where `source` is none of the
 *   three; Node's own error where the file cannot be read.
 * @example
 *   const { tensors, metadata } = await readSafetensors('model.safetensors');
 *   tensors['fc1.weight']; // { dtype: 'F32', shape: [128, 784], data: Float32Array(100352) }
 */
export async function readSafetensors(source: ByteSource): Promise<Safetensors> {
  const name = sourceName('readSafetensors', source);
  return decodeSafetensors(await readSource(source), { name });
}
