/** Single kernels as functions on typed arrays, with every argument checked by name before memory is touched. */
import { checkInteger, checkNumber, nearest, wrongRange, wrongShape, wrongType } from '../errors.js';
import type { Backend, TypedArray } from './backend.js';
import { createCpuBackend } from './cpu.js';
import { createCudaBackend } from './cuda.js';
import { type BufferSpec, type DType, type KernelName, type KernelSpec, kernelNames, kernelSpecs } from './kernels.js';
import type { Args } from './reference/args.js';
import { ReferenceBackend } from './reference/backend.js';

/**
 * The kernels of one device by the names of native/kernels/kernels.def, which lists the arguments of each: typed arrays at least as long
 * as it says (Float32Array for `real`), whole numbers and real numbers. Results are written into the arrays given.
 *
 * @throws TypeError on an unknown, missing or wrong kind of argument or a detached buffer; RangeError on a number out of range,
 * sizes that make no sense (a filter larger than its image), or an array too short (ERR_SHAPE)
 */
export type KernelFunctions = { readonly [K in KernelName]: (args: Args<K>) => void };

/** Arguments in the order of the kernel's lists, fit to hand to Backend.runKernel. */
export interface CheckedCall {
  readonly buffers: readonly (TypedArray | undefined)[];
  readonly ints: readonly number[];
  readonly reals: readonly number[];
  /** No output has an element: there is nothing to do. */
  readonly empty: boolean;
}

const arrayNames: Record<DType, readonly string[]> = {
  real: ['Float32Array'],
  i32: ['Int32Array'],
  u16: ['Uint16Array'],
  u8: ['Uint8Array'],
};

/** Checks the arguments of one kernel call. `where` stands before each message. Real arrays may be float64 on the reference alone. */
export function checkCall(where: string, kernel: KernelName, args: unknown, allowFloat64 = false): CheckedCall {
  const spec = specOf(where, kernel);
  if (args === null || typeof args !== 'object' || Array.isArray(args) || ArrayBuffer.isView(args))
    throw wrongType(where, 'arguments', 'an object', args);
  const named = args as Readonly<Record<string, unknown>>;
  checkNames(where, spec, named);
  const ints: Record<string, number> = {};
  for (const name of spec.ints) ints[name] = checkInteger(where, name, named[name]);
  const { needs, empty } = checkSizes(where, spec, ints);
  const reals = spec.reals.map((name) => checkNumber(where, name, named[name]));
  const buffers = spec.buffers.map((buffer, i) =>
    checkBuffer(where, buffer, named[buffer.name], needs[i]!, allowFloat64),
  );
  const kinds = new Set(buffers.filter((b, i) => b && spec.buffers[i]!.type === 'real').map((b) => b!.constructor));
  if (kinds.size > 1)
    throw new TypeError(`${where}: expected real arrays of one type but received both float32 and float64`);
  return { buffers, ints: spec.ints.map((name) => ints[name]!), reals, empty };
}

function specOf(where: string, kernel: unknown): KernelSpec {
  if (typeof kernel !== 'string') throw wrongType(where, 'kernel', 'a name', kernel);
  if (Object.hasOwn(kernelSpecs, kernel)) return kernelSpecs[kernel as KernelName];
  const hint = nearest(kernel, kernelNames);
  throw new RangeError(`${where}: unknown kernel '${kernel}'${hint ? ` (did you mean '${hint}'?)` : ''}`);
}

function checkNames(where: string, spec: KernelSpec, named: object): void {
  const known = [...spec.buffers.map((buffer) => buffer.name), ...spec.ints, ...spec.reals];
  for (const name of Object.keys(named)) {
    if (known.includes(name)) continue;
    const hint = nearest(name, known);
    throw new TypeError(
      `${where}: unknown argument '${name}'${hint ? ` (did you mean '${hint}'?)` : `; known: ${known.join(', ')}`}`,
    );
  }
}

/**
 * A size of 0 takes away what others ask for: images without channels may be of any height, and so may a filter over them. As if each 0 were a
 * 1, an empty buffer and the work would still have to be small: kernels go through sizes, not through elements alone.
 */
const MOST_OF_NOTHING = 2 ** 24;

/** Checks that the sizes fit each other; returns how many elements each buffer needs, and whether all outputs are empty. */
function checkSizes(where: string, spec: KernelSpec, ints: Readonly<Record<string, number>>) {
  const refuse = (why: string) => wrongRange(where, 'sizes', `sizes that fit each other (${why})`, showInts(ints));
  const needs = spec.buffers.map(({ name, length }) => {
    const need = length(ints);
    if (!Number.isSafeInteger(need) || need < 0) throw refuse(`${name} has no length with these`);
    return need;
  });
  if (spec.where?.holds(ints) === false) throw refuse(spec.where.text);
  const empty = spec.buffers.every(({ role }, i) => role === 'in' || needs[i] === 0);
  const nothing = spec.buffers.filter(({ optional }, i) => !optional && needs[i] === 0);
  if (!empty && nothing.length > 0 && isLargeWithOnes(spec, ints, nothing))
    throw refuse(`${nothing.at(-1)!.name} is empty, and yet others are large`);
  return { needs, empty };
}

/** Whether the work, or one of the empty buffers, were large if each 0 were a 1. */
function isLargeWithOnes(spec: KernelSpec, ints: Readonly<Record<string, number>>, empty: readonly BufferSpec[]) {
  const ones = Object.fromEntries(Object.entries(ints).map(([name, value]) => [name, Math.max(1, value)]));
  return spec.flops(ones) > MOST_OF_NOTHING || empty.some(({ length }) => length(ones) > MOST_OF_NOTHING);
}

function checkBuffer(
  where: string,
  { name, type, optional }: BufferSpec,
  value: unknown,
  need: number,
  allowFloat64: boolean,
): TypedArray | undefined {
  if (value === undefined && optional) return undefined;
  const names = type === 'real' && allowFloat64 ? [...arrayNames.real, 'Float64Array'] : arrayNames[type];
  if (!ArrayBuffer.isView(value) || !names.includes(Object.prototype.toString.call(value).slice(8, -1)))
    throw wrongType(where, name, `a ${names.join(' or ')}`, value);
  const array = value as TypedArray;
  if (array.length === 0 && isDetached(array)) throw new TypeError(`${where}: the buffer of ${name} is detached`);
  if (array.length < need)
    throw wrongShape(where, `expected at least ${need} elements for ${name} but received ${array.length}`);
  return array;
}

function showInts(ints: Record<string, number>): string {
  return Object.entries(ints)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
}

/** Whether the array's memory went elsewhere (postMessage, structuredClone): then no view of it can be made. */
function isDetached(array: TypedArray): boolean {
  try {
    new Uint8Array(array.buffer);
    return false;
  } catch {
    return true;
  }
}

/** Runs kernel `kernel` of `backend` on arguments by name, checked as KernelFunctions says. */
export function callKernel<K extends KernelName>(backend: Backend, kernel: K, args: Args<K>): void {
  const call = checkCall(`${backend.name}.${kernel}`, kernel, args, backend.name === 'reference');
  if (!call.empty) backend.runKernel(kernel, call.buffers, call.ints, call.reals);
}

/** All kernels of a backend that is made at the first call. */
export function kernelFunctions(backend: () => Backend): KernelFunctions {
  let made: Backend | undefined;
  const functions: Partial<Record<KernelName, (args: never) => void>> = {};
  for (const kernel of kernelNames)
    functions[kernel] = (args) => {
      made ??= backend();
      callKernel(made, kernel, args);
    };
  return functions as KernelFunctions;
}

/**
 * Single kernels, to use or to measure: `kernels.cpu.gemm({ a, b, c, m, n, k, transposeA: 0, transposeB: 0, accumulate: 0, relu: 0 })`.
 * `kernels.cpu` runs on as many threads as there are physical cores and throws ERR_NO_DEVICE where the addon is not built;
 * `kernels.cuda` takes the first GPU, copies the arrays there and back, and throws ERR_NO_DEVICE where there is none; `kernels.reference` takes
 * float64 arrays too.
 */
export const kernels: {
  readonly reference: KernelFunctions;
  readonly cpu: KernelFunctions;
  readonly cuda: KernelFunctions;
} = {
  reference: kernelFunctions(() => new ReferenceBackend()),
  cpu: kernelFunctions(() => createCpuBackend()),
  cuda: kernelFunctions(() => createCudaBackend()),
};
