/** The backends a kernel test runs on: the reference in both precisions, and the cpu one on each instruction set of the machine. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Backend, Precision, TypedArray } from '../../lib/backends/backend.js';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import { type KernelName, kernelNames, kernelSpecs } from '../../lib/backends/kernels.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { type Binding, loadBinding } from '../../lib/binding.js';
import { gpu, shim } from './cuda.js';
import { stemOf } from './stems.js';

export { shim } from './cuda.js';

/** Arguments by name. */
export type Named = Readonly<Record<string, TypedArray | number | undefined>>;

export interface Runner {
  readonly name: string;
  readonly precision: Precision;
  real(values: ArrayLike<number>): Float32Array | Float64Array;
  /** Runs a kernel; unlike the public call it checks nothing. */
  run(kernel: KernelName, args: Named): void;
}

function runnerOf(name: string, backend: Backend): Runner {
  const { precision } = backend;
  return {
    name,
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

export function referenceRunner(precision: Precision): Runner {
  return runnerOf(`reference ${precision}`, new ReferenceBackend(precision));
}

/** The cpu backend on one instruction set. */
export interface CpuRunner extends Runner {
  readonly isa: string;
  /** The same runner with its own number of threads. */
  withThreads(threads: number): Runner;
}

const { binding, error } = loadBinding();
/** Why there is no cpu backend to test, or undefined. */
export const whyNoCpu: string | undefined = error;

/** The native table's names. */
export function nativeKernelNames(): string[] {
  return binding?.kernelNames() ?? [];
}

/** One for each instruction set of the machine; none where the addon is not built. */
export function cpuRunners(): CpuRunner[] {
  if (binding === undefined) return [];
  const native = binding;
  const { isa: former, isas } = native.info();
  return isas.map((isa) => {
    const withThreads = (threads: number): Runner => {
      const runner = runnerOf(`cpu ${isa}`, createCpuBackend({ threads }));
      return {
        ...runner,
        run: (kernel, args) => {
          native.selectIsa(isa);
          runner.run(kernel, args);
          native.selectIsa(former);
        },
      };
    };
    return { ...withThreads(1), isa, withThreads };
  });
}

/** The CUDA kernels of an addon on its first device; `arithmetic` as runKernel takes it. */
export function cudaRunner(name: string, cuda: Binding, arithmetic = 0): Runner {
  return {
    name,
    precision: 'float32',
    real: (values) => Float32Array.from(values),
    run: (kernel, args) => {
      const { buffers, ints, reals } = kernelSpecs[kernel];
      cuda.runKernel(
        kernelNames.indexOf(kernel),
        buffers.map(({ name }) => args[name] as TypedArray | undefined),
        Float64Array.from(ints.map((name) => args[name] as number)),
        Float64Array.from(reals.map((name) => args[name] as number)),
        1,
        0,
        arithmetic,
      );
    },
  };
}

/** On the host, and on a GPU, as far as there are. */
export function cudaRunners(arithmetic = 0): Runner[] {
  return [
    ...(shim === undefined ? [] : [cudaRunner('shim', shim, arithmetic)]),
    ...(gpu === undefined ? [] : [cudaRunner('gpu', gpu, arithmetic)]),
  ];
}

/** For helpers that want the shim alone. */
export const shimRunner = (arithmetic = 0): Runner => cudaRunner('shim', shim!, arithmetic);

/** Whether a kernel has a CUDA form. */
export function hasCudaForm(kernel: KernelName): boolean {
  const file = join(__dirname, '..', '..', 'cuda', `${stemOf(kernel)}.cu`);
  return existsSync(file) && readFileSync(file, 'utf8').includes(`\nvoid ${kernel}(`);
}

/**
 * `describe.each` of runners. Where there are none, as the addon is not built or has no CUDA, the same tests stand there under `name`: skipped,
 * and counted.
 */
export function describeEach<R extends object>(runners: readonly R[], name: string) {
  return runners.length > 0 ? describe.each([...runners]) : describe.skip.each([{ name } as unknown as R]);
}

export function kernelRunners(): Runner[] {
  return [referenceRunner('float64'), referenceRunner('float32'), ...cpuRunners()];
}
