/**
 * Every kernel on every backend with damaged arguments, one at a time and several sizes at once: an error that says what was expected, the same
 * on all backends, or the result of the reference; nothing outside the arrays is touched, and nothing hangs or crashes.
 */
import { expect, test } from 'vitest';
import type { Backend, TypedArray } from '../../lib/backends/backend.js';
import { callKernel } from '../../lib/backends/call.js';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import { createCudaBackend } from '../../lib/backends/cuda.js';
import { type KernelName, kernelNames, kernelSpecs } from '../../lib/backends/kernels.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { show } from '../../lib/errors.js';
import { RandomStream } from '../../lib/random.js';
import { noCuda } from '../helpers/cuda.js';
import { guarded } from '../helpers/guarded.js';
import { hasCudaForm, whyNoCpu } from '../helpers/kernels.js';
import { prepareCase } from '../helpers/parity.js';
import { kernelCases } from './cases/index.js';

type Arguments = Readonly<Record<string, unknown>>;
type Change = readonly [name: string, change: Arguments];

const reference = new ReferenceBackend();
const devices: readonly Backend[] = [
  ...(whyNoCpu === undefined ? [createCpuBackend({ threads: 2 })] : []),
  ...(noCuda ? [] : [createCudaBackend()]),
];

const isArray = (value: unknown): value is TypedArray => ArrayBuffer.isView(value) && !(value instanceof DataView);

/** Small calls that are right, one for each way through a kernel. */
function smallCalls(kernel: KernelName): Arguments[] {
  const { buffers } = kernelSpecs[kernel];
  const elements = (c: Arguments) => buffers.reduce((sum, { length }) => sum + length(c as Record<string, number>), 0);
  const list = kernelCases[kernel].cases
    .map((c, index) => ({ c, index }))
    .filter(
      ({ c }) => c.fill !== 'special' && buffers.every(({ optional, length }) => optional || length({ ...c.ints }) > 0),
    )
    .sort((a, b) => elements(a.c.ints) - elements(b.c.ints));
  const ways = new Map<string, (typeof list)[number]>();
  for (const one of list) {
    const { pool = 0, tile = 0, stride = 1 } = one.c.ints as Record<string, number>;
    const way = `${pool > 0} ${tile} ${stride > 1} ${one.c.without?.includes('u')}`;
    if (!ways.has(way) && elements(one.c.ints) < 20_000) ways.set(way, one);
  }
  return [...ways.values()].map(({ c, index }) => ({ ...prepareCase(kernel, c, index).inputs, ...c.ints, ...c.reals }));
}

const gone = new Float32Array(64);
structuredClone(gone, { transfer: [gone.buffer] });
const OTHERS = [undefined, null, [1, 2], 'x', {}, gone, new Int32Array(64), new Uint16Array(64)];
const KINDS = ['3', undefined, null, 3n, true, [3], {}];
const NUMBERS = [-1, Number.NaN, 1.5, Number.POSITIVE_INFINITY, 2 ** 53];
const SIZES = [0, 1, 2, 7, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER];

/** A call with one argument damaged. */
function* damaged(kernel: KernelName, args: Arguments): Generator<Change> {
  const { buffers, ints, reals } = kernelSpecs[kernel];
  for (const name of ints) {
    const value = args[name] as number;
    for (const other of [...NUMBERS, ...SIZES, ...KINDS, value + 1, value - 1]) yield [name, { [name]: other }];
  }
  for (const name of reals)
    for (const other of [...KINDS, Number.NaN, 0, -1, 1e300, 1e-30, -Number.MAX_VALUE]) yield [name, { [name]: other }];
  for (const { name } of buffers) {
    const value = args[name];
    const cut = isArray(value) ? [value.subarray(0, value.length - 1), value.subarray(0, 0), value.subarray(1)] : [];
    for (const other of [...OTHERS, ...cut]) yield [name, { [name]: other }];
  }
  yield ['nonsense', { nonsense: 1 }];
}

/** A call with one size 0 and another large. */
function* hidden(kernel: KernelName): Generator<Change> {
  const { ints } = kernelSpecs[kernel];
  for (const name of ints)
    for (const other of ints)
      for (const size of [2 ** 20, 2 ** 31, 2 ** 50]) if (name !== other) yield [name, { [name]: 0, [other]: size }];
}

/** Calls with several sizes drawn, most of them small, and arrays that hold them all or nothing. */
function* drawn(kernel: KernelName, args: Arguments): Generator<Change> {
  const { buffers, ints } = kernelSpecs[kernel];
  const random = new RandomStream(7, kernelNames.indexOf(kernel), 0);
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]!;
  const room = Object.fromEntries(
    Object.entries(args).flatMap(([name, value]) => {
      if (!isArray(value) || value.length === 0) return [];
      const filled = new (value.constructor as Float32ArrayConstructor)(2048);
      return [[name, filled.map((_, i) => value[i % value.length]!)]];
    }),
  );
  for (let round = 0; round < 100; round++) {
    const sizes = ints.map((name) => [name, random.below(3) > 0 ? args[name] : pick([0, 1, 1, 2, 3, ...SIZES])]);
    const bare = Object.fromEntries(
      buffers.filter(({ optional }) => optional && random.below(2)).map(({ name }) => [name, undefined]),
    );
    yield ['sizes', { ...room, ...bare, ...Object.fromEntries(sizes) }];
  }
}

function* changes(kernel: KernelName): Generator<readonly [string, Arguments]> {
  for (const [index, args] of smallCalls(kernel).entries()) {
    const all = [damaged(kernel, args), ...(index === 0 ? [hidden(kernel)] : []), drawn(kernel, args)];
    for (const list of all) for (const [name, change] of list) yield [name, { ...args, ...change }];
  }
}

/** What a call gave: its error, or its arrays; and whether it kept to them. */
function outcome(backend: Backend, kernel: KernelName, args: Arguments) {
  const kept = Object.entries(args).map(([name, value]) => {
    if (!isArray(value) || value === gone) return { name, array: value, intact: () => true };
    return { name, ...guarded(value, 1) };
  });
  const call = { ...args, ...Object.fromEntries(kept.map(({ name, array }) => [name, array])) };
  let error: unknown;
  try {
    callKernel(backend, kernel, call as never);
  } catch (e) {
    error = e;
  }
  const outside = kept.filter(({ intact }) => !intact()).map(({ name }) => name);
  return { error, outside, arrays: call as Arguments };
}

/** What the engine or a kernel says by itself, where nobody looked at the value before it was used. */
const UNSEEN =
  /^(Cannot|Invalid|Array buffer|Maximum call|undefined|null|.* is not (a function|iterable|defined|an object))/;

function complaint(error: unknown, prefix: string): string | undefined {
  if (!(error instanceof TypeError || error instanceof RangeError)) return `threw ${error}`;
  return error.message.startsWith(prefix) && !UNSEEN.test(error.message)
    ? undefined
    : `${error.name}: ${error.message}`;
}

/** The first element that is far from the reference's. */
function apart(kernel: KernelName, actual: Arguments, expected: Arguments): string | undefined {
  for (const { name, role } of kernelSpecs[kernel].buffers) {
    const [a, b] = [actual[name], expected[name]];
    if (role === 'in' || !isArray(a) || !isArray(b)) continue;
    const scale = Array.from(b).reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 1);
    for (let i = 0; i < a.length; i++)
      if (Number.isFinite(a[i]!) !== Number.isFinite(b[i]!) || Math.abs(a[i]! - b[i]!) > 1e-3 * scale)
        return `${name}[${i}] is ${a[i]}, and ${b[i]} by the reference`;
  }
  return undefined;
}

/** What is wrong with a call on a backend, held against the reference's outcome. */
function wrong(backend: Backend, kernel: KernelName, args: Arguments, expected: ReturnType<typeof outcome>) {
  const { error, outside, arrays } = outcome(backend, kernel, args);
  if (outside.length > 0) return `wrote outside ${outside}`;
  const message = (e: unknown) =>
    (e as Error | undefined)?.message.replace(/^\w+\./, '').replace(/ or Float64Array/, '');
  if (backend.name === 'cuda' && expected.error === undefined && /more than \d+ elements/.test(message(error) ?? ''))
    return;
  if (error !== undefined || expected.error !== undefined)
    return message(error) === message(expected.error) ? undefined : `${error}, and ${expected.error} by the reference`;
  return incomparable(args) ? undefined : apart(kernel, arrays, expected.arrays);
}

/** A transformed filter that is no longer the filter's, and numbers beyond float32 or the reference's counting, may give other values. */
function incomparable(args: Arguments): boolean {
  const beyond = (value: unknown) => typeof value === 'number' && Math.abs(value) > 1e38;
  return args.u !== undefined || args.first === Number.MAX_SAFE_INTEGER || Object.values(args).some(beyond);
}

/** All that is wrong with a call on any backend. */
function complaints(kernel: KernelName, name: string, args: Arguments): string[] {
  const expected = outcome(reference, kernel, args);
  if (expected.error === undefined) ran++;
  else refused++;
  const own = expected.error === undefined ? undefined : complaint(expected.error, `reference.${kernel}: `);
  const list = [own, expected.outside.length > 0 ? `the reference wrote outside ${expected.outside}` : undefined];
  for (const backend of devices)
    if (backend.name !== 'cuda' || hasCudaForm(kernel)) {
      const why = wrong(backend, kernel, args, expected);
      list.push(why && `${backend.name}: ${why}`);
    }
  const told = () => Object.entries(args).map(([key, value]) => `${key} = ${show(value)}`);
  return list.filter((why) => why !== undefined).map((why) => `${name}: ${why} (${told().join(', ')})`);
}

let [refused, ran] = [0, 0];
test.each(kernelNames)('%s', (kernel) => {
  const found: string[] = [];
  for (const [name, args] of changes(kernel)) found.push(...complaints(kernel, name, args));
  expect(found).toEqual([]);
});

test('many were refused, and many were not', () => {
  expect(refused).toBeGreaterThan(20_000);
  expect(ran).toBeGreaterThan(5000);
});
