/** What a node of an ONNX file says, and the constants of its graph: read with checks, for messages that name the node. */

import { FormatFailure, quoted } from '../../failure.js';
import * as numbers from '../../numbers.js';
import { ATTRIBUTE, ELEMENT } from './graph-builder.js';
import type { AttributeProto, NodeProto, TensorProto } from './onnx_pb.js';

export interface Constant {
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

/** The number that a 64-bit one is; a FormatFailure where it is none. */
function whole(name: string, value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new FormatFailure(`expected a smaller whole number for ${name}`);
  return number;
}

/** A tensor of float32 (float64, float16: rounded to it, or exact) or int64. */
export function readTensor({
  name,
  dims,
  dataType,
  rawData,
  floatData,
  int64Data,
  dataLocation,
}: TensorProto): Constant {
  const fail = (message: string) => new FormatFailure(`tensor ${quoted(name)}: ${message}`);
  if (dataLocation !== 0) throw fail('its values are in another file');
  const shape = dims.map((size) => whole('a size', size));
  if (shape.some((size) => size < 0)) throw fail('expected sizes >= 0');
  const size = { [ELEMENT.float]: 4, [ELEMENT.int64]: 8, [ELEMENT.float16]: 2, [ELEMENT.double]: 8 }[dataType];
  if (size === undefined) throw fail(`expected float, float16, double or int64 but received type ${dataType}`);
  const count = numbers.countOf(shape);
  const listed = dataType === ELEMENT.float ? floatData : dataType === ELEMENT.int64 ? int64Data : [];
  const found = rawData.length > 0 ? rawData.length / size : listed.length;
  if (found !== count) throw fail(`expected ${count} values for [${shape.join(', ')}] but received ${found}`);
  if (rawData.length === 0) return { shape, values: listedValues(dataType, listed) };
  switch (dataType) {
    case ELEMENT.int64:
      return { shape, values: numbers.fromBytes(rawData, BigInt64Array) };
    case ELEMENT.double:
      return { shape, values: Float32Array.from(numbers.fromBytes(rawData, Float64Array)) };
    case ELEMENT.float16:
      return { shape, values: numbers.fromHalf(numbers.fromBytes(rawData, Uint16Array)) };
    default:
      return { shape, values: numbers.fromBytes(rawData, Float32Array) };
  }
}

function listedValues(dataType: number, listed: readonly (number | bigint)[]): Float32Array | BigInt64Array {
  if (dataType === ELEMENT.int64) return BigInt64Array.from(listed as bigint[]);
  return Float32Array.from(listed as number[]);
}

/** A float32 as it was meant: the shortest decimal number that is rounded to it. 1e-5, not 0.000009999999747378752. */
export function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** The attributes of a node. What is asked for is checked; what is there and was never asked for is an error: see `done`. */
export class Attributes {
  readonly #left: Map<string, AttributeProto>;
  constructor({ attribute }: NodeProto) {
    this.#left = new Map(attribute.map((entry) => [entry.name, entry]));
  }

  #take(name: string, type: number): AttributeProto | undefined {
    const found = this.#left.get(name);
    this.#left.delete(name);
    if (found !== undefined && found.type !== type) throw new FormatFailure(`expected another type for ${name}`);
    return found;
  }

  int(name: string, otherwise: number): number {
    const found = this.#take(name, ATTRIBUTE.int);
    return found === undefined ? otherwise : whole(name, found.i);
  }

  float(name: string, otherwise: number): number {
    const found = this.#take(name, ATTRIBUTE.float);
    return found === undefined ? otherwise : shortest(found.f);
  }

  ints(name: string, otherwise: readonly number[]): readonly number[] {
    const found = this.#take(name, ATTRIBUTE.ints);
    return found === undefined ? otherwise : found.ints.map((value) => whole(name, value));
  }

  string(name: string, otherwise: string): string {
    const found = this.#take(name, ATTRIBUTE.string);
    return found === undefined ? otherwise : Buffer.from(found.s).toString('latin1');
  }

  tensor(name: string): Constant | undefined {
    const found = this.#take(name, ATTRIBUTE.tensor);
    return found?.t === undefined ? undefined : readTensor(found.t);
  }

  /** Takes attributes that must be 0, or not there. */
  zeros(...names: readonly string[]): void {
    for (const name of names) if (this.int(name, 0) !== 0) throw new FormatFailure(`expected 0 for ${name}`);
  }

  /** All numbers of a list are one number: windows are square here, and steps and borders the same both ways. */
  same(name: string, otherwise: readonly number[]): number {
    const values = this.ints(name, otherwise);
    const [first = Number.NaN] = values;
    if (values.length > 4 || !values.every((value) => value === first))
      throw new FormatFailure(`expected one number for all of ${name} but received [${values.slice(0, 8).join(', ')}]`);
    return first;
  }

  done(): void {
    for (const name of this.#left.keys()) throw new FormatFailure(`the attribute ${quoted(name)} is not known`);
  }
}
