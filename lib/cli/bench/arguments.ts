/** Random arguments for a kernel case, and the comparison of what two backends make of them. */
import type { TypedArray } from '../../backends/backend.js';
import { kernelSpecs } from '../../backends/kernels.js';
import { RandomStream } from '../../random.js';
import { isLeftOut, type KernelCase } from './cases.js';

export interface KernelArguments {
  readonly buffers: readonly (TypedArray | undefined)[];
  readonly ints: readonly number[];
  readonly reals: readonly number[];
}

/**
 * Arguments with values as a kernel meets them: reals in [-1, 1) (at least 0 for the sums of squares that an optimizer keeps), labels
 * among the classes, places in their window, rows of the source. The same for the same case.
 */
export function argumentsOf({ kernel, ints, reals }: KernelCase): KernelArguments {
  const spec = kernelSpecs[kernel];
  const random = new RandomStream(1, 0);
  const buffers = spec.buffers.map((buffer) => {
    if (isLeftOut(buffer)) return undefined;
    const { name, role, type, length } = buffer;
    const count = length({ ...ints });
    if (role === 'out')
      return type === 'u16' ? new Uint16Array(count) : type === 'i32' ? new Int32Array(count) : new Float32Array(count);
    if (type === 'u8') return repeated(new Uint8Array(count), () => random.below(256));
    if (type === 'u16') return repeated(new Uint16Array(count), () => random.below(Math.max(1, (ints.pool ?? 1) ** 2)));
    if (type === 'i32') {
      const classes = name === 'indices' ? ints.sourceRows! : kernel === 'gather_labels' ? 10 : ints.k!;
      return repeated(new Int32Array(count), () => random.below(Math.max(1, classes)));
    }
    const least = name === 'r' || /variance/i.test(name) ? 0 : -1;
    return repeated(new Float32Array(count), () => random.uniform(least, 1));
  });
  return { buffers, ints: spec.ints.map((name) => ints[name]!), reals: spec.reals.map((name) => reals[name]!) };
}

/** Fills an array with PERIOD values drawn by `draw`, again and again: drawing a whole data set would take longer than timing it. */
function repeated<T extends TypedArray>(values: T, draw: () => number): T {
  for (let i = 0; i < Math.min(PERIOD, values.length); i++) values[i] = draw();
  for (let filled = PERIOD; filled < values.length; filled += PERIOD)
    values.copyWithin(filled, 0, Math.min(PERIOD, values.length - filled));
  return values;
}

/** A prime, so that rows and images do not repeat. */
const PERIOD = 65_521;

/** Largest difference that rounding explains, as a part of the largest value. */
const TOLERANCE = 1e-4;
/** Whole numbers chosen among values (argmax) may differ where two values differ by rounding only. */
const CHANGED = 1e-3;

/** What differs between a result and the reference's beyond rounding, or undefined. */
export function difference(result: TypedArray, reference: TypedArray): string | undefined {
  if (!(result instanceof Float32Array)) {
    let changed = 0;
    for (let i = 0; i < result.length; i++) if (result[i] !== reference[i]) changed++;
    return changed > CHANGED * result.length ? `${changed} of ${result.length} whole numbers differ` : undefined;
  }
  const say = (i: number) => `value ${i} is ${result[i]} and should be ${reference[i]}`;
  let [scale, largest, at] = [1, 0, -1];
  for (const [i, value] of result.entries()) {
    const wanted = reference[i]!;
    if (Number.isNaN(value) && Number.isNaN(wanted)) continue;
    if (Number.isFinite(wanted)) scale = Math.max(scale, Math.abs(wanted));
    const error = value === wanted ? 0 : Math.abs(value - wanted);
    if (Number.isNaN(error)) return say(i);
    if (error > largest) [largest, at] = [error, i];
  }
  return largest <= TOLERANCE * scale ? undefined : say(at);
}
