/** Computes tensors from values, once: compiles their graph and runs one step. For experiments and tests; training compiles its own plans. */
import {
  type Backend,
  type Executable,
  type Precision,
  realArray,
  type Storage,
  type TypedArray,
} from '../backends/backend.js';
import type { DType } from '../backends/kernels.js';
import { ReferenceBackend } from '../backends/reference/backend.js';
import { checkInteger, checkOptions, wrongRange, wrongShape, wrongType } from '../errors.js';
import { elements, inputOp, isBatched, isTensor, parameterOp, showShape, type Tensor } from '../graph/tensor.js';
import { nodesBefore } from '../graph/walk.js';
import { compile, type ParameterLayout, parameterLayout } from './compile.js';

/** Values of a tensor, row-major; a number stands for one value. */
export type Values = number | ArrayLike<number>;
/** Values of a graph's inputs and parameters. */
export type Feeds = ReadonlyMap<Tensor, Values> | readonly (readonly [Tensor, Values])[];

export interface ComputeOptions {
  /** Where to compute. Default: the reference in float64. */
  readonly device?: Backend;
  /** Number of images. Default: what the values of batched inputs hold (1 if there are none). */
  readonly batch?: number;
  /** The step that dropout and stochastic pooling draw for. Default 0. */
  readonly step?: number;
  /** Fuse neighbouring kernels. Default true. */
  readonly fuse?: boolean;
}

/**
 * The values of tensors, given those of the inputs and parameters they are made from: for each output a typed array, row-major (Float64Array
 * or Float32Array as the device's precision is; Int32Array for i32).
 * @throws TypeError where a source has no values or values of a wrong kind
 * @throws RangeError with code ERR_SHAPE where their number does not fit the shape or the batch
 * @example
 * const x = ops.input('x', ['N', 2]);
 * const [y] = await compute([ops.relu(x)], [[x, [1, -2, -3, 4]]]); // a Float64Array
 * y; // [1, 0, 0, 4]
 */
export async function compute(
  outputs: readonly Tensor[],
  feeds: Feeds,
  options?: ComputeOptions,
): Promise<TypedArray[]> {
  const computation = new Computation(outputs, feeds, options);
  try {
    return await computation.run();
  } finally {
    computation.dispose();
  }
}

/** What compute runs, kept: values can be changed in place between runs. */
export class Computation {
  readonly #outputs: readonly Tensor[];
  readonly #sources: readonly Tensor[];
  readonly #parameters: readonly Tensor[];
  readonly #layout: ParameterLayout;
  readonly #batch: number;
  readonly #step: number;
  readonly #storages = new Map<string, Storage>();
  readonly #executable: Executable;

  constructor(outputs: readonly Tensor[], feeds: Feeds, options: ComputeOptions = {}) {
    checkOptions('compute', options, ['device', 'batch', 'step', 'fuse']);
    const device = options.device ?? new ReferenceBackend('float64');
    if (typeof device?.load !== 'function' || typeof device.allocate !== 'function')
      throw wrongType('compute', 'device', 'a backend', device);
    this.#outputs = checkOutputs(outputs);
    this.#step = checkInteger('compute', 'step', options.step ?? 0);
    this.#sources = nodesBefore(outputs)
      .filter(({ op }) => op === inputOp || op === parameterOp)
      .map((node) => node.outputs[0]!);
    this.#parameters = this.#sources.filter((t) => t.node.op === parameterOp);
    this.#layout = parameterLayout(this.#parameters);
    const values = checkFeeds(this.#sources, feeds);
    this.#batch = checkBatch(values, options.batch);
    const { plan, constants } = compile({
      name: 'compute',
      precision: device.precision,
      maxBatch: this.#batch,
      inputs: this.#sources
        .filter((t) => t.node.op === inputOp)
        .map((tensor) => ({ tensor, region: this.#region(tensor) })),
      parameters: this.#parameters,
      outputs: outputs.map((tensor, i) => ({ tensor, region: `output ${i}` })),
      fuse: options.fuse ?? true,
    });
    const lengths = this.#lengths(constants.length);
    this.#executable = device.load(plan);
    try {
      for (const { name, dtype } of plan.regions) this.#storages.set(name, device.allocate(dtype, lengths.get(name)!));
      this.#storages.get('constants')?.write(constants);
      for (const [tensor, array] of values) this.write(tensor, array);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Puts values (checked by the caller) into a source, from element `at` on; nothing, where the outputs do not need it. */
  write(tensor: Tensor, values: TypedArray, at = 0): void {
    if (!this.#sources.includes(tensor)) return;
    const index = this.#parameters.indexOf(tensor);
    const offset = index < 0 ? 0 : this.#layout.offsets[index]!;
    this.#storages.get(this.#region(tensor))?.write(values, offset + at);
  }

  async run(): Promise<TypedArray[]> {
    const { plan } = this.#executable;
    const regions = plan.regions.map(({ name }) => this.#storages.get(name)!);
    const slots = Float64Array.from(plan.slots, (name) => {
      if (name !== 'step') throw wrongRange('compute', 'slot', "'step'", name);
      return this.#step;
    });
    await this.#executable.run({ regions, batch: this.#batch, rows: this.#batch, slots }).done;
    return this.#outputs.map((tensor, i) => {
      const result = arrayOf(tensor.dtype, lengthOf(tensor, this.#batch), plan.precision);
      this.#storages.get(`output ${i}`)!.read(result);
      return result;
    });
  }

  dispose(): void {
    this.#executable.dispose();
    for (const storage of this.#storages.values()) storage.dispose();
  }

  #region(tensor: Tensor): string {
    return tensor.node.op === parameterOp ? 'parameters' : `input ${this.#sources.indexOf(tensor)}`;
  }

  #lengths(constants: number): Map<string, number> {
    const lengths = new Map([
      ['constants', constants],
      ['parameters', this.#layout.length],
    ]);
    for (const t of this.#sources) if (t.node.op === inputOp) lengths.set(this.#region(t), lengthOf(t, this.#batch));
    for (const [i, t] of this.#outputs.entries()) lengths.set(`output ${i}`, lengthOf(t, this.#batch));
    return lengths;
  }
}

// ---- checks ----

function checkOutputs(outputs: unknown): readonly Tensor[] {
  if (!Array.isArray(outputs) || outputs.length === 0 || !Array.from(outputs).every(isTensor))
    throw wrongType('compute', 'outputs', 'an array of tensors', outputs);
  return outputs;
}

/** The values of each source, as a typed array of its kind. More than the outputs need may be given. */
function checkFeeds(sources: readonly Tensor[], feeds: Feeds): Map<Tensor, TypedArray> {
  const given = new Map<Tensor, Values>();
  if (!(feeds instanceof Map) && !Array.isArray(feeds))
    throw wrongType('compute', 'feeds', 'a Map or an array of [tensor, values]', feeds);
  for (const pair of feeds) {
    if (!Array.isArray(pair) || !isTensor(pair[0])) throw wrongType('compute', 'feeds', '[tensor, values] pairs', pair);
    const { op, label } = pair[0].node;
    if (op !== inputOp && op !== parameterOp)
      throw wrongType('compute', 'feeds', 'values of inputs and parameters only', label);
    given.set(pair[0], pair[1]);
  }
  return new Map([...sources, ...given.keys()].map((tensor) => [tensor, checkValues(tensor, given.get(tensor))]));
}

function nameOf({ node, shape }: Tensor): string {
  return `the ${node.op.name} '${node.label}' ${showShape(shape)}`;
}

const RANGES = { i32: [-(2 ** 31), 2 ** 31 - 1], u16: [0, 2 ** 16 - 1], u8: [0, 255] } as const;

function checkValues(tensor: Tensor, values: Values | undefined): TypedArray {
  const list = typeof values === 'number' ? [values] : values;
  if (!Array.isArray(list) && !(ArrayBuffer.isView(list) && !(list instanceof DataView)))
    throw wrongType('compute', nameOf(tensor), 'an array of numbers', values);
  const array = arrayOf(tensor.dtype, list.length, 'float64');
  const range = tensor.dtype === 'real' ? undefined : RANGES[tensor.dtype];
  for (let i = 0; i < list.length; i++) {
    const value: unknown = list[i];
    if (typeof value !== 'number') throw wrongType('compute', `${nameOf(tensor)} at ${i}`, 'a number', value);
    if (range && !(Number.isInteger(value) && value >= range[0] && value <= range[1]))
      throw wrongRange('compute', `${nameOf(tensor)} at ${i}`, `an integer in [${range.join(', ')}]`, value);
    array[i] = value;
  }
  return array;
}

/** The number of images; throws ERR_SHAPE where the values of one source do not fit its shape or this number. */
function checkBatch(values: ReadonlyMap<Tensor, TypedArray>, option: number | undefined): number {
  let batch = option === undefined ? undefined : checkInteger('compute', 'batch', option, 1);
  for (const [tensor, { length }] of values) {
    const { fixed, perImage } = elements(tensor.shape);
    if (!isBatched(tensor.shape)) {
      if (length !== fixed)
        throw wrongShape('compute', `${nameOf(tensor)} takes ${fixed} values but received ${length}`);
      continue;
    }
    if (length !== perImage * (perImage === 0 ? 0 : Math.floor(length / perImage)))
      throw wrongShape('compute', `${nameOf(tensor)} takes ${perImage} values an image but received ${length}`);
    const images = perImage === 0 ? (batch ?? 1) : length / perImage;
    if (images === 0) throw wrongShape('compute', `${nameOf(tensor)} received no image`);
    if (batch !== undefined && images !== batch)
      throw wrongShape('compute', `${nameOf(tensor)} received ${images} images where the batch has ${batch}`);
    batch = images;
  }
  return batch ?? 1;
}

function lengthOf({ shape }: Tensor, batch: number): number {
  const { fixed, perImage } = elements(shape);
  return fixed + perImage * batch;
}

function arrayOf(dtype: DType, length: number, precision: Precision): TypedArray {
  if (dtype === 'real') return realArray(precision, length);
  return dtype === 'i32' ? new Int32Array(length) : dtype === 'u16' ? new Uint16Array(length) : new Uint8Array(length);
}
