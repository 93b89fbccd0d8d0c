/** The backends a kernel test runs on: the reference in both precisions, and the cpu one on each instruction set of the machine. */
import type { Precision, TypedArray } from '../../lib/backends/backend.js';
import { type KernelName, kernelSpecs } from '../../lib/backends/kernels.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';

/** Arguments by name. */
export type Named = Readonly<Record<string, TypedArray | number | undefined>>;

export interface Runner {
  readonly name: string;
  readonly precision: Precision;
  real(values: ArrayLike<number>): Float32Array | Float64Array;
  /** Runs a kernel; unlike the public call it checks nothing. */
  run(kernel: KernelName, args: Named): void;
}

export function referenceRunner(precision: Precision): Runner {
  const backend = new ReferenceBackend(precision);
  return {
    name: `reference ${precision}`,
    precision,
    real: (values) => (precision === 'float32' ? Float32Array.from(values) : Float64Array.from(values)),
    run: (kernel, args) => {
      const { buffers, ints, reals } = kernelSpecs[kernel];
      backend.runKernel(
        kernel,
        buffers.map(({ name }) => args[name] as TypedArray | undefined),
        ints.map((name) => args[name] as number),
        reals.map((name) => args[name] as number),
      );
    },
  };
}

/** The cpu backend on one instruction set. */
export interface CpuRunner extends Runner {
  readonly isa: string;
  /** The same runner with its own number of threads. */
  withThreads(threads: number): Runner;
  /** Takes this instruction set, until restore() takes the former one again. */
  select(): void;
  restore(): void;
}

export const whyNoCpu: string | undefined = 'not built';
/** The native table's names. */
export function nativeKernelNames(): string[] {
  return [];
}
export function cpuRunners(): CpuRunner[] {
  return [];
}

export function kernelRunners(): Runner[] {
  return [referenceRunner('float64'), referenceRunner('float32'), ...cpuRunners()];
}
