/**
 * MAT-files of level 5, which MATLAB (save -v6 and -v7), Octave (save -v7) and scipy.io.savemat write: a header of 128 bytes, then an element
 * for each variable, perhaps compressed. Source: MathWorks, "MAT-File Format". Numbers are kept column-major there, in any type they fit.
 */
import { createInflate } from 'node:zlib';
import { show, wrongType } from '../errors.js';
import { FormatFailure, renamed } from '../failure.js';
import { eachColumnMajor } from './axes.js';
import { type ByteSource, readSource, sourceName } from './unpack.js';

export type MatNumbers =
  | Float64Array
  | Float32Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** A matrix of numbers: `data` has shape[0] * shape[1] * ... values, row-major (the last dimension running fastest), whatever the file has. */
export interface MatArray {
  readonly shape: readonly number[];
  readonly data: MatNumbers;
}

type Read = (view: DataView, at: number, little: boolean) => number;
interface NumberType {
  readonly bytes: number;
  readonly read: Read;
}
const safe = (value: bigint) => Number(value);

/** How numbers lie in the file. */
const STORED: Readonly<Record<number, NumberType>> = {
  1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  2: { bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  4: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  5: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  6: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  7: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  9: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
  12: { bytes: 8, read: (view, at, little) => safe(view.getBigInt64(at, little)) },
  13: { bytes: 8, read: (view, at, little) => safe(view.getBigUint64(at, little)) },
};
const MATRIX = 14;
const COMPRESSED = 15;

/** Classes of matrices of numbers. int64 and uint64 become float64: exact up to 2^53. */
const CLASSES: Readonly<Record<number, new (length: number) => MatNumbers>> = {
  6: Float64Array,
  7: Float32Array,
  8: Int8Array,
  9: Uint8Array,
  10: Int16Array,
  11: Uint16Array,
  12: Int32Array,
  13: Uint32Array,
  14: Float64Array,
  15: Float64Array,
};
const OTHERS: Readonly<Record<number, string>> = {
  1: 'a cell array',
  2: 'a struct',
  3: 'an object',
  4: 'text',
  5: 'sparse',
};
const COMPLEX = 0x800;
/** Dimensions of a matrix. */
const MOST_SIZES = 64;

interface Element {
  readonly type: number;
  /** Offset and length of what it holds. */
  readonly at: number;
  readonly bytes: number;
  readonly next: number;
}

/** A run of elements in memory. */
class Elements {
  readonly view: DataView;
  constructor(
    readonly bytes: Uint8Array,
    readonly little: boolean,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** The element at `at`, of a whole that ends at `end`. Small ones have type and length in 4 bytes, and up to 4 bytes beside them. */
  element(at: number, end: number): Element {
    this.#need(at, 8, end);
    const word = this.view.getUint32(at, this.little);
    const small = word >>> 16;
    if (small > 0) {
      if (small > 4)
        throw new FormatFailure(`expected a small element of at most 4 bytes at byte ${at} but received ${small}`);
      return { type: word & 0xffff, at: at + 4, bytes: small, next: at + 8 };
    }
    const bytes = this.view.getUint32(at + 4, this.little);
    this.#need(at + 8, bytes, end);
    const padded = word === COMPRESSED ? bytes : Math.ceil(bytes / 8) * 8;
    return { type: word, at: at + 8, bytes, next: Math.min(at + 8 + padded, end) };
  }

  /** At most `most` numbers: few. */
  numbers({ type, at, bytes }: Element, most: number): number[] {
    const stored = STORED[type];
    if (stored === undefined) throw new FormatFailure(`expected numbers at byte ${at} but received type ${type}`);
    if (bytes > most * stored.bytes)
      throw new FormatFailure(
        `expected at most ${most} numbers at byte ${at} but received ${bytes} bytes of type ${type}`,
      );
    return Array.from({ length: bytes / stored.bytes }, (_, i) =>
      stored.read(this.view, at + i * stored.bytes, this.little),
    );
  }

  #need(at: number, bytes: number, end: number): void {
    if (at + bytes > end)
      throw new FormatFailure(`expected ${bytes} bytes at byte ${at} but ${Math.max(0, end - at)} are left`);
  }
}

/** A variable: its values, or why there are none. */
type Variable = { readonly name: string } & ({ readonly array: MatArray } | { readonly other: string });

function readVariable(elements: Elements, { at, bytes }: Element): Variable {
  const end = at + bytes;
  const flags = elements.element(at, end);
  const sizes = elements.element(flags.next, end);
  const title = elements.element(sizes.next, end);
  const [word = 0] = elements.numbers(flags, 2);
  const shape = elements.numbers(sizes, MOST_SIZES);
  const name = Buffer.from(elements.bytes.subarray(title.at, title.at + title.bytes)).toString('latin1');
  const type = CLASSES[word & 0xff];
  if (type === undefined) return { name, other: OTHERS[word & 0xff] ?? 'of an unknown class' };
  if (word & COMPLEX) return { name, other: 'complex' };
  if (shape.length < 2 || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new FormatFailure(`variable '${name}': expected two whole sizes or more but received ${show(shape)}`);
  const values = elements.element(title.next, end);
  const stored = STORED[values.type];
  const count = shape.reduce((product, size) => product * size, 1);
  if (stored === undefined || values.bytes !== count * stored.bytes)
    throw new FormatFailure(
      `variable '${name}': expected ${count} values (${shape.join(' x ')}) but received ${values.bytes} bytes of type ${values.type}`,
    );
  return { name, array: { shape, data: rowMajor(elements, values, stored, shape, new type(count)) } };
}

/** Reads values that lie column after column into `data`, row after row. */
function rowMajor(
  elements: Elements,
  { at }: Element,
  { bytes, read }: NumberType,
  shape: readonly number[],
  data: MatNumbers,
): MatNumbers {
  const { view, little } = elements;
  eachColumnMajor(shape, (to, from) => {
    data[to] = read(view, at + from * bytes, little);
  });
  return data;
}

/** Where the elements begin, and in which order their bytes lie. */
function readHeader(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.subarray(0, 128)).toString('latin1');
  if (text.startsWith('MATLAB 7.3') || text.startsWith('\x89HDF'))
    throw new FormatFailure('expected a MAT-file of level 5 but received one of MATLAB 7.3 (HDF5); save it with -v7');
  const order = text.slice(126, 128);
  if (bytes.length < 128 || (order !== 'IM' && order !== 'MI'))
    throw new FormatFailure(`expected a MAT-file of level 5, with IM or MI at byte 126, but received ${show(order)}`);
  return order === 'IM';
}

/** A compressed element, which tells its own size first: no more than that is kept. */
async function inflated(packed: Uint8Array, little: boolean): Promise<Uint8Array> {
  const stream = createInflate({ chunkSize: 1 << 16 });
  stream.end(packed);
  let chunks: Uint8Array[] = [];
  let [bytes, most] = [0, Number.POSITIVE_INFINITY];
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (most === Number.POSITIVE_INFINITY) {
      chunks = [Buffer.concat(chunks)];
      if (bytes >= 8) most = 8 + Math.ceil(new Elements(chunks[0]!, little).view.getUint32(4, little) / 8) * 8;
    }
    if (bytes > most) throw new Error(`it says ${most} bytes but has more`);
  }
  return Buffer.concat(chunks);
}

async function readVariables(bytes: Uint8Array): Promise<Variable[]> {
  const little = readHeader(bytes);
  const whole = new Elements(bytes, little);
  const found: Variable[] = [];
  for (let at = 128; at < bytes.length; ) {
    const element = whole.element(at, bytes.length);
    at = element.next;
    if (element.type === MATRIX) found.push(readVariable(whole, element));
    if (element.type !== COMPRESSED) continue;
    const packed = bytes.subarray(element.at, element.at + element.bytes);
    const plain = await inflated(packed, little).catch((error: Error) => {
      const why = `expected a compressed variable at byte ${element.at} but received a broken one: ${error.message}`;
      throw new FormatFailure(why);
    });
    const inside = new Elements(plain, little);
    const matrix = inside.element(0, plain.length);
    if (matrix.type === MATRIX) found.push(readVariable(inside, matrix));
  }
  return found;
}

/**
 * Reads the matrices of numbers from a MAT-file of level 5, from a path or from memory: full, real ones of any numeric class, and logical ones (0
 * and 1). Variables of other kinds are passed over, unless they are asked for.
 *
 * @param source a path, a file URL, or the file's bytes.
 * @param variables those that must be there: the result then has these alone. Default: all there are.
 * @returns each variable's dimensions and values, in the file's order, by name. Values are row-major: [1 2; 3 4] is 1, 2, 3, 4.
 * @throws SteepestError ERR_FORMAT where the file is none of level 5, broken or truncated, or has not what was asked for; TypeError where
 *   `source` is none of the three; Node's own error where the file cannot be read.
 * @example
 *   const { shape, data } = (await readMat('mnist-demo.mat')).get('Z'); // [2000, 784], Float64Array(1568000)
 */
export async function readMat(
  source: ByteSource,
  variables?: readonly string[],
): Promise<ReadonlyMap<string, MatArray>> {
  const name = sourceName('readMat', source);
  if (variables !== undefined && !(Array.isArray(variables) && variables.every((name) => typeof name === 'string')))
    throw wrongType('readMat', 'variables', 'an array of names', variables);
  try {
    const found = await readVariables(await readSource(source));
    const arrays = new Map(found.flatMap((variable) => ('array' in variable ? [[variable.name, variable.array]] : [])));
    if (variables === undefined) return arrays;
    return new Map(variables.map((wanted) => [wanted, arrays.get(wanted) ?? missing(wanted, found)]));
  } catch (error) {
    throw renamed('readMat', name, error);
  }
}

function missing(wanted: string, found: readonly Variable[]): never {
  const list = found.map((variable) => `'${variable.name}'${'other' in variable ? ` (${variable.other})` : ''}`);
  throw new FormatFailure(`expected a full real matrix '${wanted}' but found ${list.join(', ') || 'no variable'}`);
}
