/** Memory of the reference backend: a typed array for each storage. */
import { checkInteger, SteepestError, wrongRange, wrongType } from '../../errors.js';
import type { Precision, Storage, TypedArray } from '../backend.js';
import type { DType } from '../kernels.js';

const arrayTypes = { i32: Int32Array, u16: Uint16Array, u8: Uint8Array };
type ArrayType =
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | Int32ArrayConstructor
  | Uint16ArrayConstructor
  | Uint8ArrayConstructor;

/** The array type that holds elements of `dtype`. */
export function arrayType(dtype: DType, precision: Precision): ArrayType {
  if (dtype !== 'real') return arrayTypes[dtype];
  return precision === 'float32' ? Float32Array : Float64Array;
}

function isTypedArray(value: unknown): value is TypedArray {
  return [Float32Array, Float64Array, Int32Array, Uint16Array, Uint8Array].some((type) => value instanceof type);
}

let versions = 0;

export class ReferenceStorage implements Storage {
  readonly length: number;
  /** Another number after each change, and in each storage. */
  version = ++versions;
  #values: TypedArray | undefined;

  constructor(
    readonly dtype: DType,
    readonly precision: Precision,
    length: number,
  ) {
    this.length = checkInteger('allocate', 'length', length);
    try {
      this.#values = new (arrayType(dtype, precision))(length);
    } catch (cause) {
      throw new SteepestError('ERR_DEVICE_OOM', `reference: no room for ${length} elements of ${dtype}`, { cause });
    }
  }

  /** The elements themselves. */
  get values(): TypedArray {
    if (this.#values === undefined) throw new SteepestError('ERR_DISPOSED', 'storage: used after dispose()');
    return this.#values;
  }

  write(source: TypedArray, offset = 0): void {
    const { values } = this;
    this.#checkRange('write', 'source', source, offset);
    values.set(source, offset);
    this.changed();
  }

  /** Whoever writes to the values says so. */
  changed(): void {
    this.version = ++versions;
  }

  read(target: TypedArray, offset = 0): void {
    const { values } = this;
    this.#checkRange('read', 'target', target, offset);
    target.set(values.subarray(offset, offset + target.length));
  }

  dispose(): void {
    this.#values = undefined;
  }

  #checkRange(method: string, name: string, array: unknown, offset: number): void {
    const where = `storage.${method}`;
    if (!isTypedArray(array)) throw wrongType(where, name, 'a typed array', array);
    checkInteger(where, 'offset', offset);
    if (offset + array.length > this.length)
      throw wrongRange(
        where,
        name,
        `at most ${Math.max(0, this.length - offset)} elements at offset ${offset} of ${this.length}`,
        array,
      );
  }
}

/** The values of a storage bound to a run; throws unless it is the reference backend's own, of these types and alive. */
export function valuesOf(where: string, storage: Storage, dtype: DType, precision: Precision): TypedArray {
  if (!(storage instanceof ReferenceStorage))
    throw wrongType(where, 'regions', 'storages of the reference backend', storage);
  if (storage.dtype !== dtype) throw wrongType(where, 'regions', `elements of type '${dtype}'`, storage.dtype);
  if (dtype === 'real' && storage.precision !== precision)
    throw wrongType(where, 'regions', `elements of type '${precision}'`, storage.precision);
  return storage.values;
}
