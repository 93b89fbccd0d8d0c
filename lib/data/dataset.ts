/**
 * Data in memory, and what training makes of it. A data set is `{ x, y }`: the inputs row after row, and one label or one row of
 * targets for each. Here it is checked, once and whole, and brought into the few forms the engine knows:
 *
 *     x   u8 (pixels; the engine computes value / 255 as it gathers a batch) or real
 *     y   labels 0 .. classes-1 (i32), or rows of targets (real), or both
 *
 * Nothing is copied where the caller's memory already has such a form.
 */
import { show, wrongRange, wrongShape, wrongType } from '../errors.js';
import { readWeights } from './weights.js';

/** Typed arrays that hold data. Uint8Array inputs are pixels: the network sees value / 255. All others count as they are. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;
export type NestedNumbers = readonly (number | NumericArray | NestedNumbers)[];
export type DataValues = NumericArray | NestedNumbers;

/** Examples in memory. */
export interface Dataset {
  /** [rows, ...inputShape], row-major; flat, or an array of rows. */
  readonly x: DataValues;
  /** Labels (whole numbers, one a row), or targets [rows, outputs] (Float32Array, Float64Array, or an array of rows). */
  readonly y: DataValues;
  /** How much each row counts in the mean loss, sum_i w_i loss_i / sum_i w_i: one number >= 0 a row. Default: all the same. */
  readonly sampleWeights?: NumericArray | readonly number[];
  /** What readers know besides; training does not look at it. */
  readonly shape?: readonly number[];
  readonly classes?: number;
}

/** Images in memory with a class for each: a data set. */
export interface LabelledImages {
  /** count * height * width * channels bytes: image after image, row after row, the channels of a pixel together; 255 is full. */
  readonly x: Uint8Array;
  /** `count` classes, 0 .. classes - 1. */
  readonly y: Uint8Array;
  readonly count: number;
  /** Of one image: [height, width, channels]. */
  readonly shape: readonly [number, number, number];
  readonly classes: number;
}

/** Batches that come one by one: each is a training step. A pipeline of batches is such a stream. */
export type BatchStream = AsyncIterable<Dataset> | Iterable<Dataset>;
/** A function is called once for every epoch, with the number of epochs that the model has been trained before. */
export type Data = Dataset | BatchStream | ((epoch: number) => BatchStream | Promise<BatchStream>);

/** Inputs in a form the engine takes. */
export interface Inputs {
  readonly rows: number;
  readonly kind: 'real' | 'u8';
  readonly values: Float32Array | Float64Array | Uint8Array;
}

/** Targets in a form the engine takes: `labels` for losses over classes and for accuracy, `values` for losses over numbers. */
export interface Targets {
  readonly labels?: Int32Array;
  readonly values?: Float32Array | Float64Array;
}

/**
 * What a loss takes. 'classes': labels alone. 'signs': labels, or rows of targets +1 and -1. 'numbers': labels (as rows of 0 and 1), or
 * rows of any numbers.
 */
export type TargetKind = 'classes' | 'signs' | 'numbers';

export interface Examples {
  readonly rows: number;
  readonly inputs: Inputs;
  readonly targets: Targets;
  /** Of the rows, relative to their mean: see weights.ts. */
  readonly weights?: Float64Array | undefined;
}

/** What a network expects of its data. */
export interface DataShape {
  readonly inputShape: readonly number[];
  readonly outputs: number;
  readonly targets: TargetKind;
}

const streamHint = 'a data set { x, y }, an iterable of batches or a function that returns one';

/** Tells a data set from a stream of batches; TypeError for anything else. */
export function isStream(where: string, data: unknown): data is Exclude<Data, Dataset> {
  if (typeof data === 'function') return true;
  if (data === null || typeof data !== 'object' || ArrayBuffer.isView(data))
    throw wrongType(where, 'data', streamHint, data);
  if ('x' in data || 'y' in data) return false;
  if (Symbol.asyncIterator in data || Symbol.iterator in data) return true;
  throw wrongType(where, 'data', streamHint, data);
}

/** The batches of a stream, checked one by one; `change` may make others of them. */
export async function* batches(
  where: string,
  stream: Exclude<Data, Dataset>,
  shape: DataShape,
  change = (batch: Examples): Examples => batch,
): AsyncGenerator<Examples> {
  const source = typeof stream === 'function' ? await stream(0) : stream;
  const iterable = source !== null && typeof source === 'object' && !ArrayBuffer.isView(source);
  if (!iterable || !(Symbol.asyncIterator in source || Symbol.iterator in source))
    throw wrongType(where, 'the stream', 'an iterable of batches { x, y }', source);
  let index = 0;
  for await (const batch of source) yield change(readExamples(`${where}: batch ${index++}`, batch, shape));
}

/** Checks a data set against a network and brings it into the engine's forms. */
export function readExamples(where: string, data: Dataset, shape: DataShape): Examples {
  if (data === null || typeof data !== 'object') throw wrongType(where, 'data', 'an object { x, y }', data);
  if (data.y === undefined) throw wrongType(where, 'y', 'labels or targets', undefined);
  const inputs = readInputs(where, data.x, shape.inputShape);
  const { rows } = inputs;
  const targets = readTargets(where, data.y, rows, shape);
  const given = data.sampleWeights && flatten(where, 'sampleWeights', data.sampleWeights, 1);
  return { rows, inputs, targets, weights: given && readWeights(where, given, rows) };
}

/** Rows [begin, end) of examples, sharing their memory. Weights stay relative to what they were. */
export function sliceExamples({ rows, inputs, targets, weights }: Examples, begin: number, end: number): Examples {
  const cut = <T extends Inputs['values'] | Int32Array>(values: T): T => {
    const row = values.length / rows;
    return values.subarray(begin * row, end * row) as T;
  };
  return {
    rows: end - begin,
    inputs: { ...inputs, rows: end - begin, values: cut(inputs.values) },
    targets: {
      ...(targets.labels && { labels: cut(targets.labels) }),
      ...(targets.values && { values: cut(targets.values) }),
    },
    weights: weights && cut(weights),
  };
}

/** Checks inputs: a whole number of rows, at least one. */
export function readInputs(where: string, x: unknown, inputShape: readonly number[]): Inputs {
  const size = inputShape.reduce((product, d) => product * d, 1);
  const values = flatten(where, 'x', x, size);
  if (values.length === 0) throw wrongRange(where, 'x', 'at least one row', x);
  if (values.length % size !== 0)
    throw wrongShape(
      where,
      `x has ${values.length} values, which is no whole number of inputs of shape [${inputShape.join(', ')}] (${size} values each)`,
    );
  const rows = values.length / size;
  if (values instanceof Uint8Array || values instanceof Uint8ClampedArray)
    return { rows, kind: 'u8', values: new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.length) };
  return { rows, kind: 'real', values: isReal(values) ? values : Float32Array.from(values) };
}

/** Checks labels or targets: one for each of `rows`. */
export function readTargets(where: string, y: unknown, rows: number, { outputs, targets: kind }: DataShape): Targets {
  const dense = isReal(y) || (Array.isArray(y) && y.length > 0 && typeof y[0] !== 'number');
  if (!dense) {
    const values = flatten(where, 'y', y, 1);
    checkRows(where, 'labels', values.length, rows, 1);
    return outputs === 1 && kind !== 'classes' ? readSingle(where, values, kind) : readLabels(where, values, outputs);
  }
  const values = flatten(where, 'y', y, outputs);
  if (kind === 'classes')
    throw wrongType(where, 'y', 'labels for this loss (Int32Array, Uint8Array or an array of whole numbers)', y);
  checkRows(where, 'targets', values.length, rows, outputs);
  const real = isReal(values) ? values : Float32Array.from(values);
  const labels = labelsOf(real, rows, outputs);
  return { values: real, ...(labels && { labels }) };
}

function checkRows(where: string, what: string, received: number, rows: number, outputs: number): void {
  if (received === rows * outputs) return;
  const expected = outputs === 1 ? `${rows} ${what}` : `${rows} x ${outputs} ${what}`;
  throw wrongShape(where, `x has ${rows} rows, so y needs ${expected}, but it has ${received} values`);
}

function readLabels(where: string, values: DataArray, classes: number): Targets {
  for (let i = 0; i < values.length; i++) {
    const label = values[i]!;
    if (!Number.isInteger(label)) throw new RangeError(`${where}: expected whole labels but row ${i} of y is ${label}`);
    if (label < 0 || label >= classes)
      throw new RangeError(`${where}: expected labels in [0, ${classes - 1}] but row ${i} of y is ${label}`);
  }
  return { labels: values instanceof Int32Array ? values : Int32Array.from(values) };
}

/** One output: labels 0 and 1 (for losses over signs also -1 and +1), or numbers. */
function readSingle(where: string, values: DataArray, kind: TargetKind): Targets {
  const numbers = Float64Array.from(values);
  if (numbers.every((v) => v === 0 || v === 1)) return { labels: Int32Array.from(numbers) };
  if (kind === 'numbers') return { values: numbers };
  const row = numbers.findIndex((v) => v !== -1 && v !== 1);
  if (row < 0) return { labels: Int32Array.from(numbers, (v) => (v === 1 ? 1 : 0)) };
  throw new RangeError(`${where}: expected labels 0 and 1, or -1 and +1, but row ${row} of y is ${values[row]}`);
}

/** The labels that targets spell, where each row is 1 once and 0 (or -1, everywhere the same) elsewhere: only then there is an accuracy. */
function labelsOf(values: Float32Array | Float64Array, rows: number, outputs: number): Int32Array | undefined {
  const off = values.find((v: number) => v !== 1) ?? 0;
  if (off !== 0 && off !== -1) return undefined;
  const labels = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    let [label, ones] = [0, 0];
    for (let k = 0; k < outputs; k++) {
      const value = values[i * outputs + k];
      if (value === 1) [label, ones] = [k, ones + 1];
      else if (value !== off) return undefined;
    }
    if (outputs > 1 && ones !== 1) return undefined;
    labels[i] = outputs > 1 ? label : ones;
  }
  return labels;
}

// ---- values in any of the accepted forms ----

type DataArray = NumericArray | number[];

function isReal(values: unknown): values is Float32Array | Float64Array {
  return values instanceof Float32Array || values instanceof Float64Array;
}

function isNumeric(values: unknown): values is NumericArray {
  const view = ArrayBuffer.isView(values) && !(values instanceof DataView);
  return view && !(values instanceof BigInt64Array || values instanceof BigUint64Array);
}

/** Flat values of nested arrays (of rows of `size` values); typed arrays are returned as they are. */
export function flatten(where: string, name: string, values: unknown, size: number): DataArray {
  const expected = name === 'x' ? 'a typed array or an array of rows' : 'a typed array or an array of numbers or rows';
  if (isNumeric(values)) {
    checkAttached(where, name, values);
    return values;
  }
  if (!Array.isArray(values)) throw wrongType(where, name, expected, values);
  if (typeof values[0] === 'number') {
    for (let i = 0; i < values.length; i++)
      if (typeof values[i] !== 'number') throw wrongType(where, `${name}[${i}]`, 'a number', values[i]);
    return values as number[];
  }
  const flat: number[] = [];
  for (const [i, row] of values.entries()) {
    if (row === null || typeof row !== 'object') throw wrongType(where, `${name}[${i}]`, 'a row of numbers', row);
    const start = flat.length;
    append(where, `${name}[${i}]`, row, flat);
    if (flat.length - start !== size)
      throw wrongShape(where, `row ${i} of ${name} has ${flat.length - start} values where ${size} are expected`);
  }
  return flat;
}

/** Levels of arrays in arrays; an array in itself has no end. */
const MOST_LEVELS = 32;

function append(where: string, name: string, values: unknown, flat: number[], level = 0): void {
  if (typeof values === 'number') flat.push(values);
  else if (Array.isArray(values) && level < MOST_LEVELS)
    for (const [i, value] of values.entries()) append(where, `${name}[${i}]`, value, flat, level + 1);
  else if (isNumeric(values)) {
    checkAttached(where, name, values);
    for (const value of values) flat.push(value);
  } else throw wrongType(where, name, 'a number', values);
}

/** Views have length 0 where their memory was detached, or cut off by a resize; to iterate over them then throws. */
function checkAttached(where: string, name: string, values: NumericArray): void {
  if (values.byteLength > 0) return;
  try {
    values.values();
  } catch {
    throw wrongType(where, name, 'a typed array whose memory is still there', `${show(values)}, detached`);
  }
}
