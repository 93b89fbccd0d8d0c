/** Every kernel on one backend against the reference: first whether the results agree, then how fast both are. */
import type { Backend, TypedArray } from '../../backends/backend.js';
import { kernelSpecs } from '../../backends/kernels.js';
import { argumentsOf, difference, type KernelArguments } from './arguments.js';
import { costOf, type KernelCase, lineOf, shapeText, smaller } from './cases.js';
import { type Ceiling, shareOf } from './ceiling.js';
import { type MeasureOptions, measure, type Timing, timingOf } from './measure.js';

export interface KernelResult extends Timing {
  readonly bench: 'kernel';
  readonly kernel: string;
  readonly shape: string;
  readonly reason: string;
  readonly device: string;
  readonly threads: number;
  readonly gflops: number;
  readonly gbPerSecond: number;
  /** What limits a call of so many operations on so many bytes: arithmetic or memory. */
  readonly bound: 'compute' | 'memory';
  /** Part of that ceiling which the median reaches; null where no ceiling could be measured. May pass 1 where the data stays in a cache. */
  readonly shareOfPeak: number | null;
  /** The reference's median on the same case with fewer images, and how many times faster this device is per operation (or byte). */
  readonly referenceMs?: number;
  readonly referenceShape?: string;
  readonly timesReference?: number;
}

/** Runs of a kernel on a device that times them itself, the first of which do not count. */
const [DEVICE_RUNS, DEVICE_WARM_UP] = [25, 5];

/** Operations (or values) the reference is given: a tenth of a second or less. */
export const REFERENCE_WORK = 2e7;

export interface KernelBench {
  readonly backend: Backend;
  /** Undefined: nothing is checked. */
  readonly reference: Backend | undefined;
  readonly threads: number;
  readonly ceiling: Ceiling | undefined;
  readonly time?: MeasureOptions;
}

/** Checks and times one case. @throws Error where the results differ beyond rounding. */
export function benchKernel(
  big: KernelCase,
  { backend, reference, threads, ceiling, time }: KernelBench,
): KernelResult {
  const small = smaller(big, REFERENCE_WORK);
  if (reference !== undefined) compare(small, backend, reference);
  const timing = timeCase(big, backend, time);
  const { flops, bytes } = costOf(big);
  const [gflops, gbPerSecond] = [flops / timing.medianMs / 1e6, bytes / timing.medianMs / 1e6];
  return {
    bench: 'kernel',
    kernel: big.kernel,
    shape: shapeText(big),
    reason: big.reason,
    device: backend.name,
    threads,
    ...timing,
    gflops,
    gbPerSecond,
    ...shareOf(ceiling, gflops, gbPerSecond),
    ...(reference !== undefined && beside(big, small, timing, reference)),
  };
}

/** The reference on a case made smaller. */
function beside(big: KernelCase, small: KernelCase, { medianMs }: Timing, reference: Backend) {
  const { medianMs: referenceMs } = timeCase(small, reference, { seconds: 0.1, samples: 3 });
  const [cost, less] = [costOf(big), costOf(small)];
  const [work, referenceWork] = cost.flops > 0 ? [cost.flops, less.flops] : [cost.bytes, less.bytes];
  const timesReference = work / medianMs / (referenceWork / referenceMs);
  return { referenceMs, referenceShape: shapeText(small), timesReference };
}

function call(backend: Backend, { kernel }: KernelCase, { buffers, ints, reals }: KernelArguments): void {
  backend.runKernel(kernel, buffers, ints, reals);
}

function timeCase(one: KernelCase, backend: Backend, time: MeasureOptions | undefined): Timing {
  const args = argumentsOf(one);
  if (backend.timeKernel !== undefined) {
    const { buffers, ints, reals } = args;
    return timingOf(backend.timeKernel(one.kernel, buffers, ints, reals, DEVICE_RUNS).slice(DEVICE_WARM_UP));
  }
  return measure(lineOf(one), () => call(backend, one, args), time);
}

/** Runs a case on both backends with the same arguments and compares all that the kernel writes. */
function compare(one: KernelCase, backend: Backend, reference: Backend): void {
  if (backend.name === 'reference') return;
  const [args, expected] = [argumentsOf(one), argumentsOf(one)];
  call(backend, one, args);
  call(reference, one, expected);
  for (const [i, { name, role }] of kernelSpecs[one.kernel].buffers.entries()) {
    if (role === 'in') continue;
    const why = difference(args.buffers[i] as TypedArray, expected.buffers[i] as TypedArray);
    if (why !== undefined)
      throw new Error(`${lineOf(one)}: ${backend.name} differs from the reference: ${name}: ${why}`);
  }
}
