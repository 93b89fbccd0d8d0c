/** Numbers as they lie in files: fixed sizes, in either order of bytes, halves of a float too. */

/** The kinds of numbers that typed arrays hold. */
export type NumberArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

export interface NumberArrayType<T extends NumberArray = NumberArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): T;
}

const HOST_IS_LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The numbers that `bytes` (whole ones) hold, in memory of their own. `little`: the lowest byte of each stands first. */
export function fromBytes<T extends NumberArray>(bytes: Uint8Array, type: NumberArrayType<T>, little = true): T {
  const copy = new Uint8Array(bytes);
  if (little !== HOST_IS_LITTLE) swap(copy, type.BYTES_PER_ELEMENT);
  return new type(copy.buffer);
}

/** The bytes of `data`: the same memory where its order is the host's. */
export function toBytes(data: NumberArray, little = true): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (little === HOST_IS_LITTLE || data.BYTES_PER_ELEMENT === 1) return bytes;
  const copy = new Uint8Array(bytes);
  swap(copy, data.BYTES_PER_ELEMENT);
  return copy;
}

/** Turns the bytes of each number round. */
function swap(bytes: Uint8Array, size: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 2) buffer.swap16();
  if (size === 4) buffer.swap32();
  if (size === 8) buffer.swap64();
}

/** How many numbers a shape has; 0 where a size is, however large the others. May be larger than any array: compare before allocating. */
export function countOf(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/** IEEE 754 binary16 (1 sign bit, 5 of the exponent, 10 behind the point) as float32: exact. */
export function fromHalf(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const [sign, exponent, part] = [half & 0x8000 ? -1 : 1, (half >> 10) & 31, half & 1023];
    if (exponent === 31) return part === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (exponent === 0 ? part * 2 ** -24 : (1 + part / 1024) * 2 ** (exponent - 15));
  });
}

/** The nearest binary16 of each value; a tie goes to the even one, what is too large to Infinity. */
export function toHalf(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => {
    const sign = (word >>> 16) & 0x8000;
    const exponent = ((word >>> 23) & 255) - 112;
    const part = word & 0x7fffff;
    if (exponent === 143) return sign | 0x7c00 | (part === 0 ? 0 : 0x200);
    if (exponent >= 31) return sign | 0x7c00;
    if (exponent < -10) return sign;
    return exponent > 0 ? sign | rounded((exponent << 23) | part, 13) : sign | rounded(part | 0x800000, 14 - exponent); // without a leading 1
  });
}

/** bfloat16, the upper half of a float32, as float32: exact. */
export function fromBfloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** The nearest bfloat16 of each value; a tie goes to the even one. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => ((word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 64 : rounded(word, 16)));
}

/** `word` without its last `bits` bits, to the nearest; a tie to the even one. */
function rounded(word: number, bits: number): number {
  const kept = word >>> bits;
  const rest = (word >>> 0) - kept * 2 ** bits;
  const tie = 2 ** (bits - 1);
  return kept + (rest > tie || (rest === tie && kept % 2 === 1) ? 1 : 0);
}
