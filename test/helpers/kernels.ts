/** The backends a kernel test runs on: the reference in both precisions, and the cpu one on each instruction set of the machine. */
import { resolve } from 'node:path';
import type { Precision, TypedArray } from '../../lib/backends/backend.js';
import { type KernelName, kernelNames, kernelSpecs } from '../../lib/backends/kernels.js';
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
}

interface Addon {
  info(): { isa: string; isas: string[] };
  kernelNames(): string[];
  selectIsa(isa: string): boolean;
  runKernel(
    index: number,
    buffers: (TypedArray | undefined)[],
    ints: Float64Array,
    reals: Float64Array,
    threads: number,
  ): void;
}

let addon: Addon | undefined;
/** Why there is no cpu backend to test, or undefined. */
export let whyNoCpu: string | undefined;
try {
  addon = require(resolve(__dirname, '../../build/Release/steepest.node'));
} catch (error) {
  whyNoCpu = String(error);
}

/** The native table's names. */
export function nativeKernelNames(): string[] {
  return addon?.kernelNames() ?? [];
}

/** One for each instruction set of the machine; none where the addon is not built. */
export function cpuRunners(): CpuRunner[] {
  if (addon === undefined) return [];
  const native = addon;
  const { isa: former, isas } = native.info();
  const run = (kernel: KernelName, args: Named, threads: number) => {
    const { buffers, ints, reals } = kernelSpecs[kernel];
    native.runKernel(
      kernelNames.indexOf(kernel),
      buffers.map(({ name }) => args[name] as TypedArray | undefined),
      Float64Array.from(ints, (name) => args[name] as number),
      Float64Array.from(reals, (name) => args[name] as number),
      threads,
    );
  };
  return isas.map((isa) => {
    const select = (name: string) => {
      if (!native.selectIsa(name)) throw new Error(`no instruction set ${name}`);
    };
    const withThreads = (threads: number): Runner => ({
      name: `cpu ${isa}`,
      precision: 'float32',
      real: (values) => Float32Array.from(values),
      run: (kernel, args) => {
        select(isa);
        run(kernel, args, threads);
        select(former);
      },
    });
    return { ...withThreads(1), isa, withThreads };
  });
}

export function kernelRunners(): Runner[] {
  return [referenceRunner('float64'), referenceRunner('float32'), ...cpuRunners()];
}
