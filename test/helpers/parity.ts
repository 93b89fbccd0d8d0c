/** Runs a case of a kernel on a backend between guard bytes, and holds the results against the reference. */
import type { TypedArray } from '../../lib/backends/backend.js';
import { type BufferSpec, type DType, type KernelName, kernelNames, kernelSpecs } from '../../lib/backends/kernels.js';
import { RandomStream } from '../../lib/random.js';
import { type Case, type KernelCases, reals } from '../kernels/cases/case.js';
import { kernelCases } from '../kernels/cases/index.js';
import { guarded } from './guarded.js';
import { type Runner, referenceRunner } from './kernels.js';

type Arrays = Record<string, TypedArray>;

/** A case with its buffers drawn: inputs, and garbage where the outputs go. */
export interface Prepared {
  readonly kernel: KernelName;
  readonly index: number;
  readonly case: Case;
  readonly inputs: Arrays;
  /** Results of the reference in both precisions. */
  readonly expected32: Arrays;
  readonly expected64: Arrays;
  readonly magnitude: Readonly<Record<string, ArrayLike<number>>>;
}

const arrayTypes = { real: Float32Array, i32: Int32Array, u16: Uint16Array, u8: Uint8Array };
const float32 = referenceRunner('float32');
const float64 = referenceRunner('float64');
const prepared = new Map<KernelName, Prepared[]>();

/** The cases of a kernel, ready to run. */
export function prepare(kernel: KernelName): Prepared[] {
  let list = prepared.get(kernel);
  if (list === undefined) {
    list = kernelCases[kernel].cases.map((c, index) => prepareCase(kernel, c, index));
    prepared.set(kernel, list);
  }
  return list;
}

/** The buffers that a case hands over. */
function buffersOf(kernel: KernelName, { without = [] }: Case): BufferSpec[] {
  return kernelSpecs[kernel].buffers.filter(({ name }) => !without.includes(name));
}

/** One case, ready to run. */
export function prepareCase(kernel: KernelName, c: Case, index: number): Prepared {
  const random = new RandomStream(2025, kernelNames.indexOf(kernel), index);
  const cases: KernelCases = kernelCases[kernel];
  const inputs: Arrays = {};
  for (const { name, role, type, length } of buffersOf(kernel, c)) {
    const elements = length(c.ints as Record<string, number>);
    if (!Number.isInteger(elements)) throw new Error(`${kernel}: no size for ${name} in ${JSON.stringify(c)}`);
    const values =
      role === 'out'
        ? garbage(elements)
        : (cases.draw?.[name] ?? drawOf(kernel, name, type))(random, elements, c, inputs);
    inputs[name] = arrayTypes[type].from(values as ArrayLike<number>);
  }
  // Made when asked for: the large cases are compared by one of them only.
  let [expected32, expected64, magnitude]: [Arrays?, Arrays?, Prepared['magnitude']?] = [];
  return {
    kernel,
    index,
    case: c,
    inputs,
    get expected32() {
      expected32 ??= run(float32, kernel, c, inputs).outputs;
      return expected32;
    },
    get expected64() {
      expected64 ??= run(float64, kernel, c, inputs).outputs;
      return expected64;
    },
    get magnitude() {
      magnitude ??= magnitudes(kernel, c, inputs, this.expected64);
      return magnitude;
    },
  };
}

function garbage(length: number): number[] {
  return new Array<number>(length).fill(77);
}

function drawOf(kernel: KernelName, name: string, type: DType) {
  if (type === 'real') return reals();
  if (type === 'u8') return (random: RandomStream, length: number) => Array.from({ length }, () => random.below(256));
  if (kernel === 'gather_labels' && name === 'source')
    return (random: RandomStream, length: number) => Array.from({ length }, () => random.below(10));
  throw new Error(`${kernel}: its cases do not say how to draw ${name}`);
}

/** Sizes that rounding errors are measured against, an array for each real output. */
function magnitudes(
  kernel: KernelName,
  c: Case,
  inputs: Arrays,
  outputs: Arrays,
): Readonly<Record<string, ArrayLike<number>>> {
  const { compare } = kernelCases[kernel];
  if (compare === 'exact' || compare === 'output') return outputs;
  if (typeof compare === 'function') return compare(inputs, outputs, c.ints);
  const ints = 'relu' in c.ints ? { ...c.ints, relu: 0 } : c.ints;
  const positive: Arrays = {};
  for (const [name, values] of Object.entries(inputs))
    positive[name] =
      name === 'mask'
        ? values.map(() => 1)
        : values instanceof Float32Array
          ? values.map((v) => (Number.isFinite(v) ? Math.abs(v) : 0))
          : values;
  const sizes = run(float64, kernel, { ...c, ints }, positive).outputs;
  if (!ints.tile) return sizes;
  // By Winograd an element takes part in the errors of its neighbours.
  const largest = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => Math.max(a, b), 0);
  return Object.fromEntries(
    Object.entries(sizes).map(([name, values]) => [name, new Float64Array(values.length).fill(largest(values))]),
  );
}

export interface Result {
  readonly outputs: Arrays;
  /** What went wrong beside the values: guards overwritten, inputs changed. */
  readonly problems: readonly string[];
}

/** Runs a case on copies of `inputs`, each between guards and `shift` elements off its alignment. */
export function run(runner: Runner, kernel: KernelName, c: Case, inputs: Arrays, shift = 0): Result {
  const { copies, args } = guardedArgs(runner, kernel, c, inputs, shift);
  runner.run(kernel, { ...args, ...c.ints, ...c.reals });
  return collect(kernel, c, copies, inputs);
}

/** The same in two calls, each on a part of the batch. */
export function runInSlices(runner: Runner, { kernel, case: c, inputs }: Prepared): Result {
  const { copies, args } = guardedArgs(runner, kernel, c, inputs, 0);
  const key = batchKey(kernel);
  const total = c.ints[key]!;
  const cut = Math.ceil(total / 3);
  for (const [start, end] of [
    [0, cut],
    [cut, total],
  ] as const) {
    const part: Record<string, TypedArray | number | undefined> = { ...c.ints, ...c.reals, [key]: end - start };
    let perOutput = 0;
    for (const { name, role, length } of buffersOf(kernel, c)) {
      const all = length(c.ints as Record<string, number>);
      const batched = length({ ...c.ints, [key]: total + 1 }) !== all;
      const each = batched ? all / total : 0;
      part[name] = batched ? (args[name] as TypedArray).subarray(start * each, end * each) : args[name];
      if (role === 'out') perOutput = each;
    }
    if (c.ints.first !== undefined) part.first = c.ints.first + start * perOutput;
    runner.run(kernel, part);
  }
  return collect(kernel, c, copies, inputs);
}

/** The whole number that counts images or rows. */
export function batchKey(kernel: KernelName): 'n' | 'rows' {
  return kernelSpecs[kernel].ints.includes('n') ? 'n' : 'rows';
}

function guardedArgs(runner: Runner, kernel: KernelName, c: Case, inputs: Arrays, shift: number) {
  const copies = buffersOf(kernel, c).map((spec) => {
    const values = inputs[spec.name]!;
    return { spec, ...guarded(spec.type === 'real' ? runner.real(values) : values, shift) };
  });
  const args: Record<string, TypedArray | undefined> = {};
  for (const { spec, array } of copies) args[spec.name] = array;
  return { copies, args };
}

function collect(
  kernel: KernelName,
  c: Case,
  copies: readonly { spec: BufferSpec; array: TypedArray; intact(): boolean }[],
  inputs: Arrays,
): Result {
  const outputs: Arrays = {};
  const problems: string[] = [];
  for (const { spec, array, intact } of copies) {
    if (!intact()) problems.push(`${kernel} ${JSON.stringify(c)}: wrote outside ${spec.name}`);
    if (spec.role !== 'in') outputs[spec.name] = array;
    else if (firstDifference(array, inputs[spec.name]!) >= 0)
      problems.push(`${kernel} ${JSON.stringify(c)}: changed ${spec.name}`);
  }
  return { outputs, problems };
}

/** Place of the first element that is not the same number (NaN is NaN), or -1. */
export function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (!same(a[i]!, b[i]!)) return i;
  return -1;
}

function same(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

/** Compares results with the reference: one line for each output that is off, with the worst element. */
export function differences(prepared: Prepared, { outputs }: Result): string[] {
  const { kernel, case: c } = prepared;
  const { compare, terms } = kernelCases[kernel] as KernelCases;
  const exact = compare === 'exact' || (compare === 'absolute' && c.fill === 'integers');
  const unit = 4 * (1 + Math.sqrt(terms?.(c.ints) ?? 1)) * 2 ** -24;
  const lines: string[] = [];
  for (const [name, actual] of Object.entries(outputs)) {
    const strict = exact || !(actual instanceof Float32Array);
    const expected = (strict ? prepared.expected32 : prepared.expected64)[name]!;
    let [worst, place] = [0, -1];
    for (let i = 0; i < actual.length; i++) {
      if (same(actual[i]!, expected[i]!)) continue;
      const limit = strict ? 0 : unit * prepared.magnitude[name]![i]! + 2 ** -126;
      const excess = Math.abs(actual[i]! - expected[i]!) / limit;
      if (excess <= 1) continue;
      if (place < 0 || !(excess <= worst)) [worst, place] = [excess, i];
    }
    if (place < 0) continue;
    lines.push(
      `${kernel} ${JSON.stringify(c)}: ${name}[${place}] of ${actual.length} is ${actual[place]} but the reference has ${expected[place]} (${worst.toPrecision(3)} times the limit)`,
    );
  }
  return lines;
}

/** Lines for the outputs of two runs that differ in a bit. */
export function unequal(prepared: Prepared, a: Result, b: Result): string[] {
  return Object.entries(a.outputs).flatMap(([name, values]) => {
    const i = firstDifference(values, b.outputs[name]!);
    return i < 0
      ? []
      : [`${prepared.kernel} ${JSON.stringify(prepared.case)}: ${name}[${i}]: ${values[i]} and ${b.outputs[name]![i]}`];
  });
}
